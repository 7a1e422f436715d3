"""Reconcile one canary: gather, decide, apply. A key goes in, the time of the next reconcile comes out.

Safe at any time and any number of times: only the clock and the world move a rollout. A reconcile that needs readings
asks for them and ends; the next one finds them.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from controller.applier import Applier
from controller.asking.inquiries import Inquiries
from controller.core.canary import Canary, CanarySpec
from controller.core.decide import decide
from controller.core.gates import ends_traffic_to_nothing
from controller.core.pacing import SOON, requests_per_second, round_due_at
from controller.core.plan import Action, Log, Plan, Say
from controller.core.questions import patience, question_of
from controller.core.refusals import one_more, report
from controller.core.summary import with_summary
from controller.core.world import (
    NOTHING_REMEMBERED,
    Memory,
    World,
    after_action,
    after_failure,
    after_plan,
    with_readings,
)
from controller.gather import Gatherer
from controller.unreadable import UnreadableReporter
from controller.work.budgets import Budgets
from controller.work.workers import Awaits
from informers.errors import ApiError, is_refusal
from informers.keys import split_key
from informers.types import Cache, Unreadable

log = logging.getLogger(__name__)

_LONGEST_REFUSAL = 500  # characters; a webhook may say anything


class Watcher(Protocol):
    """Who hears of every reconcile. Thread-safe, and never raises or blocks."""

    def reconciled(self, world: World, plan: Plan) -> None:
        """Take what was found, and what was done about it: all of the plan, or the reconcile is not reported."""

    def gone(self, namespace: str, name: str) -> None:
        """Forget a canary object that was deleted."""


class ReconcileMetrics(Protocol):
    """Who counts what went less well. Thread-safe."""

    def throttled(self, namespace: str) -> None:
        """A canary of a namespace has cost too much of late: its reconcile was put off."""

    def late(self, by: timedelta) -> None:
        """A round was held this long after its due time."""


@dataclass(slots=True)
class Reconciler:
    """Gathers, decides and applies; keeps what is remembered of each canary, and when it was to be reconciled."""

    canaries: Cache[Canary]
    gatherer: Gatherer
    inquiries: Inquiries
    applier: Applier
    watchers: Sequence[Watcher]
    metrics: ReconcileMetrics
    unreadable: UnreadableReporter
    budgets: Budgets
    _memories: dict[str, Memory] = field(default_factory=dict)
    _expected: dict[str, datetime] = field(default_factory=dict)  # when the next reconcile was to be
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reconcile(self, key: str) -> timedelta | Awaits | None:
        """Bring one canary forward; return when to reconcile it again, or None if only a change matters.

        Readings that were asked for are a change: the key is queued when they are there.

        Args:
            key: ``namespace/name`` of the canary object.

        Raises:
            informers.errors.ApiError: a write failed; what was done before it stands, and the next reconcile finds it.
        """
        namespace, name = split_key(key)
        canary = self.canaries.get(namespace, name)
        if isinstance(canary, Unreadable):
            self._forget(key)
            return self.unreadable.report(canary)
        self.unreadable.forget(key)
        if canary is None:
            self._forget(key)
            self.budgets.forget(key)
            for watcher in self.watchers:
                watcher.gone(namespace, name)
            return None
        world = self.gatherer.gather(canary, self._memory(key))
        plan = decide(world)
        wait = self.budgets.wait(key, requests_per_second(world), urgent=ends_traffic_to_nothing(world, plan))
        if wait:
            self.metrics.throttled(namespace)
            return timedelta(seconds=wait)
        if plan.observe:
            decided = self._with_readings(key, world, plan)
            if decided is None:
                return Awaits.READINGS
            world, plan = decided
        plan = with_summary(world, plan)
        wrote = self._apply(key, world, plan)
        again = SOON if wrote else plan.wake_after  # our own writes wake nobody (contract W6)
        expected = self._expect(key, world.now + again if again else None)
        self._notify(world, plan)
        self._note_lateness(world, plan, expected)
        return again

    def _with_readings(self, key: str, world: World, plan: Plan) -> tuple[World, Plan] | None:
        """Decide with the readings that this round has asked for; ask for them and return None if it has not yet."""
        question = question_of(world, plan)
        readings = self.inquiries.take(key, question)
        if readings is None:
            if self.inquiries.ask(key, question, patience(world)):
                self.budgets.charge(key, len(plan.observe))
            return None
        world = with_readings(world, plan.observe, readings)
        return world, decide(world)

    def _apply(self, key: str, world: World, plan: Plan) -> bool:
        """Carry a plan out, and report a write that is refused; return whether anything was written."""
        # Before the writes: every retry would complain again otherwise, and correct at once.
        memory = after_plan(world, plan)
        self._remember(key, memory)
        done: list[Action] = []

        def note(action: Action) -> None:
            done.append(action)
            self._remember(key, after_action(self._memory(key), action, self.gatherer.now()))

        try:
            self.applier.apply(world, plan, note)
        except ApiError as error:
            self.budgets.charge(key, 1)
            failed = plan.actions[len(done)]
            self._remember(key, after_failure(self._memory(key), failed))
            if is_refusal(error):
                self._report_refusal(key, world.canary, failed, error)
            raise
        finally:
            self.budgets.charge(key, _requests(done))
        return _requests(done) > 0

    def _report_refusal(self, key: str, canary: Canary, action: Action, error: ApiError) -> None:
        """Report a refusal to the owner of a canary, if that is possible: the report is written as well."""
        memory = self._memory(key)
        text = f"the API server refuses a write: {error}"
        refusal = one_more(memory.refusal, type(action).__name__, text[:_LONGEST_REFUSAL], self.gatherer.now())
        latest = self.canaries.get(canary.namespace, canary.name)  # what was written before the refusal is in it
        world = self.gatherer.gather(latest if isinstance(latest, Canary) else canary, memory)
        plan = with_summary(world, report(world, refusal))
        self._remember(key, replace(memory, refusal=replace(refusal, complaint=plan.complaint)))
        try:
            self.applier.apply(world, plan, lambda _: None)
        except ApiError as another:
            log.debug("Status that reports a refusal was refused too", extra={"key": key, "error": str(another)})
        else:
            self._notify(world, plan)
        finally:
            self.budgets.charge(key, _requests(plan.actions))

    def _notify(self, world: World, plan: Plan) -> None:
        for watcher in self.watchers:
            watcher.reconciled(world, plan)

    def _note_lateness(self, world: World, plan: Plan, expected: datetime | None) -> None:
        """Note how late a round was: measured from when it was due and this reconcile was to be."""
        spec = world.canary.spec
        if plan.holds_a_round and isinstance(spec, CanarySpec):
            due = round_due_at(world, spec)
            self.metrics.late(max(world.now - max(due, expected or due), timedelta()))

    def _expect(self, key: str, at: datetime | None) -> datetime | None:
        """Note when the next reconcile is to be; return when this one was."""
        with self._lock:
            before = self._expected.pop(key, None)
            if at:
                self._expected[key] = at
            return before

    def _memory(self, key: str) -> Memory:
        with self._lock:
            return self._memories.get(key, NOTHING_REMEMBERED)

    def _remember(self, key: str, memory: Memory) -> None:
        with self._lock:
            if memory == NOTHING_REMEMBERED:
                self._memories.pop(key, None)
            else:
                self._memories[key] = memory

    def _forget(self, key: str) -> None:
        self.inquiries.forget(key)
        with self._lock:
            self._memories.pop(key, None)
            self._expected.pop(key, None)


def _requests(actions: Iterable[Action]) -> int:
    """Return how many writes actions are; events have a budget of their own."""
    return sum(not isinstance(action, Say | Log) for action in actions)
