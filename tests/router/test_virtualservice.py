"""Weights in a VirtualService: found, judged, patched."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.types import ALL_TO_PRIMARY, Route, RouteRef, Weights
from router.virtualservice import view
from router.weighted import find, patch
from tests.router.virtual_services import REF, pair, to, virtual_service

BOTH = "one HTTP route must hold podinfo and podinfo-canary and nothing else"
TEST = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


def set_to(route, index, weight):
    return {"op": "add", "path": f"/spec/http/{route}/route/{index}/weight", "value": weight}


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        pytest.param([pair(100, 0)], Route(Weights(100, 0)), id="at rest"),
        pytest.param([pair(85, 15)], Route(Weights(85, 15), sends_to_canary=True), id="in mid-rollout"),
        pytest.param(
            [[*pair(98, 1), to("third", 1)]],
            Route(None, f"HTTP route 0: destination third.test is in the way, {BOTH}", sends_to_canary=True),
            id="a third host and the least of traffic",
        ),
        pytest.param([pair(100, None)], Route(Weights(100, 0)), id="a missing weight of two is nothing"),
        pytest.param(
            [pair(95, 5), pair(95, 5)], Route(Weights(95, 5), sends_to_canary=True), id="two routes that agree"
        ),
        pytest.param([pair(95, 5), pair(90, 10)], Route(None, sends_to_canary=True), id="two routes that disagree"),
        pytest.param([pair(9, 1)], Route(None, sends_to_canary=True), id="shares of another sum"),
        pytest.param([pair(50, 40)], Route(None, sends_to_canary=True), id="less than a hundred"),
        pytest.param([pair(150, 0)], Route(None), id="more than a hundred, all of it for the primary"),
        pytest.param(
            [pair(0, 7)], Route(None, sends_to_canary=True, sends_to_primary=False), id="all of it for the canary"
        ),
        pytest.param([pair(110, -10)], Route(None), id="below zero"),
        pytest.param(
            [pair(-10, 110)],
            Route(None, sends_to_canary=True, sends_to_primary=False),
            id="below zero the other way",
        ),
        pytest.param(
            [[to("elsewhere")], pair(99, 1)], Route(Weights(99, 1), sends_to_canary=True), id="others are skipped"
        ),
        pytest.param(
            [[to("podinfo-canary.test.svc.cluster.local", 1), to("podinfo.test", 99)]],
            Route(Weights(99, 1), sends_to_canary=True),
            id="other spellings in the other order",
        ),
        pytest.param([], Route(None, f"it has no HTTP routes, {BOTH}"), id="no routes"),
        pytest.param(
            [[to("podinfo")]], Route(None, f"no HTTP route holds host podinfo-canary, {BOTH}"), id="canary is missing"
        ),
        pytest.param(
            [[to("podinfo-canary")]], Route(None, f"no HTTP route holds host podinfo, {BOTH}"), id="primary is missing"
        ),
        pytest.param(
            [[to("a.b.c.d")]],
            Route(None, f"no HTTP route holds host podinfo or podinfo-canary, {BOTH}"),
            id="both are missing",
        ),
        pytest.param(
            [[to("podinfo")], [to("podinfo-canary")]],
            Route(None, f"no HTTP route holds both hosts, {BOTH}"),
            id="in different routes",
        ),
        pytest.param(
            [[*pair(50, 40), to("third", 10)]],
            Route(None, f"HTTP route 0: destination third.test is in the way, {BOTH}", sends_to_canary=True),
            id="a third host",
        ),
        pytest.param(
            [[to("x")], [*pair(90, 0), to("www.example.com", 10)]],
            Route(None, f"HTTP route 1: destination www.example.com is in the way, {BOTH}"),
            id="a third host outside of the cluster",
        ),
        pytest.param(
            [[*pair(50, 25), to("podinfo-canary", 25, subset="v2")]],
            Route(None, f"HTTP route 0: it has a host twice, {BOTH}", sends_to_canary=True),
            id="a host twice",
        ),
    ],
)
def test_route_is_found_or_what_is_in_the_way_is_named(routes, expected):  # behaviour 1
    assert find(view(virtual_service(*routes), None), REF) == expected


def test_lone_destination_without_weight_gets_everything():
    seen = view(virtual_service([to("podinfo")]), None)
    assert seen.rules[0][0].weight == 100


@pytest.mark.parametrize(
    ("routes", "weights", "expected"),
    [
        pytest.param([pair(100, 0)], Weights(95, 5), [TEST, set_to(0, 0, 95), set_to(0, 1, 5)], id="two numbers"),
        pytest.param([pair(95, 5)], Weights(95, 5), [], id="nothing differs"),
        pytest.param([pair(90, 5)], Weights(95, 5), [TEST, set_to(0, 0, 95)], id="only what differs"),
        pytest.param(
            [pair(9, 1)], Weights(90, 10), [TEST, set_to(0, 0, 90), set_to(0, 1, 10)], id="shares to percents"
        ),
        pytest.param([pair(100, None)], Weights(100, 0), [], id="the default is no difference"),
        pytest.param(
            [[to("x")], pair(100, 0), pair(95, 5)],
            Weights(95, 5),
            [TEST, set_to(1, 0, 95), set_to(1, 1, 5)],
            id="every managed route and no other",
        ),
        pytest.param(
            [[*pair(50, 40), to("third", 10)]],
            ALL_TO_PRIMARY,
            [TEST, set_to(0, 0, 90), set_to(0, 1, 0)],
            id="drained beside a third host",
        ),
        pytest.param(
            [[*pair(50, 40), to("third", 10)], [*pair(70, 20), to("fourth", 10)]],
            ALL_TO_PRIMARY,
            [TEST, set_to(0, 0, 90), set_to(0, 1, 0), set_to(1, 0, 90), set_to(1, 1, 0)],
            id="drained beside a third host in two routes",
        ),
        pytest.param([[*pair(50, 40), to("third", 10)]], Weights(95, 5), [], id="not advanced beside a third host"),
        pytest.param([[*pair(90, 0), to("third", 10)]], ALL_TO_PRIMARY, [], id="nothing to drain"),
        pytest.param(
            [pair(60, 40), [*pair(50, 40), to("third", 10)]],
            ALL_TO_PRIMARY,
            [TEST, set_to(0, 0, 100), set_to(0, 1, 0)],
            id="a mixed route is left alone while another is managed",
        ),
    ],
)
def test_patch_is_minimal_and_has_a_precondition(routes, weights, expected):
    assert list(patch(view(virtual_service(*routes), None), REF, weights)) == expected


@given(
    before=st.integers(0, 100),
    after=st.integers(0, 100),
    extra=st.dictionaries(
        st.sampled_from(["match", "timeout", "retries", "x"]), st.none() | st.text() | st.lists(st.integers())
    ),
)
def test_patch_changes_weights_and_nothing_else(before, after, extra):  # behaviour 1
    obj = virtual_service([to("other")], pair(100 - before, before), unknown=None)
    obj["spec"]["http"][1].update(extra)
    obj["spec"]["gateways"] = None
    operations = patch(view(obj, None), REF, Weights.to_canary(after))
    changed = jsonpatch.apply_patch(copy.deepcopy(obj), list(operations))
    assert [d["weight"] for d in changed["spec"]["http"][1]["route"]] == [100 - after, after]
    for side in (0, 1):
        changed["spec"]["http"][1]["route"][side]["weight"] = obj["spec"]["http"][1]["route"][side]["weight"]
    assert changed == obj


@pytest.mark.parametrize("spec", [None, {}, {"http": None}, {"tcp": [{}]}], ids=["null", "empty", "null http", "tcp"])
def test_virtual_service_without_http_routes_is_readable(spec):
    assert view({**virtual_service(), "spec": spec}, None).rules == ()


@pytest.mark.parametrize(
    "routes", [[{"route": [{}]}], [None], [{"route": [to("a", "many")]}]], ids=["no destination", "null", "no number"]
)
def test_malformed_virtual_service_raises(routes):
    obj = virtual_service()
    obj["spec"]["http"] = routes
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        view(obj, None)


def test_view_identifies_the_object():
    seen = view(virtual_service(), None)
    assert (seen.namespace, seen.name, seen.uid, seen.resource_version) == ("test", "podinfo", "u", "7")


def test_hosts_of_the_reference_are_normalised_too():
    ref = RouteRef("test", "podinfo", "podinfo.test.svc.cluster.local", "podinfo-canary.test")
    assert find(view(virtual_service(pair(100, 0)), None), ref).weights == ALL_TO_PRIMARY


@pytest.mark.parametrize(
    ("spec", "only_for"),
    [
        pytest.param({"hosts": ["podinfo"]}, (), id="a service"),
        pytest.param({"hosts": ["podinfo.example.com"]}, ("podinfo.example.com",), id="a name outside of the cluster"),
        pytest.param({"hosts": ["podinfo.example.com", "podinfo.test.svc"]}, (), id="a service beside it"),
        pytest.param({"hosts": ["*.example.com"]}, (), id="a pattern"),
        pytest.param({"hosts": ["podinfo.example.com"], "gateways": ["public", "mesh"]}, (), id="a gateway"),
        pytest.param({"hosts": ["a.b.c"], "gateways": ["mesh"]}, ("a.b.c",), id="the mesh, by its name"),
        pytest.param({}, (), id="no hosts: a delegate"),
        pytest.param({"hosts": [7], "gateways": {}}, (), id="what no API server lets pass"),
    ],
)
def test_route_that_is_for_no_service_says_so(spec, only_for):
    assert view({**virtual_service(), "spec": spec}, None).only_for == only_for
