"""The condition Ready is False for as long as something is in the way, and no longer than a round after that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core import pacing
from controller.core.canary import PROMOTED, READY, Condition, InvalidSpec, Stage
from controller.core.decide import decide
from controller.core.plan import CopyTemplate, Refusal, Scale, Shift, WriteStatus
from controller.core.world import Memory, World, after_plan, stamp, with_readings
from router.types import Route
from tests.controller.core.builders import (
    BAD_RATE,
    GOOD,
    MINUTE,
    NOW,
    canary,
    decided,
    primary,
    spec,
    status,
    world,
)
from tests.controller.core.test_worlds import worlds
from tests.simulator import template_of

WORDS = "the API server refuses a write: patch deployments podinfo-canary.test: 403 Forbidden: no changes on Fridays"
REFUSED = Condition(READY, "False", "WriteRefused", WORDS, NOW - MINUTE)
NOT_SERVING = Condition(READY, "False", "PrimaryNotServing", "the end of the rollout waits for the primary", NOW)
PASSED = Condition(PROMOTED, "Unknown", "Promoted", "Revision podinfo-canary-2 is promoted", NOW)
FAILED = Condition(PROMOTED, "Unknown", "FailedChecks", "failed checks threshold reached 10", NOW)
LONG_DRAIN = spec(drain=timedelta(minutes=30))


def look(the_world: World, readings=GOOD) -> World:
    """Return the world after one reconcile, when the next one is due."""
    plan = decide(the_world)
    if plan.observe:
        plan = decide(with_readings(the_world, plan.observe, readings[: len(plan.observe)]))
    after, route, wrote = the_world.canary.status, the_world.route, False
    for action in plan.actions:
        match action:
            case WriteStatus(written):
                after, wrote = written, True
            case Shift(weights) if route is not None:
                route = Route(weights, sends_to_canary=weights.canary > 0)
    wait = pacing.SOON if wrote else (plan.wake_after or MINUTE)
    memory = after_plan(the_world, plan)
    changed = replace(the_world, canary=replace(the_world.canary, status=after), route=route, memory=memory)
    return replace(changed, now=the_world.now + wait)


def looked_at_for(the_world: World, length: timedelta, readings=GOOD) -> World:
    until = the_world.now + length
    while the_world.now <= until:
        the_world = look(the_world, readings)
    return the_world


def ready(the_world: World) -> Condition | None:
    return the_world.canary.status.condition(READY)


def refused(action: type, **at) -> World:
    refusal = Refusal(action.__name__, WORDS, NOW - MINUTE)  # so that its next try is due
    return world(status=status(conditions=(REFUSED,), **at), memory=Memory(refusal=refusal))


def test_refused_scale_that_somebody_else_has_made_is_no_refusal_after_a_round():
    assert ready(look(look(refused(Scale)))).status == "True"


def test_refused_step_is_one_until_a_round_fails_and_no_step_is_wanted():
    waiting = look(refused(Shift, last_check_time=NOW))
    assert waiting.memory.refusal is not None
    assert ready(waiting).status == "False"
    after_it = looked_at_for(waiting, 1.1 * MINUTE, BAD_RATE)
    assert after_it.canary.status.failed_checks == 1
    assert ready(look(after_it)).status == "True"


@pytest.mark.parametrize("action", [Shift, CopyTemplate])
def test_refused_step_or_copy_is_one_while_its_round_is_awaited(action):
    waiting = looked_at_for(refused(action, last_check_time=NOW), MINUTE / 10)
    assert ready(waiting).reason == "WriteRefused"


def test_refused_step_that_is_wanted_again_stays_one_until_it_is_taken():
    at = refused(Shift)
    plan = decided(at)
    assert any(isinstance(action, Shift) for action in plan.actions)
    assert after_plan(at, plan).refusal is not None


@pytest.mark.parametrize("told", [REFUSED, NOT_SERVING], ids=["a refusal", "a primary without pods"])
@pytest.mark.parametrize("how", [PASSED, FAILED], ids=["promotion", "rollback"])
@pytest.mark.parametrize("stage", [Stage.ROLLING_BACK, Stage.DRAINING])
def test_drain_says_nothing_of_what_is_over(told, how, stage):
    weight = 100 if stage is Stage.ROLLING_BACK else 0
    at = status(
        stage=stage,
        canary_weight=weight,
        drain_start_time=NOW,
        conditions=(how, told),
    )
    memory = Memory(refusal=Refusal("Shift", WORDS, NOW)) if told is REFUSED else Memory()
    draining = looked_at_for(
        world(canary=canary(spec=LONG_DRAIN, status=at), weight=weight, memory=memory), MINUTE / 10
    )
    assert draining.canary.status.stage is Stage.DRAINING
    assert ready(draining).status == "True"


def test_end_without_a_drain_says_nothing_of_what_is_over():
    plan = decided(world(status=status(stage=Stage.ROLLING_BACK, conditions=(FAILED, NOT_SERVING)), weight=0))
    (written,) = [action.status for action in plan.actions if isinstance(action, WriteStatus)]
    assert (written.stage, written.condition(READY).status) == (None, "True")


def test_traffic_that_returns_in_steps_says_nothing_of_what_is_over():
    promoting = status(stage=Stage.PROMOTING, canary_weight=50, conditions=(REFUSED,))
    copied = primary(promoted=stamp(canary(status=promoting)), template=template_of("podinfo", "2"))
    stepped = canary(spec=spec(stepped=True), status=promoting)
    assert ready(look(world(canary=stepped, primary=copied))).status == "True"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("told", [REFUSED, NOT_SERVING], ids=["a refusal", "a primary without pods"])
def test_what_is_over_is_gone_from_ready_within_a_round_whatever_the_world_looks_like(told):
    checked = 0
    for number, the_world in enumerate(worlds()):
        at = the_world.canary
        gone = at.deleting or (the_world.only_the_canary_serves and told is NOT_SERVING) or the_world.memory.refusal
        if number % 11 or gone or the_world.is_incomplete or isinstance(at.spec, InvalidSpec):
            continue
        checked += 1
        conditions = tuple(c for c in at.status.conditions if c.type != READY)
        told_of = replace(at, status=replace(at.status, conditions=(*conditions, told)))
        after = replace(the_world, canary=told_of)
        for _ in range(5):  # what is played stands still, so that some worlds would be looked at for ever
            after = look(replace(after, now=after.now + MINUTE / 4))
        assert ready(after).reason != told.reason, the_world
    assert checked > 1000
