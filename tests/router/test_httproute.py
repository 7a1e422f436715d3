"""Weights in an HTTPRoute: found, judged, patched; everything else of it stays as it is."""

import copy

import jsonpatch
import pytest

from informers.types import FieldError
from router.httproute import view
from router.types import ALL_TO_PRIMARY, Route, RouteRef, Weights
from router.weighted import find, patch
from tests.router.http_routes import http_route, ref, refs

REF = RouteRef("test", "podinfo", "podinfo", "podinfo-canary")
BOTH = "one rule must hold podinfo and podinfo-canary and nothing else"
TEST = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([refs(100, 0)], Route(ALL_TO_PRIMARY), id="at rest"),
        pytest.param([refs(85, 15)], Route(Weights(85, 15), sends_to_canary=True), id="mid-rollout"),
        pytest.param([refs(None, None)], Route(None, sends_to_canary=True), id="a missing weight is 1: equal shares"),
        pytest.param([refs(1, 0)], Route(None), id="shares of another sum, all of them for the primary"),
        pytest.param(
            [refs(0, None)], Route(None, sends_to_canary=True, sends_to_primary=False), id="all of it for the canary"
        ),
        pytest.param([refs(95, 5), refs(90, 10)], Route(None, sends_to_canary=True), id="rules that disagree"),
        pytest.param([[], refs(99, 1)], Route(Weights(99, 1), sends_to_canary=True), id="a redirect is skipped"),
        pytest.param(
            [[ref("podinfo", 100, namespace="test"), ref("podinfo-canary", 0, kind="Service", group="")]],
            Route(ALL_TO_PRIMARY),
            id="everything spelled out",
        ),
        pytest.param([], Route(None, f"it has no rules, {BOTH}"), id="no rules"),
        pytest.param(
            [[ref("podinfo", 100)]], Route(None, f"no rule holds host podinfo-canary, {BOTH}"), id="no canary"
        ),
        pytest.param(
            [[ref("podinfo", 100), ref("podinfo-canary", 0, namespace="other")]],
            Route(None, f"no rule holds host podinfo-canary, {BOTH}"),
            id="the service of another namespace",
        ),
        pytest.param(
            [[*refs(90, 5), ref("podinfo", 5, kind="ServiceImport", group="multicluster.x-k8s.io")]],
            Route(None, f"rule 0: destination ServiceImport podinfo is in the way, {BOTH}", sends_to_canary=True),
            id="another kind of backend",
        ),
        pytest.param(
            [[*refs(100, 0), ref("podinfo", 5, port=81)]],
            Route(None, f"rule 0: it has a host twice, {BOTH}"),
            id="two ports of one service",
        ),
    ],
)
def test_route_is_found(rules, expected):
    assert find(view(http_route(*rules), None), REF) == expected


def test_patch_sets_two_numbers_of_every_rule_that_holds_both_hosts():
    route = view(http_route(refs(100, 0), [ref("elsewhere")], refs(None, None)), None)
    assert patch(route, REF, Weights(95, 5)) == (
        TEST,
        {"op": "add", "path": "/spec/rules/0/backendRefs/0/weight", "value": 95},
        {"op": "add", "path": "/spec/rules/0/backendRefs/1/weight", "value": 5},
        {"op": "add", "path": "/spec/rules/2/backendRefs/0/weight", "value": 95},
        {"op": "add", "path": "/spec/rules/2/backendRefs/1/weight", "value": 5},
    )


def test_everything_but_the_weights_is_kept():
    obj = http_route(refs(None, None))
    rule = obj["spec"]["rules"][0]
    rule |= {"matches": [{"path": {"value": "/"}}], "timeouts": {"request": "3s"}, "filters": [{"type": "URLRewrite"}]}
    rule["backendRefs"][0]["filters"] = [{"type": "RequestHeaderModifier"}]
    obj["spec"]["parentRefs"][0]["sectionName"] = "web"
    wanted = copy.deepcopy(obj)
    for entry, weight in zip(wanted["spec"]["rules"][0]["backendRefs"], (90, 10), strict=True):
        entry["weight"] = weight
    assert jsonpatch.apply_patch(obj, patch(view(obj, None), REF, Weights(90, 10))) == wanted


def test_weight_that_is_no_number_is_named():
    obj = http_route(refs(100, 0))
    obj["spec"]["rules"][0]["backendRefs"][1]["weight"] = "many"
    with pytest.raises(FieldError, match=r"spec\.rules\.backendRefs: weight must be a whole number"):
        view(obj, None)
