"""One look: from a key, over caches and readings, to a plan that is applied."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import InvalidSpec, Side
from controller.core.plan import Say, Shift, WriteStatus
from controller.gather import OVERLAP_INDEX, Gatherer, overlap_keys, part_key, parts_keys
from controller.reconciler import Reconciler, Watchers
from informers.errors import InvalidError
from informers.types import Unreadable
from metrics.types import Target
from router.types import Route, Weights
from tests.controller.core.builders import GOOD, MINUTE, NOW, canary, primary, spec, status, workload
from tests.fakes.caches import FakeCache


class Parts:
    """Stands for router, deployer, observer and applier."""

    def __init__(self):
        self.workloads = {"podinfo": primary(), "podinfo-canary": workload()}
        self.route = Route(Weights(90, 10), sends_to_canary=True)
        self.problems = {}
        self.asked = []
        self.applied = []
        self.meanwhile = lambda: None

    def look(self, *where):
        if len(where) == 1:
            self.ref = where[0]
            return self.route
        return self.workloads.get(where[1])

    def service_problem(self, namespace, host):
        return self.problems.get(host)

    def observe(self, target, checks):
        self.asked.append((target, checks))
        self.meanwhile()
        return GOOD

    def apply(self, world, plan):
        self.applied.append(plan)


class Run:
    def __init__(self, *canaries):
        self.parts = Parts()
        self.cache = FakeCache(canaries or [canary()], indexes={OVERLAP_INDEX: overlap_keys})
        self.now = NOW
        self.looked, self.gone, self.late = [], [], []
        gatherer = Gatherer(self.cache, self.parts, {"Deployment": self.parts}, lambda: self.now, MINUTE)
        watchers = Watchers(
            lambda world, plan: self.looked.append((world, plan)), lambda *key: self.gone.append(key), self.late.append
        )
        self.reconciler = Reconciler(self.cache, gatherer, self.parts, self.parts, watchers)

    def look(self):
        return self.reconciler.reconcile("test/podinfo")


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


def test_waiting_for_a_deployment_is_not_lateness():
    run = Run()
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
    assert [len(plan.actions) for plan in run.parts.applied] == [1, 0]
    run.parts.workloads["podinfo"] = primary()
    run.look()
    run.parts.workloads["podinfo"] = primary(available_replicas=1)
    run.look()
    assert [len(plan.actions) for plan in run.parts.applied[3:]] == [1]


def test_complaint_is_remembered_though_a_write_fails():
    run = Run()
    run.parts.route = None
    applied = run.parts.apply

    def refused(world, plan):
        applied(world, plan)
        raise InvalidError("422")

    run.parts.apply = refused
    for _ in range(2):
        with pytest.raises(InvalidError):
            run.look()
    first, second = run.parts.applied
    assert any(isinstance(action, Say) for action in first.actions)
    assert not any(isinstance(action, Say) for action in second.actions)


def test_problems_of_either_service_are_gathered():
    run = Run()
    run.parts.problems = {"podinfo": "a", "podinfo-canary": "b"}
    run.look()
    assert run.looked[0][0].service_problems == ("a", "b")


def test_invalid_spec_is_gathered_without_parts():
    run = Run(canary(spec=InvalidSpec("x")))
    run.look()
    world = run.looked[0][0]
    assert (world.primary, world.workload, world.route, world.rivals) == (None, None, None, ())


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
