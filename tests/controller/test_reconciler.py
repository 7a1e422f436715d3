"""One look: from a key, over caches and readings, to a plan that is applied."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import InvalidSpec, Side
from controller.core.plan import Corrections, Shift, WriteStatus
from controller.core.world import Memory, Shifted
from controller.gather import OVERLAP_INDEX, Gatherer, overlap_keys, part_key, parts_keys
from controller.reconciler import Reconciler, Watchers
from informers.errors import InvalidError
from informers.types import Unreadable
from metrics.types import Target
from router.types import Backend, Route, Weights
from tests.controller.core.builders import GOOD, MINUTE, NOW, backend, canary, primary, said, spec, status, workload
from tests.fakes.caches import FakeCache


class Parts:
    """Stands for router, deployer, observer and applier."""

    def __init__(self):
        self.workloads = {"podinfo": primary(), "podinfo-canary": workload()}
        self.route = Route(Weights(90, 10), sends_to_canary=True)
        self.backends = {name: backend(name) for name in self.workloads}
        self.asked = []
        self.applied = []
        self.meanwhile = lambda: None
        self.shift_takes = timedelta()
        self.pass_time = lambda by: None
        self.error = None  # raised by what follows a shift

    def look(self, *where):
        if len(where) == 1:
            self.ref = where[0]
            return self.route
        return self.workloads.get(where[1])

    def backend(self, namespace, host):
        assert namespace == "test"
        return self.backends[host]

    def observe(self, target, checks):
        self.asked.append((target, checks))
        self.meanwhile()
        return GOOD

    def apply(self, world, plan, done):
        self.applied.append(plan)
        for action in plan.actions:
            if isinstance(action, Shift):
                self.pass_time(self.shift_takes)
            done(action)
        if self.error:
            raise self.error


class Run:
    def __init__(self, *canaries):
        self.parts = Parts()
        self.parts.pass_time = self.pass_time
        self.cache = FakeCache(canaries or [canary()], indexes={OVERLAP_INDEX: overlap_keys})
        self.now = NOW
        self.looked, self.gone, self.late = [], [], []
        self.terminating = set()
        gatherer = Gatherer(
            self.cache,
            self.parts,
            {"Deployment": self.parts},
            lambda: self.now,
            MINUTE,
            lambda namespace: namespace in self.terminating,
        )
        watchers = Watchers(
            lambda world, plan: self.looked.append((world, plan)), lambda *key: self.gone.append(key), self.late.append
        )
        self.reconciler = Reconciler(self.cache, gatherer, self.parts, self.parts, watchers)

    def pass_time(self, by):
        self.now += by

    def look(self):
        return self.reconciler.reconcile("test/podinfo")

    def memory(self):
        """Return what the next decision is told of those before."""
        self.look()
        return self.looked[-1][0].memory


def test_round_asks_decides_and_applies():
    run = Run()
    again = run.look()
    assert run.parts.asked == [(Target("test", "podinfo-canary"), spec().checks)]
    (plan,) = run.parts.applied
    assert Shift(Weights(85, 15)) in plan.actions
    assert again == plan.wake_after
    assert MINUTE <= again <= 1.1 * MINUTE
    assert run.looked[0][1] == plan
    assert timedelta() < run.late[0] <= MINUTE


def test_world_is_looked_at_again_after_the_answers_came():
    run = Run()

    def lose_pods():
        run.parts.workloads["podinfo-canary"] = workload(available_replicas=0)

    run.parts.meanwhile = lose_pods
    run.look()
    (plan,) = run.parts.applied
    assert not any(isinstance(a, Shift) and a.weights.canary for a in plan.actions)


def test_look_that_is_not_due_asks_nobody():
    run = Run(canary(status=status(last_check_time=NOW)))
    run.look()
    assert run.parts.asked == []
    assert run.parts.applied[0].actions == ()
    assert run.late == []


def test_waiting_for_a_deployment_without_traffic_is_not_lateness():
    run = Run(canary(status=status(canary_weight=0)))
    run.parts.route = Route(Weights(100, 0))
    run.parts.workloads["podinfo-canary"] = workload(replicas=3)
    again = run.look()
    run.now += 20 * again
    run.look()
    assert run.late == []
    run.parts.workloads["podinfo-canary"] = workload()
    run.now += again + timedelta(seconds=2)
    run.look()
    assert run.late == [timedelta(seconds=2)]


def test_canary_that_is_gone_is_told_and_forgotten():
    run = Run()
    run.cache.views.clear()
    assert run.look() is None
    assert run.gone == [("test", "podinfo")]
    assert run.parts.applied == []


def test_canary_that_cannot_be_read_is_not_taken_for_gone():
    run = Run()
    run.cache.views["test", "podinfo"] = Unreadable("test", "podinfo", "u", "1", "no spec")
    assert run.look() is None
    assert (run.gone, run.parts.applied) == ([], [])


def test_complaint_is_remembered_until_it_is_settled():
    run = Run()
    run.parts.workloads["podinfo"] = primary(available_replicas=1)
    run.look()
    run.look()
    assert [len(said(plan)) for plan in run.parts.applied] == [1, 0]
    run.parts.workloads["podinfo"] = primary()
    run.look()
    run.parts.workloads["podinfo"] = primary(available_replicas=1)
    run.look()
    assert [len(said(plan)) for plan in run.parts.applied[3:]] == [1]


def test_complaint_is_remembered_though_a_write_fails():
    run = Run()
    run.parts.route = None
    run.parts.error = InvalidError("422")
    for _ in range(2):
        with pytest.raises(InvalidError):
            run.look()
    first, second = run.parts.applied
    assert len(said(first)) == 1
    assert said(second) == []


def test_time_of_a_shift_is_remembered_though_a_later_write_fails():
    run = Run()
    run.parts.shift_takes = timedelta(seconds=4)
    run.parts.error = InvalidError("422")
    with pytest.raises(InvalidError):
        run.look()
    run.parts.error, run.parts.shift_takes = None, timedelta()
    shifted = Shifted(Weights(85, 15), NOW + timedelta(seconds=4))
    assert run.memory() == Memory(shifted=shifted)
    run.now += timedelta(minutes=5)
    assert run.memory().shifted == shifted


def test_corrections_are_remembered_beyond_plans_without_one():
    run = Run(canary(status=status(last_check_time=NOW)))
    run.parts.route = Route(Weights(70, 30), sends_to_canary=True)
    run.look()
    run.parts.route = Route(Weights(90, 10), sends_to_canary=True)
    run.look()
    memory = run.memory()
    assert memory.corrections == Corrections(1, NOW)
    assert memory.shifted == Shifted(Weights(90, 10), NOW)


def test_canary_that_was_deleted_and_recreated_starts_without_a_memory():
    run = Run()
    run.parts.route = None
    run.look()
    assert run.memory().complaint is not None
    views = dict(run.cache.views)
    run.cache.views.clear()
    run.look()
    run.cache.views.update(views)
    assert run.memory() == Memory()


def test_what_stands_behind_either_host_is_gathered():
    run = Run()
    run.parts.backends = {"podinfo": Backend("a"), "podinfo-canary": Backend("b", gone=True)}
    run.look()
    world = run.looked[0][0]
    assert (world.primary_backend, world.canary_backend) == (Backend("a"), Backend("b", gone=True))


def test_namespace_that_is_terminating_is_gathered():
    run = Run()
    run.look()
    run.terminating.add("test")
    run.look()
    assert [world.namespace_terminating for world, _ in run.looked] == [False, True]


def test_invalid_spec_is_gathered_without_parts():
    run = Run(canary(spec=InvalidSpec("x")))
    run.look()
    world = run.looked[0][0]
    assert (world.primary, world.workload, world.route, world.rivals) == (None, None, None, ())
    assert not world.primary_serves
    assert not world.canary_serves


@pytest.mark.parametrize(
    ("change", "rival"),
    [
        ({"primary": Side("podinfo", "x")}, True),
        ({"canary": Side("podinfo", "x")}, True),
        ({"primary": Side("x", "podinfo.test.svc.cluster.local")}, True),
        ({"primary": Side("x", "podinfo"), "route_name": "another"}, False),
        ({"primary": Side("x", "x")}, False),
    ],
    ids=["primary", "primary as canary", "host on the same route", "host on another route", "nothing"],
)
def test_rival_is_who_shares_a_workload_or_a_host_on_the_route(change, rival):
    apart = spec(**{"primary": Side("a", "a"), "canary": Side("b", "b"), **change})
    other = canary(name="other", uid="other", created=NOW - timedelta(days=1), spec=apart)
    run = Run(canary(), other)
    run.look()
    assert run.looked[0][0].rivals == ((other,) if rival else ())


def test_unreadable_rival_is_passed_over():
    run = Run()
    run.cache._indexes[OVERLAP_INDEX] = lambda view: overlap_keys(canary())
    run.cache.views["test", "other"] = Unreadable("test", "other", "u", "1", "no spec")
    run.look()
    assert run.looked[0][0].rivals == ()


def test_parts_are_found_by_what_they_are():
    the_canary = canary(spec=spec(canary=Side("podinfo-canary", "podinfo-canary.test.svc")))
    assert set(parts_keys(the_canary)) == {
        part_key("Deployment", "test", "podinfo"),
        part_key("Deployment", "test", "podinfo-canary"),
        part_key("service", "test", "podinfo"),
        part_key("service", "test", "podinfo-canary"),
        part_key("route", "test", "podinfo"),
    }
    assert parts_keys(replace(the_canary, spec=InvalidSpec("x"))) == ()


def test_first_status_has_no_round_to_be_late_for():
    run = Run(canary(status=status(last_check_time=None, stage=None, canary_revision="other", state=None)))
    run.look()
    assert any(isinstance(a, WriteStatus) for a in run.parts.applied[0].actions)
    assert run.late == []
