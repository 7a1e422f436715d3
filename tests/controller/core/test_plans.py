"""Whole plans, word for word: every action in its order, every field of every status, what is asked and remembered.

The other tests of the core look at what matters to one rule; this one sees whatever else changes. After a change that
was meant, print the new text with ``python -m tests.controller.core.test_plans`` and read the difference.
"""

import sys
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

from controller.core.canary import CanaryStatus, CheckStatus, Condition, InvalidSpec, Stage, State
from controller.core.decide import decide
from controller.core.plan import Action, Complaint, CopyTemplate, Log, Plan, Say, Scale, Shift, WriteStatus
from controller.core.verbs import Verbs
from controller.core.world import Memory, Shifted, World, stamp, with_readings
from informers.types import Unreadable
from metrics.types import NoData, Unavailable, Value
from router.types import Backend, Route, Weights
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

TRANSCRIPT = Path(__file__).parents[2] / "transcripts" / "plans.txt"

NOTHING = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
NEXT = {"generation": 2, "observed_generation": 2}
IDLE = workload("3", **NEXT, **NOTHING)
LOST = {"available_replicas": 0}
SURGING = {"current_replicas": 3, "updated_replicas": 1}
AT_MAXIMUM = status(canary_weight=50)
PROMOTING = status(canary_weight=50, stage=Stage.PROMOTING)
DRAINS = spec(drain=timedelta(seconds=30))
COPIED = primary(template=replace(primary().template, body=workload().template.body))
STAMPED = primary(promoted=stamp(canary(status=PROMOTING)))
DRAINED = Route(Weights.to_canary(0), sends_to_canary=False)
OLDER = canary(name="older", uid="older", created=NOW - 20 * MINUTE)
NO_ROUTE = {"route": None}
FRESH = CanaryStatus()
RICH = {
    "conditions": (
        Condition("Promoted", "True", "Promoted", "Revision 1 is promoted", NOW - 9 * MINUTE),
        Condition("Ready", "True", "PartsFound", "Route, services and workloads were found", NOW - 9 * MINUTE),
        Condition("Seen", "True", "ByOthers", "Not ours", NOW - 9 * MINUTE),
    ),
    "checks": (CheckStatus("istio_requests_total", "fail", 99.0, 82.33, "too low", NOW - 9 * MINUTE),),
}

