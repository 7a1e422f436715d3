"""Every rule against an enumeration of worlds: what must hold of each plan, whatever the world looks like."""

import inspect
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from controller.core import object_rules, pacing, round_rules, route_rules, stage_rules
from controller.core.canary import CanaryStatus, Condition, InvalidSpec, Stage, State
from controller.core.decide import ANY_WORLD, ROLLOUT, decide
from controller.core.events import Event
from controller.core.plan import (
    CopyTemplate,
    HoldFinalizer,
    Plan,
    Refusal,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.verbs import Verbs
from controller.core.world import Memory, Unseen, WhyUnseen, World, rollout_of, stamp, with_readings
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import NoData, Unavailable, Value
from router.types import ALL_TO_PRIMARY, Backend, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    GOOD,
    MINUTE,
    NOW,
    at_rest,
    backend,
    canary,
    primary,
    spec,
    starting,
    status,
    workload,
    world,
)
from tests.simulator import template_of

pytestmark = pytest.mark.timeout(300)  # tens of thousands of worlds, and coverage slows each

PROMOTING = status(stage=Stage.PROMOTING, canary_weight=50)
STATUSES = {
    "first sight": CanaryStatus(),
    "finished": at_rest(),
    "failed": at_rest(state=State.FAILED),
    "starting": starting(),
    "at 10": status(),
    "at 10, windows not filled": status(traffic_start_time=NOW - MINUTE / 2),
    "at 100 while the primary is down": status(canary_weight=100),
    "at 10, round not due": status(last_check_time=NOW),
    "at 10, one more failure is the last": status(failed_checks=9),
    "at 10, one more blind round is the last": status(inconclusive_checks=9),
    "at max": status(canary_weight=50),
    "lost its pods": status(canary_weight=0, failed_checks=1),
    "promoting": PROMOTING,
    "rolling back": status(stage=Stage.ROLLING_BACK),
    "draining": status(
        stage=Stage.DRAINING,
        canary_weight=0,
        drain_start_time=NOW - MINUTE / 4,
        conditions=(Condition("Promoted", "Unknown", "FailedChecks", "failed checks threshold reached 10", NOW),),
    ),
    "drained": status(
        stage=Stage.DRAINING,
        canary_weight=0,
        drain_start_time=NOW - MINUTE,
        conditions=(Condition("Promoted", "Unknown", "Promoted", "Revision is promoted", NOW),),
    ),
}
IDLE = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
PRIMARIES = {
    "old": primary(),
    "rolling": primary(available_replicas=1),
    "stamped": primary(promoted=stamp(canary(status=PROMOTING)), template=template_of("podinfo", "2")),
    "stamped, rolling": primary(
        promoted=stamp(canary(status=PROMOTING)), template=template_of("podinfo", "2"), available_replicas=1
    ),
    "paused": primary(paused=True),
    "at zero": primary(**IDLE),
    "without pods": primary(available_replicas=0),
    "beyond help": primary(available_replicas=0, deadline_exceeded=True),
    "missing": None,
    "unreadable": Unreadable("test", "podinfo", "u", "1", "no spec"),
}
WORKLOADS = {
    "as analysed": workload(),
    "new template": workload("3", generation=2, observed_generation=2),
    "like the primary": workload("1", generation=2, observed_generation=2),
    "no pods available": workload(available_replicas=0),
    "scaling": workload(replicas=3),
    "idle": workload(**IDLE),
    "paused": workload(paused=True),
    "fewer nodes than pods were claimed": workload(per_node=True),
    "parked": workload(per_node=True, **IDLE),
    "failed before": workload("9", generation=2, observed_generation=2),
    "over its deadline": workload(deadline_exceeded=True, available_replicas=0),
    "missing": None,
    "unreadable": Unreadable("test", "podinfo-canary", "u", "1", "no spec"),
}
ROUTES = {
    "as recorded": "recorded",
    "reset": Route(ALL_TO_PRIMARY),
    "by hand": Route(Weights(60, 40), sends_to_canary=True),
    "third host": Route(None, "destination third is in the way", sends_to_canary=True),
    "unreadable": Route(None, "it cannot be read: weight must be a whole number", unreadable=True),
    "missing": None,
}
READINGS = {
    "good": GOOD,
    "bad": BAD_RATE,
    "blind": (NoData(), Value(20.0)),
    "away": (Unavailable("p is away"), Unavailable("p is away")),
}
OTHERS = {
    "all well": {},
    "deleted": {"deleting": True},
    "invalid": {"spec": InvalidSpec("spec.primary must be an object, not None")},
    "no checks": {"spec": spec(checks=())},
    "no finalizer": {"finalizers": ()},
    "drains": {"spec": spec(drain=MINUTE / 2)},
    "aborted": {"verbs": Verbs(abort="podinfo-canary-2@1")},
    "to be promoted": {"verbs": Verbs(promote="podinfo-canary-2@1")},
    "retried": {"verbs": Verbs(retry="podinfo-canary-2@1")},
    "held": {"verbs": Verbs(hold="")},
}
UNSEEN = {
    "not served": (Unseen("VirtualService", WhyUnseen.NOT_SERVED, "virtualservices is not served"),),
    "forbidden": (Unseen("Deployment", WhyUnseen.FORBIDDEN, "the controller may not list deployments"),),
    "being listed": (Unseen("VirtualService", WhyUnseen.NOT_LISTED_YET),),
    "one being listed and one not served": (
        Unseen("Deployment", WhyUnseen.NOT_SERVED, "deployments is not served"),
        Unseen("VirtualService", WhyUnseen.NOT_LISTED_YET),
    ),
}
BACKENDS = {
    "as they should be": {},
    "no service of the canary": {"canary_backend": Backend("not found", gone=True)},
    "the canary's service selects others": {"canary_backend": backend("other")},
    "no service of the primary": {"primary_backend": Backend("not found", gone=True)},
}


