"""Gates as values: each can be asked of any world, and says in one sentence what is in the way."""

from dataclasses import replace
from itertools import product

import pytest

from controller.core import conditions, gates, obstacles
from controller.core.canary import InvalidSpec, Stage
from controller.core.decide import decide
from controller.core.gates import AT_REST, GATES, PRIMARY_NOT_SERVING, WRITE_REFUSED, Closed, Needs
from controller.core.plan import WriteStatus
from controller.core.verbs import Verbs
from controller.core.world import Unseen, WhyUnseen
from informers.types import Unreadable
from metrics.types import Limits, OwnCheck
from router.types import Backend, Route, Weights
from tests.controller.core.builders import NOW, SUCCESS, backend, canary, primary, spec, workload, world

ALL = tuple({gate.reason: gate for gate in (*GATES, *AT_REST, PRIMARY_NOT_SERVING, WRITE_REFUSED)}.values())
UNREADABLE = Unreadable("test", "podinfo", "u", "1", "KeyError: 'spec'")
INVALID = InvalidSpec("spec.primary must be an object, not None")
OLDER = canary(name="older", uid="other", created=NOW.replace(year=2017))
IDLE = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
GONE = Backend("service podinfo.test not found", gone=True)


@pytest.mark.parametrize("gate", ALL, ids=lambda gate: gate.reason)
def test_gate_can_be_asked_of_any_world(gate):
    for the_canary, the_primary, the_workload, route, behind in product(
        [canary(), canary(spec=INVALID), canary(verbs=Verbs(hold=""))],
        [primary(), primary(**IDLE), primary(paused=True), None, UNREADABLE],
        [workload(), workload(**IDLE), None, UNREADABLE],
        [Route(Weights(50, 50), sends_to_canary=True), Route(None, "it has no HTTP routes"), None],
        [backend("podinfo"), Backend("it cannot be read"), GONE],
    ):
        parts = {"primary": the_primary, "canary_workload": the_workload, "route": route, "primary_backend": behind}
        what = gate.closed(world(canary=the_canary, **parts))
        assert what is None or (what and not what.endswith("."))


def test_all_gates_are_open_where_all_is_well():
    assert list(gates.all_closed(world(), ALL)) == []


NO_TEMPLATE = OwnCheck(
    "a", "", Limits(high=1.0), "1m", template="errors", problem="metric template errors.test: not found"
)
CLOSED = [
    (
        "KindNotServed",
        {"unseen": (Unseen("HTTPRoute", WhyUnseen.NOT_SERVED, "httproutes is not served"),)},
        "httproutes is not served",
    ),
    (
        "KindForbidden",
        {"unseen": (Unseen("HTTPRoute", WhyUnseen.FORBIDDEN, "the controller may not list httproutes"),)},
        "the controller may not list httproutes",
    ),
    ("InvalidSpec", {"canary": canary(spec=INVALID)}, "spec.primary must be an object, not None"),
    (
        "SharedWithOlderCanary",
        {"rivals": (OLDER,)},
        "canary older.test is older and names the same workload or route, delete one of them",
    ),
    (
        "WorkloadNotFound",
        {"canary_workload": None},
        "canary deployment podinfo-canary.test not found, create it or correct spec.canary.name",
    ),
    (
        "WorkloadUnreadable",
        {"primary": UNREADABLE},
        "primary deployment podinfo.test cannot be read: KeyError: 'spec'",
    ),
    (
        "RouteNotFound",
        {"route": None},
        "virtual service podinfo.test not found, create it or correct spec.virtualService.name",
    ),
    (
        "RouteNotUsable",
        {"route": Route(None, "it has no HTTP routes")},
        "virtual service podinfo.test: it has no HTTP routes",
    ),
    ("ServiceNotUsable", {"primary_backend": GONE}, "service podinfo.test not found"),
    (
        "ServiceNotUsable",
        {"primary_backend": backend("x", selector=()), "canary_backend": backend("podinfo")},
        (
            "service podinfo selects nothing, which no pod of deployment podinfo.test has, "
            "service podinfo-canary selects app=podinfo, which no pod of deployment podinfo-canary.test has"
        ),
    ),
    (
        "MetricTemplateNotUsable",
        {"canary": canary(spec=spec(checks=(SUCCESS, NO_TEMPLATE, replace(NO_TEMPLATE, name="b"))))},
        "metric template errors.test: not found",
    ),
    (
        "PrimaryPaused",
        {"primary": primary(paused=True)},
        "primary deployment podinfo.test is paused, resume it to go on",
    ),
    ("PrimaryScaledToZero", {"primary": primary(**IDLE)}, "primary deployment podinfo.test replicas 0 < 1"),
    (
        "PrimaryNotConverged",
        {"primary": primary(available_replicas=1)},
        "1 of 2 updated replicas are available (deployment podinfo.test)",
    ),
    (
        "CanaryPaused",
        {"canary_workload": workload(paused=True)},
        "canary deployment podinfo-canary.test is paused, resume it to go on",
    ),
    (
        "CanaryNotConverged",
        {"canary_workload": workload(updated_replicas=0)},
        "0 of 1 replicas are updated (deployment podinfo-canary.test)",
    ),
    (
        "Held",
        {"canary": canary(verbs=Verbs(hold="2018-10-10T12:00:00Z"))},
        "held by the annotation flagger.app/hold, remove it to go on",
    ),
    (
        "TrafficToNothing",
        {"primary": primary(available_replicas=0)},
        (
            "virtual service podinfo.test sends 90% of its requests to podinfo.test, "
            "which has no available pod behind it"
        ),
    ),
    (
        "TrafficToNothing",
        {"route": Route(None, sends_to_canary=True), "canary_workload": workload(**IDLE)},
        (
            "virtual service podinfo.test sends a share of its requests to podinfo-canary.test, "
            "which has no available pod behind it"
        ),
    ),
    (
        "TrafficToNothing",
        {"route": Route(None), "primary": primary(available_replicas=0)},
        (
            "virtual service podinfo.test sends a share of its requests to podinfo.test, "
            "which has no available pod behind it"
        ),
    ),
]
"""Of each gate, what closes it and what it says then."""


