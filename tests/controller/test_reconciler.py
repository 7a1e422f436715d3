"""One reconcile: from a key, over caches and readings, to a plan that is applied."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.asking.inquiries import Inquiries
from controller.core.canary import InvalidSpec, Side, State
from controller.core.pacing import REPEAT_AT_REST, SOON
from controller.core.plan import Corrections, Say, Shift, WriteStatus
from controller.core.world import Memory, Shifted, Unseen, WhyUnseen, seniority
from controller.gather import OVERLAP_INDEX, Adapters, Gatherer, overlap_keys, part_key, parts_keys
from controller.reconciler import Reconciler
from controller.unreadable import UnreadableReporter
from controller.work.budgets import MOST_AT_ONCE, Budgets
from controller.work.workers import Awaits
from informers.errors import ForbiddenError, TransportError
from informers.types import Unreadable
from metrics.types import Target
from router.types import Backend, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    DURATION,
    GOOD,
    MINUTE,
    NOW,
    SUCCESS,
    backend,
    canary,
    primary,
    said,
    spec,
    starting,
    status,
    workload,
)
from tests.fakes.caches import FakeCache

KEY = "test/podinfo"


class Parts:
    """Stands for router, deployer, observer and applier."""

    def __init__(self):
        self.workloads = {"podinfo": primary(), "podinfo-canary": workload()}
        self.route = Route(Weights(90, 10), sends_to_canary=True)
        self.backends = {name: backend(name) for name in self.workloads}
        self.asked = []
        self.readings = GOOD
        self.brings = True  # at once
        self.applied = []
        self.meanwhile = lambda: None
        self.shift_takes = timedelta()
        self.pass_time = lambda by: None
        self.error_stays = True
        self.error = None  # raised by what follows a shift

    def get(self, *where):
        if len(where) == 1:
            self.ref = where[0]
            return self.route
        return self.workloads.get(where[1])

    def backend(self, namespace, host):
        assert namespace == "test"
        return self.backends[host]

    def ask(self, target, checks, *, patience_seconds, answered):
        self.asked.append((target, checks))
        self.patience_seconds = patience_seconds
        self.bring = lambda: answered(self.readings)
        self.meanwhile()
        if self.brings:
            self.bring()

    def apply(self, world, plan, done):
        self.applied.append(plan)
        for action in plan.actions:
            if isinstance(action, Shift):
                self.pass_time(self.shift_takes)
            if self.error and action == plan.actions[-1]:
                raised, self.error = self.error, self.error if self.error_stays else None
                raise raised
            done(action)


class Recorded:
    """A recorder that keeps what it is told."""

    def __init__(self):
        self.events = []

    def record(self, about, event):
        self.events.append((about, event))


class Watched:
    """A watcher that keeps what it hears."""

    def __init__(self):
        self.found, self.deleted = [], []

    def reconciled(self, world, plan):
        self.found.append((world, plan))

    def gone(self, namespace, name):
        self.deleted.append((namespace, name))


class Counted:
    """Metrics that keep what they count."""

    def __init__(self):
        self.namespaces, self.lateness = [], []

    def throttled(self, namespace):
        self.namespaces.append(namespace)

    def late(self, by):
        self.lateness.append(by)


class Run:
    def __init__(self, *canaries):
        self.parts = Parts()
        self.parts.pass_time = self.pass_time
        self.cache = FakeCache(
            canaries or [canary()], indexes={OVERLAP_INDEX: overlap_keys}, orders={OVERLAP_INDEX: seniority}
        )
        self.now = NOW
        self.terminating = set()
        self.templates, self.unseen = FakeCache([]), {}
        gatherer = Gatherer(
            self.cache,
            self.parts.backend,
            Adapters({"Deployment": self.parts}, {"VirtualService": self.parts}),
            lambda: self.now,
            MINUTE,
            self.templates,
            frozenset({"http://prometheus:9090"}),
            is_terminating=lambda namespace: namespace in self.terminating,
            unseen=lambda kind, _namespace: self.unseen.get(kind),
        )
        self.recorder = Recorded()
        self.budgets = Budgets(monotonic=self.seconds)
        self.watchers = [Watched(), Watched()]
        self.metrics = Counted()
        reporter = UnreadableReporter([self.recorder], None, lambda: self.now)
        self.woken = []
        inquiries = Inquiries(self.parts, self.woken.append)
        self.reconciler = Reconciler(
            self.cache, gatherer, inquiries, self.parts, self.watchers, self.metrics, reporter, self.budgets
        )

    @property
    def found(self):
        """What every watcher has heard: each the same."""
        first, *others = (watcher.found for watcher in self.watchers)
        assert all(found == first for found in others)
        return first

    @property
    def gone(self):
        first, *others = (watcher.deleted for watcher in self.watchers)
        assert all(deleted == first for deleted in others)
        return first

    @property
    def late(self):
        return self.metrics.lateness

    @property
    def throttled(self):
        return self.metrics.namespaces

    def seconds(self):
        return self.now.timestamp()

    def pass_time(self, by):
        self.now += by

    @property
    def view(self):
        return self.cache.known["test", "podinfo"]

    def change(self, **changes):
        """Have somebody write a status."""
        self.cache.known["test", "podinfo"] = replace(self.view, status=replace(self.view.status, **changes))

    def look(self):
        """Reconcile, and once more if that has asked for readings and they are there."""
        again = self.reconciler.reconcile(KEY)
        return self.reconciler.reconcile(KEY) if again is Awaits.READINGS and self.woken else again

    def memory(self):
        """Return what the next decision is told of those before."""
        self.look()
        return self.found[-1][0].memory


def test_round_asks_decides_and_applies():
    run = Run()
    again = run.look()
    assert run.parts.asked == [(Target("test", "podinfo-canary", canary="podinfo"), spec().checks)]
    (plan,) = run.parts.applied
    assert Shift(Weights(85, 15)) in plan.actions
    assert MINUTE <= plan.wake_after <= 1.1 * MINUTE
    assert again == SOON  # to see what has come of it: its own writes wake nobody
    assert run.found[0][1] == plan
    assert timedelta() < run.late[0] <= MINUTE


def test_look_that_wrote_nothing_waits_for_its_time():  # contract W6
    run = Run(canary(status=status(last_check_time=NOW)))
    again = run.look()
    (plan,) = run.parts.applied
    assert plan.actions == ()
    assert again == plan.wake_after
    assert MINUTE <= again <= 1.1 * MINUTE


def test_worker_goes_while_readings_are_on_their_way():  # contracts O1, W7
    run = Run()
    run.parts.brings = False
    assert run.look() is Awaits.READINGS
    assert run.look() is Awaits.READINGS  # woken by something else: it asks only once
    assert len(run.parts.asked) == 1
    assert (run.parts.applied, run.found, run.late) == ([], [], [])
    run.now += timedelta(seconds=3)
    run.parts.bring()
    assert run.woken == [KEY]
    run.look()
    assert Shift(Weights(85, 15)) in run.parts.applied[0].actions
    assert len(run.parts.asked) == 1
    assert len(run.found) == len(run.late) == 1


def test_round_is_late_by_the_answers_own_time():
    run = Run(canary(status=status(last_check_time=NOW)))
    run.now += run.look()
    run.parts.brings = False
    run.look()
    run.now += timedelta(seconds=2)
    run.parts.bring()
    run.look()
    assert run.late == [timedelta(seconds=2)]


MEANWHILE = {
    "a new template": lambda run: run.parts.workloads.update({"podinfo-canary": workload("3", generation=2)}),
    "the weight was written by somebody": lambda run: run.change(canary_weight=15, previous_weight=10),
    "another round was held": lambda run: run.change(last_check_time=NOW - timedelta(seconds=90)),
    "the rollout has ended": lambda run: run.change(state=State.FINISHED, stage=None, canary_weight=0),
    "it was deleted": lambda run: run.cache.known.update({("test", "podinfo"): replace(run.view, deleting=True)}),
    "a check has changed": lambda run: run.cache.known.update(
        {("test", "podinfo"): replace(run.view, spec=spec(checks=(replace(SUCCESS, interval="30s"), DURATION)))}
    ),
}


@pytest.mark.parametrize("change", MEANWHILE.values(), ids=MEANWHILE.keys())
@pytest.mark.parametrize("first", [True, False], ids=["before they came", "after they came"])
def test_readings_never_decide_another_round_than_the_one_that_asked(change, first):  # contract O1
    run = Run()
    run.parts.brings, run.parts.readings = False, BAD_RATE
    run.look()
    bring = run.parts.bring
    if first:
        change(run)
    bring()
    if not first:
        change(run)
    run.parts.brings, run.parts.readings = True, GOOD
    run.look()
    assert not any("success rate 82.33%" in text for plan in run.parts.applied for text in said(plan))


def test_readings_are_asked_for_anew_after_a_write_that_failed():
    run = Run()
    run.parts.error = TransportError("no answer")
    with pytest.raises(TransportError):
        run.look()
    run.parts.error = None
    run.look()
    assert len(run.parts.asked) == 2


def test_questions_wait_for_those_of_others_for_a_part_of_the_interval():
    run = Run()
    run.look()
    assert run.parts.patience_seconds == 0.5


def test_canary_that_is_gone_is_brought_nothing():
    run = Run()
    run.parts.brings = False
    run.look()
    run.cache.known.clear()
    run.look()
    run.parts.bring()
    assert run.woken == []


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


NOT_DUE = {"last_check_time": NOW - timedelta(seconds=30)}


@pytest.mark.parametrize(
    ("before", "route", "parts", "action"),
    [
        pytest.param(
            {"previous_weight": 5},
            Route(Weights(95, 5), sends_to_canary=True),
            {},
            "Advance",
            id="a step of ours is finished",
        ),
        pytest.param({}, Route(Weights(70, 30), sends_to_canary=True), {}, "Correct", id="the route is put back"),
        pytest.param(
            {}, None, {"podinfo": primary(available_replicas=0)}, "Divert", id="the primary has lost its pods"
        ),
        pytest.param(
            {"canary_weight": 100},
            Route(Weights(0, 100), sends_to_canary=True),
            {},
            "Reduce",
            id="the primary has its pods again",
        ),
        pytest.param(
            {}, None, {"podinfo-canary": workload(available_replicas=0)}, "Halt", id="the canary has lost its pods"
        ),
    ],
)
def test_interval_that_is_cut_short_is_no_round_that_was_held_in_time(before, route, parts, action):
    run = Run(canary(status=status(**{**NOT_DUE, **before})))
    run.parts.route = route or run.parts.route
    run.parts.workloads |= parts
    run.look()
    (plan,) = run.parts.applied
    assert [a.event.action for a in plan.actions if isinstance(a, Say)] == [action]
    assert any(a.status.last_check_time == NOW for a in plan.actions if isinstance(a, WriteStatus))
    assert run.late == []


@pytest.mark.parametrize(
    ("parts", "readings", "action"),
    [
        pytest.param({"podinfo": primary(available_replicas=1)}, GOOD, "Wait", id="behind a closed gate"),
        pytest.param({}, BAD_RATE, "Halt", id="that fails"),
        pytest.param(
            {"podinfo-canary": Unreadable("test", "podinfo-canary", "u", "1", "no spec")},
            GOOD,
            "Halt",
            id="of a canary that cannot be read",
        ),
    ],
)
def test_round_that_does_not_advance_is_held_in_time_as_well(parts, readings, action):
    run = Run()
    run.parts.workloads |= parts
    run.parts.readings = readings
    run.look()
    (plan,) = run.parts.applied
    assert [a.event.action for a in plan.actions if isinstance(a, Say)] == [action]
    assert len(run.late) == 1


def test_canary_that_is_gone_is_told_and_forgotten():
    run = Run()
    run.cache.known.clear()
    assert run.look() is None
    assert run.gone == [("test", "podinfo")]
    assert run.parts.applied == []


def test_canary_that_cannot_be_read_is_not_taken_for_gone():
    run = Run()
    run.cache.known["test", "podinfo"] = unreadable = Unreadable("test", "podinfo", "u", "1", "no spec")
    assert run.look() == REPEAT_AT_REST
    assert (run.gone, run.parts.applied) == ([], [])
    ((about, event),) = run.recorder.events
    assert about == unreadable
    assert event.text == "Halt podinfo.test advancement the canary object cannot be read: no spec"
    assert event.type == "Warning"


def test_canary_that_cannot_be_read_again_is_told_again():
    run = Run()
    readable = run.cache.known["test", "podinfo"]
    for _ in range(2):
        run.cache.known["test", "podinfo"] = Unreadable("test", "podinfo", "u", "1", "no spec")
        run.look()
        run.cache.known["test", "podinfo"] = readable
        run.look()
    assert len(run.recorder.events) == 2


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
    run.parts.error = TransportError("no answer")
    for _ in range(2):
        with pytest.raises(TransportError):
            run.look()
    first, second = run.parts.applied
    assert len(said(first)) == 1
    assert said(second) == []


def test_time_of_a_shift_is_remembered_though_a_later_write_fails():
    run = Run()
    run.parts.shift_takes = timedelta(seconds=4)
    run.parts.error = TransportError("no answer")
    with pytest.raises(TransportError):
        run.look()
    run.parts.error, run.parts.shift_takes = None, timedelta()
    shifted = Shifted(Weights(85, 15), NOW + timedelta(seconds=4))
    assert run.memory() == Memory(shifted=shifted)
    run.now += timedelta(minutes=5)
    assert run.memory().shifted == shifted


def refused(run, error):
    """Return the plan that reports the refusal of the last action of a plan."""
    run.parts.error, run.parts.error_stays = error, False
    with pytest.raises(type(error)):
        run.look()
    return run.parts.applied[-1]


def test_refused_write_is_reported_and_retried():
    run = Run(canary(status=starting(last_check_time=NOW)))
    run.parts.workloads["podinfo-canary"] = workload(replicas=0, available_replicas=0)
    words = "patch deployments/scale podinfo-canary.test: 403 Forbidden: no scaling today"
    (text,) = said(refused(run, ForbiddenError(words)))
    assert text.endswith(f"the API server refuses a write: {words}")
    assert run.found[-1][1] == run.parts.applied[-1]  # so that metrics know as well
    assert run.memory().refusal.text.endswith(words)


def test_refusal_of_any_length_is_cut():
    run = Run(canary(status=starting()))
    run.parts.route = None
    assert len(said(refused(run, ForbiddenError("x" * 5000)))[0]) < 1000


def test_report_that_is_refused_as_well_raises_what_was_refused_first():
    run = Run()
    refusals = [ForbiddenError("the step"), ForbiddenError("the report")]
    apply = run.parts.apply

    def refuse(world, plan, done):
        apply(world, plan, lambda _: None)
        raise refusals.pop(0)

    run.reconciler.applier = type("Refusing", (), {"apply": staticmethod(refuse)})
    with pytest.raises(ForbiddenError, match="the step"):
        run.look()


def test_failure_that_passes_by_itself_is_not_reported():
    run = Run()
    refused(run, TransportError("no answer"))
    assert len(run.parts.applied) == 1


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
    views = dict(run.cache.known)
    run.cache.known.clear()
    run.look()
    run.cache.known.update(views)
    assert run.memory() == Memory()


def test_what_stands_behind_either_host_is_gathered():
    run = Run()
    run.parts.backends = {"podinfo": Backend("a"), "podinfo-canary": Backend("b", gone=True)}
    run.look()
    world = run.found[0][0]
    assert (world.primary_backend, world.canary_backend) == (Backend("a"), Backend("b", gone=True))


def test_namespace_that_is_terminating_is_gathered():
    run = Run()
    run.look()
    run.terminating.add("test")
    run.look()
    assert [world.namespace_terminating for world, _ in run.found] == [False, True]


def test_invalid_spec_is_gathered_without_parts():
    run = Run(canary(spec=InvalidSpec("x")))
    run.look()
    world = run.found[0][0]
    assert (world.primary, world.canary_workload, world.route, world.rivals) == (None, None, None, ())
    assert not world.primary_serves
    assert not world.canary_serves


@pytest.mark.parametrize("why", [WhyUnseen.FORBIDDEN, WhyUnseen.NOT_SERVED])
def test_what_an_old_cache_holds_of_a_kind_that_cannot_be_seen_any_more_is_not_believed(why):  # behaviour 19
    run = Run()
    run.unseen = {kind: Unseen(kind, why, "it may not be listed") for kind in ("Deployment", "VirtualService")}
    run.look()
    world = run.found[0][0]
    assert (world.primary, world.canary_workload) == (None, None)
    assert (world.route is None) is (why is WhyUnseen.NOT_SERVED)
    assert not world.route or (world.route.unreadable and "may not be listed" in world.route.problem)


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
    assert run.found[0][0].rivals == ((other,) if rival else ())


def test_unreadable_rival_is_passed_over():
    run = Run()
    run.cache._indexes[OVERLAP_INDEX] = lambda view: overlap_keys(canary())
    run.cache.known["test", "other"] = Unreadable("test", "other", "u", "1", "no spec")
    run.look()
    assert run.found[0][0].rivals == ()


def test_parts_are_found_by_what_they_are():
    the_canary = canary(spec=spec(canary=Side("podinfo-canary", "podinfo-canary.test.svc")))
    assert set(parts_keys(the_canary)) == {
        part_key("Deployment", "test", "podinfo"),
        part_key("Deployment", "test", "podinfo-canary"),
        part_key("Service", "test", "podinfo"),
        part_key("Service", "test", "podinfo-canary"),
        part_key("VirtualService", "test", "podinfo"),
    }
    assert parts_keys(replace(the_canary, spec=InvalidSpec("x"))) == ()


def test_first_status_has_no_round_to_be_late_for():
    run = Run(canary(status=status(last_check_time=None, stage=None, canary_revision="other", state=None)))
    run.look()
    assert any(isinstance(a, WriteStatus) for a in run.parts.applied[0].actions)
    assert run.late == []


def test_canary_that_is_never_done_costs_no_more_than_its_budget():  # contract D9
    run = Run(canary(status=status(last_check_time=NOW)))
    run.parts.route = Route(Weights(70, 30), sends_to_canary=True)  # and so it stays, whatever is written
    end, written = NOW + 10 * MINUTE, 0
    while run.now < end:
        again = run.look()
        run.now += max(min(again or MINUTE, timedelta(seconds=1)), timedelta(milliseconds=50))
        run.reconciler._memories.clear()  # as if every correction were the first
    written = sum(isinstance(action, WriteStatus | Shift) for plan in run.parts.applied for action in plan.actions)
    assert MOST_AT_ONCE < written <= MOST_AT_ONCE + 14 * 10 + 2
    assert "test" in run.throttled


def test_failing_write_is_charged_as_well():
    run = Run(canary(status=status(last_check_time=NOW)))
    run.parts.route = Route(Weights(70, 30), sends_to_canary=True)
    run.parts.error = TransportError("no answer")
    for _ in range(200):
        with suppress(TransportError):
            run.look()
        run.reconciler._memories.clear()
    assert len(run.parts.applied) <= MOST_AT_ONCE