REFUSED = Memory(refusal=Refusal("Shift", "the API server refuses a write: no", NOW))
USUAL_PRIMARIES = [PRIMARIES[name] for name in ("old", "stamped", "without pods", "missing")]
USUAL_WORKLOADS = [
    WORKLOADS[name] for name in ("as analysed", "new template", "no pods available", "paused", "missing", "idle")
]
USUAL_ROUTES = [ROUTES[name] for name in ("as recorded", "third host", "unreadable")]


@cache
def worlds() -> list[World]:
    """Return every combination of two kinds of worlds, each crossed in full: a third would be too many."""
    found = []
    for the_status, the_primary, the_workload, route in product(
        STATUSES.values(), PRIMARIES.values(), WORKLOADS.values(), ROUTES.values()
    ):
        found.append(a_world(the_status, the_primary, the_workload, route))
    for the_status, the_primary, the_workload, route, other in product(
        STATUSES.values(), USUAL_PRIMARIES, USUAL_WORKLOADS, USUAL_ROUTES, OTHERS.values()
    ):
        found.append(a_world(the_status, the_primary, the_workload, route, **other))
    for the_status, the_primary, the_workload, backends in product(
        STATUSES.values(), PRIMARIES.values(), USUAL_WORKLOADS, BACKENDS.values()
    ):
        found.append(replace(a_world(the_status, the_primary, the_workload, "recorded"), **backends))
    for the_status, deleting, unseen in product(STATUSES.values(), (False, True), UNSEEN.values()):
        blind = a_world(the_status, None, None, None, deleting=deleting)
        found.append(replace(blind, unseen=unseen))
    for the_status, the_primary, the_workload, route in product(
        STATUSES.values(), USUAL_PRIMARIES, USUAL_WORKLOADS, ROUTES.values()
    ):
        found.append(replace(a_world(the_status, the_primary, the_workload, route), memory=REFUSED))
    return found


