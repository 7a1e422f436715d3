"""Readings are used by the round that asked for them, and by no other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import Stage
from controller.core.decide import decide
from controller.core.pacing import round_due_at
from controller.core.questions import LONGEST_USE, MOST_PATIENCE, patience, question_of
from controller.core.world import Memory, Shifted
from metrics.types import Target
from router.types import Weights
from tests.controller.core.builders import MINUTE, NOW, SUCCESS, canary, spec, status, world

SECOND = timedelta(seconds=1)


def asked(of):
    plan = decide(of)
    assert plan.observe
    return question_of(of, plan)


def test_question_is_what_the_plan_asks_for_and_not_older_than_its_round():
    now = world()
    question = asked(now)
    assert question.target == Target("test", "podinfo-canary", canary="podinfo")
    assert question.checks == spec().checks
    assert round_due_at(now, spec()) <= question.asked_at == NOW


def test_readings_serve_the_round_that_asked_for_them_however_often_it_is_looked_at():
    later = world(now=NOW + 5 * SECOND, canary_workload=replace(world().canary_workload, available_replicas=3))
    assert asked(world()).serves(asked(later))


@pytest.mark.parametrize(
    "changes",
    [
        {"start_time": NOW - 6 * MINUTE},
        {"canary_revision": "podinfo-canary-3", "canary_uid": "another"},
        {"canary_weight": 15},
        {"last_check_time": NOW - 3 * MINUTE},
        {"last_check_time": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_readings_of_another_round_serve_none(changes):  # contract O1
    of = world(status=status(**changes))
    if "canary_uid" in changes:
        of = replace(of, canary_workload=replace(of.canary_workload, template=_template("podinfo-canary-3")))
    assert not asked(world()).serves(asked(of))


def _template(revision):
    return replace(world().canary_workload.template, revision=revision)


def test_readings_from_before_the_route_was_put_back_serve_none():  # contract O1
    shifted = Memory(shifted=Shifted(Weights(90, 10), NOW - 90 * SECOND))
    assert not asked(world()).serves(asked(world(memory=shifted)))


def test_readings_of_other_checks_serve_none():
    of = world(canary=canary(spec=spec(checks=(SUCCESS,))))
    assert not asked(world()).serves(asked(of))


@pytest.mark.parametrize(("later", "serves"), [(timedelta(), True), (LONGEST_USE, True), (LONGEST_USE + SECOND, False)])
def test_readings_are_used_soon_or_not_at_all(later, serves):
    assert asked(world()).serves(asked(world(now=NOW + later))) is serves


def test_clock_that_was_set_back_makes_the_round_ask_again():
    assert not asked(world()).serves(asked(world(now=NOW - SECOND)))


@pytest.mark.parametrize(
    ("interval", "least", "most"), [(SECOND, 50, 55), (10 * SECOND, 500, 500), (60 * MINUTE, 500, 500)]
)
def test_question_waits_for_others_for_a_small_part_of_its_interval(interval, least, most):  # contract O3
    found = patience(world(canary=canary(spec=spec(interval=interval))))
    assert least <= found / timedelta(milliseconds=1) <= most
    assert found <= MOST_PATIENCE


def test_nothing_is_asked_before_the_round_is_due():
    early = world(status=status(last_check_time=NOW, stage=Stage.PROGRESSING))
    assert decide(early).observe == ()
