"""The simulated cluster behaves as far as the gates can see."""

from dataclasses import replace
from datetime import timedelta

from controller.core.plan import Scale, Shift
from router.types import ALL_TO_PRIMARY, Weights
from tests.controller.core.builders import GOOD, NOW, spec
from tests.simulator import later, play, pushed, run, simulated, template_of, world_of

START = simulated(spec(), now=NOW)


def test_pods_take_their_time():
    scaled = play(START, Scale(3))
    assert (scaled.canary_workload.replicas, scaled.canary_workload.available_replicas) == (3, 1)
    assert later(scaled, START.pod_delay - timedelta(seconds=1)).canary_workload.available_replicas == 1
    assert later(scaled, START.pod_delay).canary_workload.available_replicas == 3


def test_scaling_to_what_it_is_changes_nothing():
    assert play(START, Scale(START.canary_workload.replicas)) == START


def test_pods_of_a_deleted_workload_never_come():
    gone = replace(play(START, Scale(3)), canary_workload=None)
    assert later(gone, START.pod_delay).canary_workload is None
    assert play(gone, Scale(1)) == gone


def test_broken_revision_never_becomes_available():
    broken = pushed(replace(START, broken=frozenset({"3"})), template_of("podinfo-canary", "3"))
    end = later(broken, timedelta(hours=1)).canary_workload
    assert (end.deadline_exceeded, end.updated_replicas) == (True, 1)


def test_scene_without_a_route_stays_without():
    bare = replace(START, weights=None)
    assert world_of(bare).route is None
    assert play(bare, Shift(ALL_TO_PRIMARY)) == bare


def test_weights_follow_a_shift():
    assert play(START, Shift(Weights(95, 5))).weights == Weights(95, 5)


def test_run_gives_up_after_its_rounds():
    halted = replace(START, route_problem="a third host is in the way")
    *_, end = run(halted, lambda *_: GOOD, rounds=3)
    assert end.now > START.now
    assert end.canary.status.state is None
