"""What became of rollouts, as it is counted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import CanaryStatus, Stage, State
from controller.core.decide import decide
from controller.core.events import ABORTED, deadline_exceeded, evidence_missing, threshold_reached, workload_deleted
from controller.core.plan import Plan, ReleaseFinalizer, WriteStatus
from controller.core.verbs import Verbs
from controller.exporter.rollouts import RolloutExporter
from metrics.types import NoData
from tests.controller.core.builders import (
    BAD_RATE,
    NOW,
    at_rest,
    canary,
    decided,
    primary,
    spec,
    status,
    workload,
    world,
)
from tests.controller.exporter.scrape import Scrape

PROMOTED = primary(template=replace(primary().template, body=workload().template.body))


def written(the_world, readings=()):
    """Return the first status that is written."""
    return next(a.status for a in decided(the_world, readings).actions if isinstance(a, WriteStatus))


class Metrics(Scrape):
    def __init__(self):
        super().__init__()
        self.exporter = RolloutExporter(self.registry)

    def look(self, the_world, plan=None):
        self.exporter.reconciled(the_world, decided(the_world) if plan is None else plan)

    def ends(self):
        return {tuple(s.labels.values()): s.value for s in self.series("flagger_rollouts_total")}


@pytest.fixture
def metrics():
    return Metrics()


def test_weights_that_were_put_back_are_counted_and_steps_are_not(metrics):
    metrics.look(world())
    assert metrics.series("flagger_canary_corrections_total") == []
    for _ in range(2):
        metrics.look(world(weight=30))
    (counted,) = metrics.series("flagger_canary_corrections_total")
    assert (counted.labels, counted.value) == ({"namespace": "test"}, 2)


def test_end_is_counted_once_with_its_duration(metrics):
    ended = at_rest(state=State.FAILED, start_time=NOW - timedelta(seconds=90))
    metrics.look(world(), Plan((WriteStatus(ended),)))
    metrics.look(world(status=ended), Plan())
    assert sum(metrics.ends().values()) == 1
    assert metrics.value("flagger_canary_duration_seconds_sum", namespace="test", outcome="failed") == 90
    assert metrics.value("flagger_canary_duration_seconds_count", namespace="test", outcome="failed") == 1


def test_end_whose_last_write_failed_is_counted_by_the_next_look(metrics):
    metrics.look(world(), Plan())
    metrics.look(world(status=at_rest()), Plan((ReleaseFinalizer(),)))
    assert sum(metrics.ends().values()) == 1
    assert metrics.value("flagger_canary_duration_seconds_count", namespace="test", outcome="finished") == 1


def test_end_without_a_start_has_no_duration(metrics):
    metrics.look(world(), Plan((WriteStatus(at_rest(start_time=None)),)))
    assert sum(metrics.ends().values()) == 1
    assert metrics.series("flagger_canary_duration_seconds_count") == []


NEW = {"generation": 2, "observed_generation": 2}


@pytest.mark.parametrize(
    ("the_world", "readings", "end"),
    [
        pytest.param(
            world(status=status(canary_weight=50, stage=Stage.PROMOTING), primary=PROMOTED),
            (),
            ("finished", "Promoted"),
            id="promoted",
        ),
        pytest.param(
            world(canary_workload=workload("1", **NEW)),
            (),
            ("finished", "NothingToRollOut"),
            id="the template was put back",
        ),
        pytest.param(
            world(status=status(failed_checks=9)),
            BAD_RATE,
            ("failed", threshold_reached(10).reason),
            id="failed checks",
        ),
        pytest.param(
            world(status=status(inconclusive_checks=9)),
            (NoData(), NoData()),
            ("failed", evidence_missing(10).reason),
            id="no evidence",
        ),
        pytest.param(
            world(canary_workload=workload(deadline_exceeded=True)),
            (),
            ("failed", deadline_exceeded("").reason),
            id="progress deadline",
        ),
        pytest.param(
            world(canary_workload=None), (), ("failed", workload_deleted("deployment").reason), id="deployment deleted"
        ),
        pytest.param(
            world(canary=canary(verbs=Verbs(abort="podinfo-canary-2"))), (), ("failed", ABORTED.reason), id="aborted"
        ),
        pytest.param(
            world(canary_workload=workload("3", **NEW), status=status(failed_revisions=("podinfo-canary-3",))),
            (),
            ("failed", "FailedBefore"),
            id="a revision that failed before",
        ),
        pytest.param(
            world(canary_workload=workload("3", **NEW)), (), ("superseded", "NewRevision"), id="a newer revision"
        ),
        pytest.param(world(canary=canary(deleting=True)), (), ("released", "ObjectDeleted"), id="object deleted"),
        pytest.param(world(namespace_terminating=True), (), ("released", "ObjectDeleted"), id="namespace deleted"),
    ],
)
def test_every_end_is_counted_with_its_reason(metrics, the_world, readings, end):
    metrics.look(the_world, decided(the_world, readings))
    assert metrics.ends() == {("test", *end): 1}


def test_reason_of_a_rollback_outlives_the_process_that_decided_it(metrics):
    failing = world(status=status(failed_checks=9))
    metrics.look(world(status=written(failing, BAD_RATE)))
    assert metrics.ends() == {("test", "failed", "FailedChecks"): 1}


def test_end_with_a_drain_is_counted_when_the_drain_is_over(metrics):
    draining = canary(spec=spec(drain=timedelta(seconds=30)), status=status(failed_checks=9))
    failing = world(canary=draining)
    metrics.look(failing, decided(failing, BAD_RATE))
    rolling_back = world(canary=replace(draining, status=written(failing, BAD_RATE)), weight=0)
    metrics.look(rolling_back)
    assert metrics.ends() == {}
    over = world(canary=replace(draining, status=written(rolling_back)), weight=0, now=NOW + timedelta(seconds=30))
    metrics.look(over)
    assert metrics.ends() == {("test", "failed", "FailedChecks"): 1}
    assert metrics.value("flagger_stage_duration_seconds_sum", stage="draining") == 30


@pytest.mark.parametrize(
    "the_world",
    [
        pytest.param(world(), id="a step"),
        pytest.param(world(status=at_rest(), canary_workload=workload("3", **NEW)), id="a start at rest"),
        pytest.param(world(status=at_rest(), canary_workload=workload("1", **NEW)), id="nothing to roll out, at rest"),
        pytest.param(
            world(status=at_rest(failed_revisions=("podinfo-canary-3",)), canary_workload=workload("3", **NEW)),
            id="a revision that failed before, at rest",
        ),
        pytest.param(world(canary=canary(deleting=True, finalizers=())), id="deleted, and let go before"),
    ],
)
def test_what_ends_no_rollout_is_not_counted(metrics, the_world):
    metrics.look(the_world)
    assert metrics.ends() == {}


def test_stages_are_timed_from_their_begin_to_their_end(metrics):
    started = world(status=at_rest(), canary_workload=workload("3", **NEW))
    metrics.look(started)
    starting = decide(started).actions[0].status
    metrics.look(replace(world(status=starting, canary_workload=workload("3", **NEW)), now=NOW + timedelta(seconds=8)))
    assert metrics.value("flagger_stage_duration_seconds_sum", stage="starting") == 8
    assert metrics.value("flagger_stage_duration_seconds_count", stage="starting") == 1


def test_stage_that_began_before_the_process_is_not_timed(metrics):
    metrics.look(world(status=status(canary_weight=50)))
    assert metrics.series("flagger_stage_duration_seconds_sum") == []


def test_object_that_was_recreated_ends_no_rollout_of_the_one_before(metrics):
    metrics.look(world(canary=canary(deleting=True)))
    released = metrics.ends()
    metrics.look(world(canary=canary(uid="another", status=CanaryStatus())), Plan())
    metrics.look(world(), Plan())
    metrics.look(world(canary=canary(uid="a third", status=CanaryStatus())), Plan())
    assert metrics.ends() == released == {("test", "released", "ObjectDeleted"): 1}


def test_rollout_of_an_object_that_was_deleted_is_forgotten(metrics):
    metrics.look(world(), Plan())
    metrics.exporter.gone("test", "podinfo")
    metrics.exporter.gone("test", "never seen")
    metrics.look(world(status=at_rest()), Plan())
    assert metrics.ends() == {}
