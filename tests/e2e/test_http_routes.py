"""Rollouts through an HTTPRoute of the Gateway API."""

import copy

from tests.e2e.stage import QUICK
from tests.router.http_routes import http_route, refs


def through_an_http_route(on, **analysis):
    """Route podinfo by an HTTPRoute instead of its VirtualService; return its spec."""
    on.delete("virtualservices", "podinfo")
    route = http_route(refs(100, 0), [{"name": "elsewhere", "port": 80}])
    route["metadata"] = {"namespace": "test", "name": "podinfo"}
    route["spec"]["parentRefs"] = [{"group": "", "kind": "Service", "name": "podinfo", "port": 9898}]
    route["spec"]["rules"][0] |= {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "a", "value": "b"}]}}],
        "timeouts": {"request": "3s"},
    }
    on.add(route)

    def named_by_reference(canary):
        del canary["spec"]["virtualService"]
        canary["spec"]["routeRef"] = {"kind": "HTTPRoute", "name": "podinfo"}

    on.add_canary(named_by_reference, **QUICK, **analysis)
    return copy.deepcopy(route_of(on)["spec"])


def route_of(on):
    return on.get("httproutes", "podinfo")


def weights(on):
    return tuple(ref["weight"] for ref in route_of(on)["spec"]["rules"][0]["backendRefs"])


def test_revision_is_promoted_through_an_http_route(on):
    before = through_an_http_route(on)
    with on.controller():
        on.until(lambda: weights(on) == (75, 25))
        on.until(lambda: weights(on) == (50, 50))
        on.until_state("finished")
    assert on.image("podinfo") == on.image("podinfo-canary")
    assert route_of(on)["spec"] == before
    assert "virtualservices" not in {request.resource for request in on.requests()}


def test_revision_that_fails_is_rolled_back_through_an_http_route(on):
    before = through_an_http_route(on, threshold=1)
    with on.controller():
        on.until(lambda: weights(on) == (75, 25))
        on.behave(rate=50)
        on.until_state("failed")
    assert on.image("podinfo") != on.image("podinfo-canary")
    assert on.replicas("podinfo-canary") == 0
    assert route_of(on)["spec"] == before