def a_world(the_status, the_primary, the_workload, route, **other) -> World:
    changes = {} if route == "recorded" else {"route": route}
    the_status = replace(the_status, failed_revisions=("podinfo-canary-9",))
    the_canary = canary(**{"status": the_status, **other})
    return world(canary=the_canary, primary=the_primary, canary_workload=the_workload, **changes)


def plans(the_world: World) -> list[Plan]:
    plan = decide(the_world)
    if plan.observe:
        return [
            decide(with_readings(the_world, plan.observe, readings[: len(plan.observe)]))
            for readings in READINGS.values()
        ]
    return [plan]


@pytest.fixture(scope="module")
def decided():
    return [(the_world, plan) for the_world in worlds() for plan in plans(the_world)]


def final_status(plan: Plan) -> CanaryStatus | None:
    written = [action.status for action in plan.actions if isinstance(action, WriteStatus)]
    return written[-1] if written else None


def test_every_rule_speaks_for_some_world(decided):
    speakers: Counter[str] = Counter()
    for the_world, _ in decided:
        parts = rollout_of(the_world)
        for rule in ANY_WORLD:
            if rule(the_world) is not None:
                speakers[rule.__name__] += 1
                break
        else:
            assert parts is not None
            for step in ROLLOUT:
                if step(parts) is not None:
                    speakers[step.__name__] += 1
                    break
    silent = {rule.__name__ for rule in (*ANY_WORLD, *ROLLOUT)} - set(speakers)
    assert silent == {
        object_rules.stand_back_for_an_older_canary.__name__
    }  # it has a test of its own: no rivals stand here


@pytest.mark.parametrize(
    "module", [object_rules, round_rules, route_rules, stage_rules], ids=lambda module: module.__name__
)
def test_rule_that_is_written_is_asked(module):
    written = {name for name, _ in inspect.getmembers(module, inspect.isfunction) if not name.startswith("_")}
    own = {name for name in written if getattr(module, name).__module__ == module.__name__}
    assert own
    assert own <= {rule.__name__ for rule in (*ANY_WORLD, *ROLLOUT)}


def test_what_was_not_seen_is_never_taken_for_missing(decided):  # behaviour 19
    for the_world, plan in decided:
        if not the_world.unseen:
            continue
        wrote = [action for action in plan.actions if not isinstance(action, Say | WriteStatus)]
        if the_world.is_incomplete:
            assert (plan.actions, plan.wake_after) == ((), pacing.UNTIL_LISTED)
        elif the_world.canary.deleting:
            assert isinstance(wrote[-1], ReleaseFinalizer)
        else:
            before, after = the_world.canary.status, final_status(plan) or the_world.canary.status
            assert wrote == []
            assert (after.state, after.stage, after.canary_weight) == (before.state, before.stage, before.canary_weight)
            assert (after.failed_checks, after.checks) == (before.failed_checks, before.checks)
            assert plan.wake_after == pacing.UNTIL_SERVED


def test_a_decision_is_never_an_error_and_is_the_same_again(decided):  # contract W3
    assert len(decided) > 20_000
    for the_world, plan in decided[::29]:
        assert plan in plans(the_world)


def test_traffic_grows_only_where_pods_answer_on_a_sound_route_and_after_a_claim(decided):
    grown = 0
    for the_world, plan in decided:
        for action in plan.actions:
            if not isinstance(action, Shift) or not action.weights.canary:
                continue
            grown += 1
            assert the_world.canary_serves
            assert the_world.route is not None
            assert the_world.route.problem is None
            if the_world.only_the_canary_serves:
                assert action.weights.primary == 0
            if the_world.canary.deleting:
                assert the_world.only_the_canary_serves
                continue
            if not the_world.only_the_canary_serves:
                assert isinstance(the_world.canary_workload, Workload)
                assert the_world.canary_workload.template.revision == the_world.canary.status.canary_revision
            claimed = final_status(plan) or the_world.canary.status
            assert claimed.canary_weight == action.weights.canary
            assert claimed.state is State.RUNNING
            if the_world.primary_serves:
                assert claimed.canary_weight <= max(the_world.canary.status.canary_weight, 10) + 5
    assert grown > 50