SITUATIONS = {
    "an object seen for the first time": world(canary=canary(finalizers=(), status=FRESH)),
    "an object seen for the first time, its canary without pods": world(
        canary=canary(finalizers=(), status=FRESH, generation=3), canary_workload=IDLE
    ),
    "a new revision at rest": world(
        status=at_rest(canary_replicas=3, failed_checks=2, observed_generation=0), canary_workload=IDLE
    ),
    "a new revision at rest, traffic left on the canary": world(
        status=at_rest(state=State.FAILED), canary_workload=workload("3", **NEXT), weight=10
    ),
    "a new revision at rest after many others": world(status=at_rest(**RICH), canary_workload=workload("3", **NEXT)),
    "a new revision mid-rollout": world(
        status=status(failed_checks=3, inconclusive_checks=1), canary_workload=workload("3", **NEXT, replicas=4)
    ),
    "a template put back to what the primary runs": world(
        status=status(failed_checks=3), canary_workload=workload("1", **NEXT)
    ),
    "at rest, nothing to roll out": world(
        status=at_rest(canary_replicas=3, failed_checks=3, inconclusive_checks=1), canary_workload=workload("1", **NEXT)
    ),
    "at rest, nothing to roll out after many others, the canary was recreated": world(
        canary=canary(status=at_rest(**RICH), generation=2, finalizers=()),
        canary_workload=workload("1", **NEXT, uid="new"),
    ),
    "at rest, nothing changed": world(canary=canary(status=at_rest(), finalizers=())),
    "at rest, a complaint that was put right": world(
        canary=canary(
            status=at_rest(conditions=(Condition("Ready", "False", "RouteNotFound", "x", NOW - MINUTE),)),
            generation=2,
            finalizers=(),
        )
    ),
    "at rest, the finalizer left over": world(status=at_rest()),
    "a claimed start without pods": world(status=starting(canary_replicas=2), canary_workload=workload(**NOTHING)),
    "the first step": world(status=starting()),
    "a passing round": world(status=status(inconclusive_checks=2, failed_checks=1)),
    "a passing round before the maximum": world(
        status=status(canary_weight=48), memory=Memory(complaint=Complaint("x", NOW))
    ),
    "a passing round at the maximum": world(status=AT_MAXIMUM),
    "a round that is not due": world(
        status=status(last_check_time=NOW - timedelta(seconds=20)), memory=Memory(complaint=Complaint("x", NOW))
    ),
    "no checks": world(canary=canary(spec=spec(checks=()))),
    "a claimed promotion that has not arrived": world(status=PROMOTING),
    "a copied promotion, the primary rolls over": world(status=PROMOTING, primary=replace(COPIED, **SURGING)),
    "a copied promotion, its canary lost": world(
        status=PROMOTING, primary=replace(COPIED, **SURGING), canary_workload=workload(**LOST)
    ),
    "a copied promotion, overtaken": world(
        status=PROMOTING, primary=replace(STAMPED, **SURGING), canary_workload=workload("3", **NEXT)
    ),
    "a copied promotion, the primary converged": world(
        status=PROMOTING, primary=COPIED, canary_workload=workload(replicas=3)
    ),
    "a copied promotion, the primary converged, the spec edited meanwhile": world(
        canary=canary(status=status(canary_weight=50, stage=Stage.PROMOTING, **RICH), generation=2, finalizers=()),
        primary=COPIED,
    ),
    "a copied promotion that is drained and scaled down": world(
        status=PROMOTING, primary=COPIED, canary_workload=workload(**NOTHING), route=DRAINED
    ),
    "a copied promotion, converged and overtaken": world(
        status=PROMOTING, primary=STAMPED, canary_workload=workload("3", **NEXT)
    ),
    "a deleted canary workload": world(canary_workload=None),
    "a deleted canary workload, a failed rollout under way": world(
        status=status(stage=Stage.ROLLING_BACK), canary_workload=None, **NO_ROUTE
    ),
    "a deleted canary workload, the spec edited meanwhile": world(
        canary=canary(status=status(**RICH), generation=2), canary_workload=None
    ),
    "an exceeded deadline": world(canary_workload=workload(deadline_exceeded=True, available_replicas=0)),
    "pods that are lost": world(canary_workload=workload(**LOST), status=status(inconclusive_checks=2)),
    "pods that are lost, the last failed check": world(
        canary_workload=workload(**LOST), status=status(failed_checks=9)
    ),
    "pods that stay lost for a round": world(
        status=status(canary_weight=0), canary_workload=workload(**LOST), route=DRAINED
    ),
    "a roll back that was begun": world(
        status=status(stage=Stage.ROLLING_BACK, failed_checks=10), canary_workload=workload(replicas=3)
    ),
    "a roll back whose last write is missing": world(
        status=status(stage=Stage.ROLLING_BACK), canary_workload=workload(**NOTHING), route=DRAINED
    ),
    "a promotion that converged, before its drain": world(
        canary=canary(spec=DRAINS, status=PROMOTING), primary=COPIED
    ),
    "a promotion that converged, the route drained": world(
        canary=canary(spec=DRAINS, status=PROMOTING), primary=COPIED, route=DRAINED
    ),
    "a drain that is over": world(
        canary=canary(
            spec=DRAINS,
            status=status(
                stage=Stage.DRAINING,
                canary_weight=0,
                drain_start_time=NOW - MINUTE,
                conditions=(Condition("Promoted", "Unknown", "Aborted", "as flagger.app/abort asks", NOW),),
            ),
        ),
        route=DRAINED,
    ),
    "an abort": world(canary=canary(verbs=Verbs(abort="podinfo-canary-2@1"))),
    "a promotion that somebody asked for": world(canary=canary(verbs=Verbs(promote="podinfo-canary-2@1"))),
    "a retry": world(
        canary=canary(verbs=Verbs(retry="podinfo-canary-2@1"), status=at_rest(state=State.FAILED)),
        canary_workload=workload(**NOTHING),
    ),
    "a hold": world(canary=canary(verbs=Verbs(hold="Ann decides"), status=status(last_check_time=NOW))),
    "a revision that failed before": world(
        status=at_rest(failed_revisions=("podinfo-canary-3",)), canary_workload=workload("3", **NEXT)
    ),
    "a primary without pods": world(primary=primary(**LOST)),
    "a primary that is back": world(status=status(canary_weight=100)),
    "a service that is gone": world(canary_backend=Backend("service podinfo-canary.test not found", gone=True)),
    "pods that never start": world(
        status=starting(start_time=NOW - 11 * MINUTE), canary_workload=workload(**LOST, failure="exceeded quota: q")
    ),
    "windows that are not filled": world(status=status(traffic_start_time=NOW - MINUTE / 2)),
    "a route that followed late": world(
        status=status(last_check_time=NOW - MINUTE),
        memory=Memory(shifted=Shifted(Weights.to_canary(10), NOW - MINUTE / 2)),
    ),
    "a step that was interrupted": world(weight=5, status=status(last_check_time=NOW)),
    "a route at rest that sends users to nothing": world(
        canary=canary(finalizers=(), status=at_rest()), canary_workload=workload(**NOTHING), weight=50
    ),
    "a deleted object": world(canary=canary(deleting=True)),
    "a deleted object without traffic": world(canary=canary(deleting=True), route=DRAINED),
    "a deleted object with an invalid spec": world(
        canary=canary(deleting=True, spec=InvalidSpec("spec is missing")), route=Route(None, sends_to_canary=True)
    ),
    "a deleted object of somebody else": world(canary=canary(deleting=True, finalizers=("other",))),
    "an invalid spec": world(canary=canary(spec=InvalidSpec("spec.threshold must be at least 1, not 0"), generation=4)),
    "an older canary in the way": world(rivals=(OLDER, replace(OLDER, name="oldest", created=OLDER.created - MINUTE))),
    "an older canary in the way at rest": world(status=FRESH, rivals=(OLDER,)),
    "a missing primary": world(primary=None),
    "a missing primary, said half an interval ago": world(
        primary=None,
        memory=Memory(complaint=Complaint(
            "primary deployment podinfo.test not found, create it or correct spec.primary.name", NOW - MINUTE / 2
        )),
    ),
    "a missing canary at rest": world(status=FRESH, canary_workload=None),
    "an unreadable primary": world(primary=Unreadable("test", "podinfo", "u", "1", "spec is null")),
    "an unreadable canary": world(canary_workload=Unreadable("test", "podinfo-canary", "u", "1", "spec is null")),
    "a missing route": world(**NO_ROUTE),
    "a route that cannot carry weights": world(route=Route(None, sends_to_canary=True, problem="host x is in the way")),
    "services that cannot be used": world(
        primary_backend=backend("podinfo", problem="service a.test has no port"),
        canary_backend=backend("podinfo-canary", problem="service b.test has no port"),
    ),
    "a route at another weight": world(weight=30),
    "a route at another weight, no traffic recorded": world(
        status=starting(), weight=30
    ),
    "a route that is uneven": world(route=Route(None, sends_to_canary=True)),
    "a route at another weight, corrected this round": world(
        weight=30,
        memory=Memory(complaint=Complaint("correcting to 10", NOW - MINUTE / 2)),
        status=status(inconclusive_checks=9),
    ),
    "a route at another weight, the last inconclusive check": world(weight=30, status=status(inconclusive_checks=9)),
    "a primary that rolls over": world(primary=primary(**SURGING)),
    "a primary that is not observed": world(primary=primary(generation=5)),
    "a primary that is paused": world(primary=primary(paused=True)),
    "a primary without replicas": world(primary=primary(**NOTHING)),
    "a canary that rolls over": world(canary_workload=workload(replicas=3, **SURGING)),
    "a canary that is paused": world(canary_workload=workload(paused=True)),
    "a canary that rolls over, said half an interval ago": world(
        canary_workload=workload(replicas=3, **SURGING), memory=Memory(complaint=Complaint("x", NOW - MINUTE / 2))
    ),
}  # fmt: skip

