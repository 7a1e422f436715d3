"""Sidecars of the mesh without containers: who gets one, how it begins, and what Prometheus makes of its numbers."""

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import yaml

from hack.mesh.envoy import ADMIN, NUMBERS, XDS, bootstrap, discovery
from hack.mesh.istio import MANIFESTS
from hack.mesh.network import NODE
from hack.mesh.nodelet import gets_sidecar
from hack.mesh.numbers import job

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


def begins(**meta):
    return bootstrap({"namespace": "test", "name": "load", **meta}, IPv4Address("10.244.0.7"))


def cluster(config, name):
    """Return address and port of a static cluster."""
    (found,) = [c for c in config["static_resources"]["clusters"] if c["name"] == name]
    (endpoints,) = found["load_assignment"]["endpoints"]
    address = endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    return address["address"], address["port_value"]


def test_sidecar_says_who_it_is():
    node = begins(labels={"app": "caller"})["node"]
    assert node["id"] == "sidecar~10.244.0.7~load.test~test.svc.cluster.local"
    assert node["cluster"] == "caller.test"
    assert node["metadata"]["LABELS"] == {"app": "caller"}
    assert node["metadata"]["INSTANCE_IPS"] == "10.244.0.7"
    assert begins()["node"]["cluster"] == "load.test"


def test_gateway_is_a_router():
    annotations = {"inject.istio.io/templates": "gateway"}
    assert begins(annotations=annotations)["node"]["id"].startswith("router~10.244.0.7~")


def test_sidecar_asks_istiod_and_shows_its_numbers():
    config = begins()
    assert cluster(config, "xds-grpc") == (str(NODE), XDS)
    assert cluster(config, "admin") == ("127.0.0.1", ADMIN)
    (listener,) = config["static_resources"]["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == NUMBERS


def test_pod_may_name_another_address_of_istiod():
    annotations = {"proxy.istio.io/config": "discoveryAddress: 10.244.0.1:4711\nholdApplicationUntilProxyStarts: true"}
    assert cluster(begins(annotations=annotations), "xds-grpc") == ("10.244.0.1", 4711)


@pytest.mark.parametrize("config", ["", "{}", "holdApplicationUntilProxyStarts: true"])
def test_other_settings_leave_the_address_of_istiod(config):
    assert discovery({"proxy.istio.io/config": config}) == (str(NODE), XDS)


@pytest.mark.parametrize("address", ["istiod.istio-system:15012", "10.244.0.1", "10.244.0.1:port"])
def test_address_of_istiod_is_numbers(address):
    with pytest.raises(ValueError, match=f"must be IPv4:PORT, not {address}"):
        discovery({"proxy.istio.io/config": f"discoveryAddress: {address}"})


def test_istiod_is_where_sidecars_and_the_api_server_look_for_it():
    objects = list(yaml.safe_load_all(MANIFESTS.read_text()))
    slices = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "EndpointSlice"}
    services = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "Service"}
    for name, found in slices.items():
        assert found["endpoints"][0]["addresses"] == [str(NODE)]
        assert found["metadata"]["labels"]["kubernetes.io/service-name"] == name
        targets = {port["name"]: port.get("targetPort", port["port"]) for port in services[name]["spec"]["ports"]}
        assert {port["name"]: port["port"] for port in found["ports"]} == targets
    assert {port["name"]: port["port"] for port in slices["istiod"]["ports"]}["grpc-xds"] == XDS


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
            labels = {**labels, rule["target_label"]: match.expand(rule.get("replacement", r"\1"))}
    return labels


@pytest.fixture
def rules():
    (found,) = yaml.safe_load(job(Path("/targets")))
    assert found["file_sd_configs"][0]["files"] == ["/targets/*.json"]
    return found["metric_relabel_configs"]


TARGET = {"instance": "10.244.0.7:15090", "namespace": "test", "pod": "podinfo-1", "workload": "podinfo"}
INBOUND = {**TARGET, "envoy_cluster_name": "inbound|9898||"}
MEANT = {
    "instance": "10.244.0.7:15090",
    "pod": "podinfo-1",
    "namespace": "test",
    "reporter": "destination",
    "destination_workload": "podinfo",
    "destination_workload_namespace": "test",
}


def test_requests_of_a_server_get_istios_names(rules):
    sample = {"__name__": "envoy_cluster_upstream_rq", "envoy_response_code": "503", **INBOUND}
    meant = {**MEANT, "__name__": "istio_requests_total", "response_code": "503"}
    assert relabelled(rules, sample) == meant


def test_durations_of_a_server_get_istios_names(rules):
    sample = {"__name__": "envoy_cluster_upstream_rq_time_bucket", "le": "500", **INBOUND}
    found = relabelled(rules, sample)
    assert found["__name__"] == "istio_request_duration_milliseconds_bucket"
    assert (found["le"], found["destination_workload"], found["reporter"]) == ("500", "podinfo", "destination")


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param({"__name__": "envoy_cluster_upstream_cx_total", **INBOUND}, id="connections"),
        pytest.param({"__name__": "envoy_cluster_upstream_rq_xx", **INBOUND}, id="classes of codes"),
        pytest.param(
            {"__name__": "envoy_cluster_upstream_rq", **TARGET, "envoy_cluster_name": "outbound|9898||podinfo"},
            id="those of a caller",
        ),
    ],
)
def test_other_numbers_are_left_out(rules, sample):
    assert relabelled(rules, sample) is None
