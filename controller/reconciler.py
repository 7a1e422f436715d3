"""One look at one canary: gather, decide, apply. A key goes in, the time of the next look comes out.

Safe at any time and any number of times: only the clock and the world move a rollout.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.applier import Applier
from controller.core.canary import Canary, CanarySpec
from controller.core.decide import decide
from controller.core.pacing import round_due_at
from controller.core.plan import Action, Plan, Shift, WriteStatus
from controller.core.world import NOTHING_REMEMBERED, Memory, Shifted, World, with_readings
from controller.gather import Gatherer
from informers.keys import split_key
from informers.types import Cache
from metrics.types import MetricsObserver, Target


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who wants to know what a look has found: the exporter of metrics."""

    looked: Callable[[World, Plan], None]
    gone: Callable[[str, str], None]  # namespace, name
    late: Callable[[timedelta], None]  # how long after its due time a round was held


@dataclass(slots=True)
class Reconciler:
    """Gathers, decides and applies; keeps what is remembered of each canary, and when it was to be reconciled."""

    canaries: Cache[Canary]
    gatherer: Gatherer
    observer: MetricsObserver
    applier: Applier
    watchers: Watchers
    _memories: dict[str, Memory] = field(default_factory=dict)
    _expected: dict[str, datetime] = field(default_factory=dict)  # when the next reconcile was to be
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reconcile(self, key: str) -> timedelta | None:
        """Bring one canary forward; return when to look again, or None if only a change matters.

        Args:
            key: ``namespace/name`` of the canary object.

        Raises:
            informers.errors.ApiError: a write failed; what was done before it stands, and is found by the next look.
        """
        namespace, name = split_key(key)
        canary = self.canaries.get(namespace, name)
        if not isinstance(canary, Canary):
            self._forget(key)
            self._expect(key, None)
            if canary is None:
                self.watchers.gone(namespace, name)
            return None
        world = self.gatherer.gather(canary, self._memory(key))
        plan = decide(world)
        if plan.observe:
            world, plan = self._with_readings(canary, world.memory, plan)
        # Before the writes: every retry would complain again otherwise, and correct at once.
        memory = replace(
            world.memory, complaint=plan.complaint, corrections=plan.corrections or world.memory.corrections
        )
        self._remember(key, memory)
        self.applier.apply(world, plan, lambda action: self._remember_a_shift(key, memory, action))
        expected = self._expect(key, world.now + plan.wake_after if plan.wake_after else None)
        self._tell(world, plan, expected)
        return plan.wake_after

    def _with_readings(self, canary: Canary, memory: Memory, plan: Plan) -> tuple[World, Plan]:
        """Ask for the readings, and decide on the world as it is after the answers came."""
        spec = canary.spec
        assert isinstance(spec, CanarySpec), "checks are named by a valid spec"  # noqa: S101
        readings = self.observer.observe(Target(canary.namespace, spec.canary.name), plan.observe)
        gathered = self.gatherer.gather(canary, replace(memory, complaint=plan.complaint))
        world = with_readings(gathered, plan.observe, readings)
        return world, decide(world)

    def _tell(self, world: World, plan: Plan, expected: datetime | None) -> None:
        """Tell what was found, and how late a round was: measured from when it was due and this look was to be."""
        self.watchers.looked(world, plan)
        before = world.canary.status.last_check_time
        spec = world.canary.spec
        for action in plan.actions:
            if isinstance(action, WriteStatus) and before and isinstance(spec, CanarySpec):
                if action.status.last_check_time not in {before, None}:
                    due = round_due_at(world, spec)
                    self.watchers.late(max(world.now - max(due, expected or due), timedelta()))
                break

    def _expect(self, key: str, at: datetime | None) -> datetime | None:
        """Note when the next look is to be; return when this one was."""
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

    def _remember_a_shift(self, key: str, memory: Memory, action: Action) -> None:
        if isinstance(action, Shift):
            self._remember(key, replace(memory, shifted=Shifted(action.weights, self.gatherer.now())))

    def _forget(self, key: str) -> None:
        with self._lock:
            self._memories.pop(key, None)