def test_nothing_is_copied_but_the_analysed_revision_after_it_was_claimed(decided):  # behaviour 10
    copied = 0
    for the_world, plan in decided:
        if not any(isinstance(action, CopyTemplate) for action in plan.actions):
            continue
        copied += 1
        before = the_world.canary.status
        claimed = final_status(plan) or before
        assert isinstance(the_world.canary_workload, Workload)
        assert the_world.canary_workload.template.revision == claimed.canary_revision
        assert claimed.stage is Stage.PROMOTING
        asked = the_world.canary.verbs.promote and before.obeyed.promote != the_world.canary.verbs.promote
        assert before.stage is Stage.PROMOTING or before.canary_weight >= 50 or asked
        assert next(a for a in plan.actions if isinstance(a, CopyTemplate)).stamp == stamp(
            replace(the_world.canary, status=claimed)
        )
    assert copied > 10


def test_finished_means_promoted_or_nothing_to_promote(decided):
    finished = 0
    for the_world, plan in decided:
        after = final_status(plan)
        if after is None or after.state is not State.FINISHED or the_world.canary.status.state is State.FINISHED:
            continue
        if the_world.canary.status.stage is Stage.DRAINING:
            continue  # it was decided when the drain began
        parts = rollout_of(the_world)
        assert parts is not None
        assert parts.changes_nothing or parts.primary.promoted == stamp(the_world.canary)
        finished += 1
    assert finished > 10


def test_ended_means_drained_and_confirmed_last(decided):  # behaviour 9, 11
    ended = 0
    for the_world, plan in decided:
        after = final_status(plan)
        if after is None or after.state not in {State.FINISHED, State.FAILED} or not the_world.route:
            continue
        if (
            the_world.canary.status.state in {State.FINISHED, State.FAILED}
            and after.state == the_world.canary.status.state
        ):
            continue  # a complaint at rest
        ended += 1
        if the_world.route.sends_to_canary:
            assert Shift(ALL_TO_PRIMARY) in plan.actions
        writes = [a for a in plan.actions if not isinstance(a, Say)]
        confirmed = max(i for i, a in enumerate(writes) if isinstance(a, WriteStatus))
        for later in writes[confirmed + 1 :]:
            assert not isinstance(later, Shift | Scale | CopyTemplate | HoldFinalizer)
    assert ended > 50


def test_no_weight_for_a_side_that_cannot_answer_while_the_other_can(decided):  # behaviour 7
    """What the plan leaves on the route, or where it has nothing to say, what the route has."""
    checked = 0
    for the_world, plan in decided:
        route = the_world.route
        moves = the_world.canary.status.state is State.RUNNING or the_world.canary.deleting
        if route is None or route.problem or not moves or isinstance(the_world.canary.spec, InvalidSpec):
            continue
        if the_world.canary.deleting and not the_world.finalizer_held:
            continue  # no longer ours
        if plan.observe or plan.wake_after == pacing.SOON:
            continue  # decided at the next reconcile, which follows at once
        left = next((a.weights for a in reversed(plan.actions) if isinstance(a, Shift)), route.weights)
        if the_world.only_the_canary_serves:
            checked += 1
            assert left == Weights.to_canary(100), plan
        if the_world.primary_serves and not the_world.canary_serves and rollout_of(the_world):
            checked += 1
            assert left == ALL_TO_PRIMARY, plan
    assert checked > 1000