@pytest.mark.parametrize(("reason", "changes", "what"), CLOSED)
def test_gate_says_what_is_in_the_way(reason, changes, what):  # behaviour 1, 2, 3
    found = {closed.gate.reason: closed.what for closed in gates.all_closed(world(**changes), ALL)}
    assert found[reason] == what


GOES_ON = {
    **{reason: changes for reason, changes, _ in CLOSED},
    "RouteNotUsable": {"route": Route(None, "it has no HTTP routes", sends_to_canary=True)},
    # With a primary that answers nobody, all traffic is given to the canary first, whatever gate is closed.
    "ServiceNotUsable": {"primary_backend": Backend("service podinfo.test cannot be read")},
    "PrimaryScaledToZero": {"primary": primary(replicas=0)},
}


@pytest.mark.parametrize("gate", [g for g in GATES if g.reason != "RouteNotFound"], ids=lambda gate: gate.reason)
def test_what_goes_on_behind_a_closed_gate_is_what_the_gate_says(gate):
    there = world(**GOES_ON[gate.reason])
    assert gate.closed(there)
    plan = decide(there)
    after = next((action.status for action in plan.actions if isinstance(action, WriteStatus)), there.canary.status)
    counted = after.failed_checks + after.inconclusive_checks
    ends = after.stage is Stage.ROLLING_BACK
    assert bool(plan.observe or counted or ends) is gate.checks_go_on


def test_without_a_route_no_traffic_flows_that_could_be_judged():
    assert not decide(world(route=None)).observe


def test_side_without_pods_to_which_no_share_is_sent_is_in_nobodys_way():
    to_the_canary = Route(None, sends_to_canary=True, sends_to_primary=False)
    assert obstacles.traffic_to_nothing(world(route=to_the_canary, primary=primary(**IDLE))) is None
    assert obstacles.traffic_to_nothing(world(route=Route(None), canary_workload=workload(**IDLE))) is None


def test_primary_beyond_help_is_not_waited_for_while_the_canary_serves():  # behaviour 3
    dead = primary(available_replicas=0, deadline_exceeded=True)
    assert obstacles.primary_converged(world(primary=dead)) is None
    assert obstacles.primary_converged(world(primary=dead, canary_workload=workload(available_replicas=0))) is not None
    assert obstacles.primary_converged(world(primary=replace(dead, deadline_exceeded=False))) is not None


def test_first_closed_gate_is_the_one_that_is_told():
    both = world(route=None, primary=primary(paused=True))
    assert gates.first_closed(both, GATES).gate.reason == "RouteNotFound"
    assert gates.first_closed(world(), GATES) is None


@pytest.mark.parametrize("gate", ALL, ids=lambda gate: gate.reason)
def test_condition_of_a_closed_gate_follows_what_it_needs(gate):
    before = world().canary.status
    after = conditions.behind(world(), before, Closed(gate, "it is so"))
    match gate.needs:
        case Needs.REPAIR:
            ready = after.condition("Ready")
            assert (ready.status, ready.reason, ready.message) == ("False", gate.reason, "it is so")
            assert after.condition("Promoted") is None
        case Needs.DECISION:
            promoted = after.condition("Promoted")
            assert (promoted.status, promoted.reason, promoted.message) == ("Unknown", gate.reason, "it is so")
            assert after.condition("Ready") is None
        case Needs.TIME:
            assert after == before
