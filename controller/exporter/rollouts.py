"""What became of rollouts: how they ended, how long they and their stages took. Counted as it happens."""

import threading
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from controller.core.canary import CanaryStatus, State
from controller.core.outcomes import outcome
from controller.core.plan import Plan, ReleaseFinalizer, Say, WriteStatus
from controller.core.world import World

_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)

Key = tuple[str, str]  # namespace, name


class RolloutExporter:
    """Counts what reconciles have found and done. Holds something of running rollouts only. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rollouts = Counter(
            "flagger_rollouts", "Rollouts that ended.", ["namespace", "outcome", "reason"], registry=registry
        )
        self._corrections = Counter(
            "flagger_canary_corrections",
            "Times that somebody else changed the weights mid-rollout and they were put back.",
            ["namespace"],
            registry=registry,
        )
        self._durations = Histogram(
            "flagger_canary_duration_seconds",
            "Seconds from start to end of a rollout.",
            ["namespace", "outcome"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "flagger_stage_duration_seconds",
            "Seconds that rollouts spent in a stage that began and ended under this process.",
            ["stage"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._lock = threading.Lock()
        self._running: dict[Key, tuple[str, CanaryStatus]] = {}  # uid, and as the last reconcile has left it
        self._stage_began: dict[Key, datetime] = {}

    def reconciled(self, world: World, plan: Plan) -> None:
        """Count what a reconcile has found and done."""
        canary = world.canary
        key = (canary.namespace, canary.name)
        after = next((a.status for a in reversed(plan.actions) if isinstance(a, WriteStatus)), canary.status)
        going = canary.deleting or world.namespace_terminating
        released = going and ReleaseFinalizer() in plan.actions
        with self._lock:
            # Not what this reconcile began with: the last may have ended a rollout and failed before we heard of it.
            uid, before = self._running.pop(key, (canary.uid, canary.status))
            before = before if uid == canary.uid else canary.status
            if after.state is State.RUNNING and not released:
                self._running[key] = canary.uid, after
            began = self._note_stage(key, before, after, world.now)
        corrections = sum(isinstance(action, Say) and action.event.action == "Correct" for action in plan.actions)
        if corrections:
            self._corrections.labels(canary.namespace).inc(corrections)
        if began and before.stage:
            self._stages.labels(before.stage.value).observe((world.now - began).total_seconds())
        end = outcome(before, after, released=released)
        if end is None:
            return
        self._rollouts.labels(canary.namespace, *end).inc()
        if after.state is not State.RUNNING and after.start_time:
            seconds = (world.now - after.start_time).total_seconds()
            self._durations.labels(canary.namespace, end[0]).observe(seconds)

    def gone(self, namespace: str, name: str) -> None:
        """Forget a canary object that was deleted."""
        with self._lock:
            self._running.pop((namespace, name), None)
            self._stage_began.pop((namespace, name), None)

    def _note_stage(self, key: Key, before: CanaryStatus, after: CanaryStatus, now: datetime) -> datetime | None:
        """Return when the stage that has ended now began, if one has and we saw it begin."""
        if (before.stage, before.start_time) == (after.stage, after.start_time):
            return None
        began = self._stage_began.pop(key, None)
        if after.stage:
            self._stage_began[key] = now
        return began