def test_traffic_that_flows_is_judged_in_every_round_whatever_gate_is_closed():  # behaviour 6
    asked = 0
    for the_world in worlds():
        parts = rollout_of(the_world)
        at = the_world.canary.status
        flows = at.stage is Stage.PROGRESSING and at.canary_weight and the_world.sends_to_canary
        if not flows or parts is None or not parts.spec.checks or not the_world.canary_serves:
            continue
        if at.last_check_time > NOW - MINUTE or at.traffic_start_time > NOW - MINUTE:
            continue
        if parts.changes_nothing:
            continue  # the primary runs the same
        plan = decide(the_world)
        asked += bool(plan.observe)
        ends = final_status(plan) is not None and final_status(plan).stage in {
            Stage.ROLLING_BACK,
            Stage.DRAINING,
            Stage.STARTING,
            Stage.PROMOTING,
            None,
        }
        diverts = Shift(Weights.to_canary(100)) in plan.actions
        leaves = the_world.canary.deleting or any(isinstance(a, Shift) and not a.weights.canary for a in plan.actions)
        assert plan.observe or ends or diverts or leaves, plan
    assert asked > 400


def test_every_rollout_ends_or_names_what_it_waits_for(decided):
    for the_world, plan in decided:
        after = final_status(plan) or the_world.canary.status
        if after.state is not State.RUNNING or the_world.canary.deleting:
            continue
        waits = plan.wake_after is not None or plan.observe
        assert waits, plan


def test_traffic_leaves_before_pods_do(decided):
    for the_world, plan in decided:
        if Scale(0) not in plan.actions or not the_world.route or not the_world.route.sends_to_canary:
            continue
        assert plan.actions.index(Shift(ALL_TO_PRIMARY)) < plan.actions.index(Scale(0))


def test_no_pods_go_while_nobody_knows_what_the_route_sends_them(decided):  # behaviour 9
    waited = 0
    for the_world, plan in decided:
        if not the_world.route_is_unreadable:
            continue
        assert Scale(0) not in plan.actions
        assert not any(isinstance(action, Shift) for action in plan.actions)
        after = final_status(plan) or the_world.canary.status
        assert after.state is not State.FINISHED or the_world.canary.status.state is State.FINISHED
        assert after.state is not State.FAILED or the_world.canary.status.state is State.FAILED
        waited += any("waits for the route" in condition.message for condition in after.conditions)
    assert waited > 100


def test_at_rest_nothing_is_written_but_a_finalizer_let_go(decided):  # behaviour 13
    for the_world, plan in decided:
        resting = the_world.canary.status.state in {State.FINISHED, State.FAILED}
        unchanged = the_world.canary_workload in {
            WORKLOADS["as analysed"],
            WORKLOADS["scaling"],
            WORKLOADS["idle"],
            None,
        }
        retried = the_world.canary.verbs.retry and the_world.canary.status.state is State.FAILED
        valid = isinstance(the_world.canary.spec, type(spec()))
        if not resting or not unchanged or retried or not valid or the_world.canary.deleting:
            continue
        before = the_world.canary.status
        for action in plan.actions:
            match action:
                case ReleaseFinalizer() | Say(Event(action="Halt")):
                    pass
                case WriteStatus(after):
                    assert replace(after, conditions=()) == replace(before, conditions=())
                case _:
                    pytest.fail(f"{action} at rest")


def test_what_is_deleted_is_never_advanced(decided):  # behaviour 16
    for the_world, plan in decided:
        if the_world.canary.deleting:
            assert not any(isinstance(a, WriteStatus | Scale | CopyTemplate | HoldFinalizer) for a in plan.actions)


def test_metrics_are_asked_only_when_a_round_is_due_and_traffic_flows():
    asked = 0
    for the_world in worlds():
        if decide(the_world).observe:
            asked += 1
            assert the_world.canary.status.canary_weight > 0
            assert the_world.route is not None
            assert the_world.sends_to_canary
            assert the_world.canary.status.last_check_time <= NOW - MINUTE
            assert the_world.canary.status.traffic_start_time <= NOW - MINUTE
    assert asked > 10


def test_every_rollout_is_looked_at_again(decided):
    for the_world, plan in decided:
        after = final_status(plan) or the_world.canary.status
        if after.state is State.RUNNING and not the_world.canary.deleting:
            assert plan.wake_after is not None
