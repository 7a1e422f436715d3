"""Services behind the hosts: what can take weighted HTTP traffic."""

import pytest

from router.services import service_problem, view
from router.types import Service, ServicePort


def obj(**spec):
    meta = {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "3"}
    return {"metadata": meta, "spec": {"type": "ClusterIP", "ports": [{"name": "http"}], **spec}}


def problem(**spec):
    return service_problem(view(obj(**spec), None))


def test_view_holds_what_the_gate_needs():
    seen = view(obj(ports=[{"name": "a", "appProtocol": "http"}, {"port": 1}]), None)
    ports = (ServicePort("a", "http"), ServicePort("", ""))
    assert seen == Service("test", "podinfo", "u", "3", "ClusterIP", ports)


@pytest.mark.parametrize(
    "name", ["http", "https", "http2", "grpc", "grpc-web", "http-metrics", "https-x", "http2-a", "http-a-b"]
)
def test_port_that_istio_takes_for_http_will_do(name):
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
    ],
    ids=["external", "headless", "other ports", "only looks like http", "no ports"],
)
def test_what_is_wrong_is_named(spec, text):
    assert problem(**spec) == f"service podinfo.test {text}"
