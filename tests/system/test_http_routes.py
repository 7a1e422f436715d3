"""Whole rollouts through an HTTPRoute of the Gateway API."""

import copy

import pytest

from testbed.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from testbed.sandbox.faults import Fault
from tests.router.http_routes import http_route, refs
from tests.system.harness import CANARY, WINDOW, controller, objects, page, stage
from tests.system.test_check import checked

ROUTE = ("gateway.networking.k8s.io", "httproutes")
VIRTUAL_SERVICE = ("networking.istio.io", "virtualservices")


def through_an_http_route(on, **analysis):
    """Route podinfo by an HTTPRoute instead of its VirtualService, and add a canary object that names it."""
    on.cluster.prometheus.faults.script = None  # the mesh is measured, which follows the weights
    on.delete(VIRTUAL_SERVICE, "podinfo")
    route = http_route(refs(100, 0), [{"name": "elsewhere", "port": 80}])
    route["metadata"] = {"namespace": "test", "name": "podinfo"}
    route["spec"]["rules"][0] |= {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "timeouts": {"request": "3s"},
    }
    on.add(route)
    on.add(named_by_reference(**analysis))
    return copy.deepcopy(on.get(ROUTE, "podinfo")["spec"])


def named_by_reference(**analysis):
    (canary,) = objects("rollouts/podinfo")
    del canary["spec"]["virtualService"]
    canary["spec"]["routeRef"] = {"kind": "HTTPRoute", "name": "podinfo"}
    for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
        metric["interval"] = WINDOW
    canary["spec"]["canaryAnalysis"].update({"drainSeconds": 0, **analysis})
    return canary


def weights(on):
    return tuple(ref["weight"] for ref in on.get(ROUTE, "podinfo")["spec"]["rules"][0]["backendRefs"])


def test_revision_is_promoted_through_an_http_route(on):
    with controller(on):
        before = through_an_http_route(on, stepWeight=20, maxWeight=40)
        on.until(lambda: weights(on) == (80, 20))
        on.until(lambda: weights(on) == (60, 40))
        on.until_state("finished")
    assert on.image("podinfo") == on.image("podinfo-canary")
    assert on.get(ROUTE, "podinfo")["spec"] == before
    assert "virtualservices" not in {request.resource for request in on.requests()}


def test_revision_that_fails_is_rolled_back_through_an_http_route(on):
    on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
    with controller(on):
        before = through_an_http_route(on, stepWeight=20, maxWeight=40, threshold=1)
        on.until(lambda: weights(on) == (80, 20))
        on.until_state("failed")
    assert on.image("podinfo") != on.image("podinfo-canary")
    assert on.get(ROUTE, "podinfo")["spec"] == before


def test_http_route_that_is_missing_is_named(on):
    with controller(on):
        through_an_http_route(on)
        on.delete(ROUTE, "podinfo")
        on.until_said("HTTP route podinfo.test not found, create it or correct spec.routeRef.name")


@pytest.mark.parametrize("namespaces", [(), ("test",)], ids=["all namespaces", "one namespace"])
def test_check_asks_for_a_kind_once_a_canary_names_it(on, namespaces):
    flags = [f"--namespace={name}" for name in namespaces]
    on.cluster.api.faults.add(Fault(verb="list", resource="httproutes", code=403, count=-1))
    on.add_canary()
    assert {"NotAllowed", "KindNotServed"}.isdisjoint(reason for reason, _ in checked(on, *flags)[1])
    on.delete(CANARY, "podinfo")
    through_an_http_route(on)
    (denied,) = [what for reason, what in checked(on, *flags)[1] if reason == "NotAllowed"]
    assert "may not list httproutes.gateway.networking.k8s.io in " in denied
    (finding,) = [f for f in checked(on, *flags)[2]["findings"] if f["reason"] == "NotAllowed"]
    assert "artifacts/kinds/httproutes.yaml" in finding["fix"]
    on.cluster.api.faults.clear()
    assert "NotAllowed" not in [reason for reason, _ in checked(on, *flags)[1]]


def test_check_says_that_a_kind_that_a_canary_names_is_not_served(tmp_path):
    with stage(tmp_path, crds=(VIRTUAL_SERVICE_CRD, ARTIFACTS / "flagger" / "crd.yaml")) as on:
        on.add_canary()
        assert "KindNotServed" not in [reason for reason, _ in checked(on)[1]]
        on.delete(CANARY, "podinfo")
        on.add(named_by_reference())
        (said,) = [what for reason, what in checked(on)[1] if reason == "KindNotServed"]
        assert said.startswith("httproutes.gateway.networking.k8s.io is not served by the API server: install")


@pytest.mark.parametrize(("code", "reason"), [(403, "KindForbidden"), (500, None)], ids=["not granted", "failing"])
def test_http_routes_that_cannot_be_listed_hold_up_nobody_else(on, code, reason):  # behaviour 19
    on.cluster.api.faults.add(Fault(verb="list", resource="httproutes", code=code, count=-1))
    through_an_http_route(on, stepWeight=50, maxWeight=50)
    with controller(on) as running:
        on.until(lambda: page(running.port, "readyz") == "ok\n", every_change=False)
        on.until(lambda: on.condition("Ready").get("reason") == reason)
        assert on.canary_status().get("state") in {None, "blocked"}  # nothing is known yet, or that it may not be
        on.cluster.api.faults.clear()
        on.until_state("finished")


def test_deletion_does_not_wait_for_a_kind_that_cannot_be_seen(on):  # behaviour 16, 19
    with controller(on):
        through_an_http_route(on, stepWeight=20, maxWeight=40)
        on.until(lambda: weights(on)[1] > 0)
    on.cluster.api.faults.add(Fault(verb="list", resource="httproutes", code=403, count=-1))
    before = weights(on)
    with controller(on):
        on.delete(CANARY, "podinfo")
        on.until(lambda: on.canary_object() is None)
        on.until_said("is being deleted, its traffic stays as it is: HTTP route podinfo.test: it cannot be read: ")
    assert weights(on) == before
    assert not on.said("Rolling back")


def test_rollout_is_not_ended_while_its_route_was_not_seen_yet(on):  # behaviour 19
    with controller(on):
        through_an_http_route(on, stepWeight=20, maxWeight=60)
        on.until(lambda: weights(on)[1] > 0)
    before, status = weights(on), on.canary_status()
    on.cluster.api.faults.add(Fault(verb="list", resource="httproutes", code=500, count=-1))
    asked = failed_lists(on)
    with controller(on):
        on.until(lambda: failed_lists(on) > asked + 2, every_change=False)
        assert (weights(on), on.canary_status()) == (before, status)
        on.cluster.api.faults.clear()
        on.until_state("finished")
    assert not on.said("not found")
    assert not on.said("Rolling back")


def failed_lists(on):
    return sum((r.verb, r.resource, r.code) == ("list", "httproutes", 500) for r in on.requests())
