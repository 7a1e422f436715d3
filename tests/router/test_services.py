"""Services behind the hosts: what can take weighted HTTP traffic."""

import pytest

from router.services import backend_of, view
from router.types import Backend, Service, ServicePort

SELECTOR = {"role": "primary", "app": "podinfo"}
SELECTED = (("app", "podinfo"), ("role", "primary"))


def obj(**spec):
    meta = {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "3"}
    return {"metadata": meta, "spec": {"type": "ClusterIP", "ports": [{"name": "http"}], "selector": SELECTOR, **spec}}


def problem(**spec):
    return backend_of(view(obj(**spec), None)).problem


def test_view_holds_what_the_gate_needs():
    seen = view(obj(ports=[{"name": "a", "appProtocol": "http"}, {"port": 1}]), None)
    ports = (ServicePort("a", "http"), ServicePort("", ""))
    assert seen == Service("test", "podinfo", "u", "3", "ClusterIP", ports, SELECTED)


@pytest.mark.parametrize("selector", [None, {}], ids=["null", "empty"])
def test_service_without_a_selector_selects_no_pods(selector):
    seen = view(obj(selector=selector), None)
    assert seen.selector == ()
    text = "service podinfo.test has no selector, it must select the pods of one Deployment"
    assert backend_of(seen) == Backend(text, selector=())


def test_what_is_behind_a_usable_service_is_its_selector():
    assert backend_of(view(obj(), None)) == Backend(None, selector=SELECTED)


def test_selector_of_a_service_that_cannot_be_used_is_known():
    assert backend_of(view(obj(clusterIP="None"), None)).selector == SELECTED


def test_selector_of_an_external_name_selects_nothing():
    assert backend_of(view(obj(type="ExternalName"), None)).selector == ()


@pytest.mark.parametrize(
    "name", ["http", "https", "http2", "grpc", "grpc-web", "http-metrics", "https-x", "http2-a", "http-a-b"]
)
def test_port_that_istio_takes_for_http_will_do(name):  # behaviour 2
    assert problem(ports=[{"name": "tcp"}, {"name": name}]) is None


@pytest.mark.parametrize("protocol", ["http", "HTTPS", "http2", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"])
def test_app_protocol_will_do(protocol):
    assert problem(ports=[{"name": "web", "appProtocol": protocol}]) is None


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer", None])
def test_kinds_with_a_cluster_ip_will_do(kind):
    assert problem(type=kind) is None


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"type": "ExternalName"}, "is an ExternalName, it must be a ClusterIP service"),
        ({"clusterIP": "None"}, "is headless, it must be a ClusterIP service"),
        ({"ports": [{"name": "tcp"}, {"port": 1}]}, "has no port named http or https (its ports: tcp, (no name))"),
        ({"ports": [{"name": "httpx", "appProtocol": "tcp"}]}, "has no port named http or https (its ports: httpx)"),
        ({"ports": None}, "has no port named http or https (its ports: none)"),
        ({"type": "ExternalName", "selector": None}, "is an ExternalName, it must be a ClusterIP service"),
        ({"ports": None, "selector": None}, "has no selector, it must select the pods of one Deployment"),
    ],
    ids=[
        "external",
        "headless",
        "other ports",
        "only looks like http",
        "no ports",
        "external names have no selector",
        "no selector is said before the ports",
    ],
)
def test_what_is_wrong_is_named(spec, text):  # behaviour 2
    assert problem(**spec) == f"service podinfo.test {text}"
