"""Other ways to a service than HTTP/1 by a VirtualService from inside: the weights hold, and no request is lost."""

import pytest

from testbed.processes import pause
from tests.mesh.counting import failures, shares
from tests.mesh.story import GATEWAY_PORT, GRPC_PORT, OUTSIDE, serve_grpc

PER_SECOND = 100
GRPC_PER_SECOND = 15  # a process for each
SETTLE = 1.0
LABELS = {"istio": "public"}


def from_outside(story):
    """Put a gateway in front, which carries out the weights."""

    def change(obj):
        if obj["kind"] == "VirtualService":
            obj["spec"].update(hosts=[OUTSIDE], gateways=["public"])

    story.add_workloads(change)
    server = {"port": {"number": GATEWAY_PORT, "name": "http", "protocol": "HTTP"}, "hosts": [OUTSIDE]}
    kind = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "public"}}
    story.add({**kind, "spec": {"selector": LABELS, "servers": [server]}})
    meta = {"name": "public", "labels": LABELS, "annotations": {"inject.istio.io/templates": "gateway"}}
    spec = {"containers": [{"name": "istio-proxy", "image": "auto"}]}
    story.add({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    story.until(lambda: story.get("pods", "public")["status"]["phase"] == "Running", "the gateway runs")
    return story.call(PER_SECOND, gateway="public")


def by_http2(story):
    """Have the proxies speak HTTP/2 with each other and with podinfo."""

    def change(obj):
        if obj["kind"] == "Service":
            obj["spec"]["ports"][0]["name"] = "http2"
        if obj["kind"] == "Deployment":
            obj["spec"]["template"]["spec"]["containers"][0]["command"].append("--h2c")

    story.add_workloads(change)
    return story.call(PER_SECOND)


def by_grpc(story):
    """Call a method of gRPC, whose port is the Service's only one."""
    story.add_workloads(serve_grpc)
    return story.call(GRPC_PER_SECOND, f"grpc://podinfo:{GRPC_PORT}/env.EnvService/Env")


def by_http_route(story):
    """Have an HTTPRoute of the Gateway API, whose parent is the Service, carry the weights."""
    story.add_workloads()
    parent = {"group": "", "kind": "Service", "name": "podinfo", "port": 9898}
    refs = [{"name": "podinfo", "port": 9898, "weight": 100}, {"name": "podinfo-canary", "port": 9898, "weight": 0}]
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": refs}]}
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    story.route_by({**kind, "metadata": {"name": "podinfo"}, "spec": spec})
    return story.call(PER_SECOND)


@pytest.mark.parametrize("way", [from_outside, by_http2, by_grpc, by_http_route])
def test_weights_hold_and_no_request_is_lost(new_story, record_property, way):
    story = new_story(way.__name__.replace("_", "-"))
    with way(story) as caller:
        story.add_canary(window="10s", interval="4s", stepWeight=25, drainSeconds=10, inconclusiveLimit=0)
        story.until_state("finished")
        story.until_gone()
        story.release("1.4.0")
        story.until(lambda: story.status().get("canaryWeight") == 50, "50 %")
        pause(3)
        story.annotate("abort", story.status()["canaryRevision"])
        story.until_state("failed")
        gone = story.until_gone()
        story.until_answered(gone)
        caller.check()
    measured = shares(story.requests(), story.weights, settle=SETTLE)
    record_property("shares", ", ".join(map(str, measured)))
    record_property("failed", f"{len(failures(story.requests(), 0))} of {len(story.requests())} {story.flags(0)}")
    assert [share for share in measured if not share.fits] == []
    assert {share.weight for share in measured} == {0, 25, 50}
    assert failures(story.requests(), 0) == []
