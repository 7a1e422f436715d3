"""Sidecars of the mesh without containers: who gets one, how it begins, and what Prometheus makes of its numbers."""

import json
import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import yaml

from testbed.mesh.agent import ANNOTATIONS, PROXY_SOCKET, SECRETS_SOCKET, TOKEN, XDS, command_of, environ_of, files_of
from testbed.mesh.envoy import ADMIN, NUMBERS, bootstrap
from testbed.mesh.istio import MANIFESTS
from testbed.mesh.network import NODE
from testbed.mesh.nodelet import gets_sidecar
from testbed.mesh.numbers import job

INJECTED = {"istio-injection": "enabled"}


@pytest.mark.parametrize(
    ("namespace", "pod", "gets"),
    [
        pytest.param({}, {}, False, id="neither asks for it"),
        pytest.param(INJECTED, {}, True, id="its namespace does"),
        pytest.param({"istio-injection": "disabled"}, {}, False, id="its namespace refuses"),
        pytest.param(INJECTED, {"sidecar.istio.io/inject": "false"}, False, id="the pod refuses"),
        pytest.param({}, {"sidecar.istio.io/inject": "true"}, True, id="the pod asks"),
    ],
)
def test_labels_say_who_gets_a_sidecar(namespace, pod, gets):
    assert gets_sidecar(namespace, pod) is gets


def pod(**meta):
    return {"metadata": {"namespace": "test", "name": "load", **meta}, "spec": {"serviceAccountName": "caller"}}


def begins(**meta):
    return bootstrap(pod(**meta), IPv4Address("10.244.0.7"))


def address_of(config, name):
    """Return the address of a static cluster."""
    (found,) = [c for c in config["static_resources"]["clusters"] if c["name"] == name]
    (endpoints,) = found["load_assignment"]["endpoints"]
    return endpoints["lb_endpoints"][0]["endpoint"]["address"]


def test_sidecar_says_who_it_is():
    node = begins(labels={"app": "caller"})["node"]
    assert node["id"] == "sidecar~10.244.0.7~load.test~test.svc.cluster.local"
    assert node["cluster"] == "caller.test"
    assert node["metadata"]["LABELS"] == {"app": "caller"}
    assert node["metadata"]["INSTANCE_IPS"] == "10.244.0.7"
    assert node["metadata"]["SERVICE_ACCOUNT"] == "caller"
    assert begins()["node"]["cluster"] == "load.test"


def test_gateway_is_a_router():
    annotations = {"inject.istio.io/templates": "gateway"}
    assert begins(annotations=annotations)["node"]["id"].startswith("router~10.244.0.7~")
    command = command_of(pod(annotations=annotations)["metadata"], Path("/programs"))
    assert command[:3] == ["/programs/pilot-agent", "proxy", "router"]


def test_sidecar_asks_its_agent_and_shows_its_numbers():
    config = begins()
    assert address_of(config, "xds-grpc") == {"pipe": {"path": PROXY_SOCKET}}
    assert address_of(config, "sds-grpc") == {"pipe": {"path": SECRETS_SOCKET}}
    assert address_of(config, "admin") == {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN}}
    (listener,) = config["static_resources"]["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == NUMBERS


def test_agent_starts_our_envoy_and_asks_istiod():
    environ = environ_of(pod()["metadata"], "caller", IPv4Address("10.244.0.7"), Path("/programs"))
    config = json.loads(environ["PROXY_CONFIG"])
    assert config["binaryPath"] == "/programs/envoy"
    assert config["discoveryAddress"] == f"{NODE}:{XDS}"
    assert (environ["POD_NAMESPACE"], environ["POD_NAME"], environ["SERVICE_ACCOUNT"]) == ("test", "load", "caller")


def test_agent_reads_annotations_one_a_line():
    config = 'discoveryAddress: "10.244.0.1:4711"\nholdApplicationUntilProxyStarts: true'
    meta = pod(annotations={"proxy.istio.io/config": config, "other": "1"})["metadata"]
    files = files_of(meta, "a token", "a certificate")
    first, second = files[ANNOTATIONS].splitlines()
    name, _, value = first.partition("=")
    assert (name, json.loads(value)) == ("proxy.istio.io/config", config)
    assert second == 'other="1"'
    assert files[TOKEN] == "a token"


def test_istiod_is_where_sidecars_and_the_api_server_look_for_it():
    objects = list(yaml.safe_load_all(MANIFESTS.read_text()))
    slices = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "EndpointSlice"}
    services = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "Service"}
    for name, found in slices.items():
        assert found["endpoints"][0]["addresses"] == [str(NODE)]
        assert found["metadata"]["labels"]["kubernetes.io/service-name"] == name
        targets = {port["name"]: port.get("targetPort", port["port"]) for port in services[name]["spec"]["ports"]}
        assert {port["name"]: port["port"] for port in found["ports"]} == targets
    assert {port["name"]: port["port"] for port in slices["istiod"]["ports"]}["https-dns"] == XDS


# --- numbers ---


def relabelled(rules, labels):
    """Return what Prometheus makes of the labels of a sample by these rules; None if it drops it.

    Source: relabel_config of Prometheus' documentation; the actions that are used here.
    """
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", ()))
        match = re.fullmatch(rule.get("regex", "(.*)"), value, re.DOTALL)
        action = rule.get("action", "replace")
        if action == "keep" and not match:
            return None
        if action == "labeldrop":
            labels = {name: text for name, text in labels.items() if not re.fullmatch(rule["regex"], name)}
        if action == "replace" and match:
            labels = {**labels, rule["target_label"]: match[1]}
    return labels


@pytest.fixture
def rules():
    (found,) = yaml.safe_load(job(Path("/targets")))
    assert found["file_sd_configs"][0]["files"] == ["/targets/*.json"]
    return found["metric_relabel_configs"]


def written():
    """Return what the access log of a sidecar counts: names of series, each with its tags."""
    (filters,) = [obj for obj in yaml.safe_load_all(MANIFESTS.read_text()) if obj["kind"] == "EnvoyFilter"]
    (patch,) = filters["spec"]["configPatches"]
    logs = [log["typed_config"] for log in patch["patch"]["value"]["typed_config"]["access_log"]]
    stats = [(log, stat["stat"]) for log in logs for stat in log["counters"] + log["histograms"]]
    return [
        (f"envoy_{log['stat_prefix']}_{stat['name']}", {tag["name"] for tag in stat["tags"]}) for log, stat in stats
    ]


TARGET = {"instance": "10.244.0.7:15090", "namespace": "test", "pod": "podinfo-1", "workload": "podinfo"}
MEANT = {
    "instance": "10.244.0.7:15090",
    "pod": "podinfo-1",
    "namespace": "test",
    "destination_workload": "podinfo",
    "destination_workload_namespace": "test",
}


@pytest.mark.parametrize("number", written())
def test_requests_of_a_server_get_istios_names(rules, number):
    name, tags = number
    name += "_bucket" if "duration" in name else ""
    found = relabelled(rules, {"__name__": name, **TARGET})
    assert found == {"__name__": name.removeprefix("envoy_"), **MEANT}
    assert found["__name__"] in {"istio_requests_total", "istio_request_duration_milliseconds_bucket"}
    assert tags >= {"reporter", "request_protocol", "response_code"}


@pytest.mark.parametrize("name", ["envoy_cluster_upstream_rq", "envoy_server_uptime", "istio_agent_go_info"])
def test_other_numbers_are_left_out(rules, name):
    assert relabelled(rules, {"__name__": name, **TARGET}) is None