READINGS = {
    "a failing check": (world(status=status(inconclusive_checks=2)), BAD_RATE),
    "two failing checks": (world(), (Value(82.33), Value(1200.0))),
    "the last failing check": (world(status=status(failed_checks=9)), BAD_RATE),
    "a failing check beside one without data": (world(), (Value(82.33), NoData())),
    "checks without data": (world(), (NoData(), NoData())),
    "a check that cannot be read": (world(), (Value(100.0), Unavailable("connection refused"))),
    "the last inconclusive check": (world(status=status(inconclusive_checks=9)), (Value(100.0), NoData())),
    "inconclusive for ever": (
        world(canary=canary(spec=spec(inconclusive_limit=0), status=status(inconclusive_checks=99))),
        (Value(100.0), NoData()),
    ),
}


def told(value: object) -> str:
    match value:
        case datetime():
            return "now" if value == NOW else f"now-{NOW - value}"
        case tuple():
            return "; ".join(map(told, value)) or "none"
        case _ if hasattr(value, "__dataclass_fields__"):
            return " ".join(f"{f.name}={told(getattr(value, f.name))}" for f in fields(value))
    return str(value) if isinstance(value, (float, timedelta)) else repr(getattr(value, "value", value))


def difference(old: CanaryStatus, new: CanaryStatus) -> list[str]:
    changed = [f.name for f in fields(new) if getattr(old, f.name) != getattr(new, f.name)]
    return [f"    {name}: {told(getattr(old, name))} -> {told(getattr(new, name))}" for name in changed]


def action_lines(action: Action) -> list[str]:
    match action:
        case Say(event):
            end = " terminal" if event.terminal else ""
            kind = f" kind {event.kind}" if event.kind else ""
            return [f"  say {event.type} {event.action}{kind}{end}", f"    {event.text}"]
        case Shift(weights):
            return [f"  shift to {weights.primary}:{weights.canary}"]
        case Scale(replicas):
            return [f"  scale to {replicas}"]
        case CopyTemplate(mark):
            return [f"  copy template, stamp {mark}"]
        case Log(text):
            return [f"  log {text}"]
    return [f"  {type(action).__name__}"]


def lines(the_world: World, plan: Plan) -> list[str]:
    found = []
    known = the_world.canary.status
    for action in plan.actions:
        if isinstance(action, WriteStatus):
            found += ["  write status", *difference(known, action.status)]
            known = action.status
        else:
            found += action_lines(action)
    if plan.observe:
        found.append(f"  observe {', '.join(check.name for check in plan.observe)}")
    if plan.complaint:
        found.append(f"  remember {plan.complaint.text!r} of {told(plan.complaint.at)}")
    return [*found, f"  wake after {plan.wake_after}"]


def transcript() -> str:
    text = []
    for title, the_world in SITUATIONS.items():
        plan = decide(the_world)
        text += ["", title, *lines(the_world, plan)]
        if plan.observe:
            observed = with_readings(the_world, plan.observe, GOOD)
            text += ["  ... and with good readings", *lines(observed, decide(observed))]
    for title, (the_world, readings) in READINGS.items():
        observed = with_readings(the_world, the_world.canary.spec.checks, readings)
        text += ["", title, *lines(observed, decide(observed))]
    return "\n".join(text[1:]) + "\n"


def test_plans_are_as_they_were():
    assert transcript() == TRANSCRIPT.read_text()


if __name__ == "__main__":
    sys.stdout.write(transcript())
