"""The series of the canary objects: a mirror of their status, and what became of their rollouts."""

import threading
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.core.canary import CanarySpec, CanaryStatus, CheckStatus, State
from controller.core.conditions import PROMOTED, READY
from controller.core.pacing import longest_pause
from controller.core.plan import Plan, ReleaseFinalizer, Say, WriteStatus
from controller.core.world import World
from metrics.checks import CHECKS
from metrics.types import Verdict

_STATES = {State.RUNNING: 0, State.FINISHED: 1, State.FAILED: 2}
_VERDICTS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}
_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)

Key = tuple[str, str]  # namespace, name; as labels of a series the other way round
Series = tuple[Gauge, tuple[str, ...]]  # with the values of its labels


class CanaryExporter:
    """Shows each canary object as the last look has left it. Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"flagger_canary_{name}", text, labels or ("name", "namespace"), registry=registry)

        self._total = gauge("total", "Canary objects.", "namespace")
        self._status = gauge("status", "State of the rollout: 0 running, 1 finished, 2 failed.")
        self._ready = gauge("ready", "Condition Ready: 1 if route, services and workloads are in order, else 0.")
        self._info = gauge("info", "Which workloads an object is about: 1.", "name", "namespace", "primary", "canary")
        self._weight = gauge("weight", "Percent of the requests sent to a workload.", "workload", "namespace")
        self._failed = gauge("failed_checks", "Failed checks of the rollout.")
        self._inconclusive = gauge("inconclusive_checks", "Rounds in a row that could not be judged.")
        self._interval = gauge("interval_seconds", "Length of a round.")
        self._pause = gauge(
            "longest_pause_seconds",
            "Longest time that a rollout stands still as its spec asks: until a window is filled, or the drain.",
        )
        self._last_check = gauge(
            "last_check_timestamp_seconds", "When the last round was held; before the first: when the rollout started."
        )
        self._outcome = gauge(
            "outcome",
            "How the last rollout ended, by the reason of the condition Promoted: 1.",
            "name",
            "namespace",
            "reason",
        )
        self._last_transition = gauge("last_transition_timestamp_seconds", "When the state last changed.")
        check = ("name", "namespace", "metric")
        self._value = gauge(
            "metric_analysis", "Last reading of a check: percent, milliseconds, or the unit of its own query.", *check
        )
        self._threshold = gauge("metric_threshold", "Limit of a check, in the unit of its reading.", *check, "bound")
        self._verdict = gauge("metric_verdict", "Verdict of a check: 0 pass, 1 fail, 2 inconclusive.", *check)
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
            ["name", "namespace"],
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
        self._totals: Tally[str] = Tally()  # canaries by namespace
        self._seen: dict[Key, CanaryStatus] = {}  # as the last look has left it
        self._shown: dict[Key, AbstractSet[Series]] = {}
        self._shows: Tally[Series] = Tally()  # how many objects show it: two may name one workload for a while
        self._stage_began: dict[Key, datetime] = {}

    def looked(self, world: World, plan: Plan) -> None:
        """Show what a look at a canary has found and done."""
        canary = world.canary
        key = (canary.namespace, canary.name)
        after = next((a.status for a in reversed(plan.actions) if isinstance(a, WriteStatus)), canary.status)
        values = dict(self._mirror(world, after))
        with self._lock:
            # Not what this look began with: the last one may have ended a rollout and failed before it told us.
            before = self._seen.get(key, canary.status)
            self._show(key, values)
            began = self._note_stage(key, before, after, world.now)
            self._seen[key] = after
        corrections = sum(isinstance(action, Say) and action.event.action == "Correct" for action in plan.actions)
        if corrections:
            self._corrections.labels(canary.namespace).inc(corrections)
        if began and before.stage:
            self._stages.labels(before.stage.value).observe((world.now - began).total_seconds())
        going = canary.deleting or world.namespace_terminating
        end = how_it_ended(before, after, released=going and ReleaseFinalizer() in plan.actions)
        if end is None:
            return
        self._rollouts.labels(canary.namespace, *end).inc()
        if after.state is not State.RUNNING and after.start_time:
            self._durations.labels(canary.name, canary.namespace).observe(
                (world.now - after.start_time).total_seconds()
            )

    def unreadable(self, namespace: str, name: str) -> None:
        """Show a canary object that cannot be read as not ready; nothing else is known of it."""
        with self._lock:
            self._show((namespace, name), {(self._ready, (name, namespace)): 0.0})

    def gone(self, namespace: str, name: str) -> None:
        """Take away the series of a canary object that was deleted."""
        key = (namespace, name)
        with self._lock:
            self._seen.pop(key, None)
            if key not in self._shown:
                return
            self._show(key, {})
            del self._shown[key]
            self._stage_began.pop(key, None)
            self._count(namespace, -1)
        with suppress(KeyError):  # it never had an end
            self._durations.remove(name, namespace)

    def _show(self, key: Key, values: Mapping[Series, float]) -> None:
        """Set the series of an object, and take away those that it no longer has and no other object shows."""
        if key not in self._shown:
            self._count(key[0], 1)
        old = self._shown.get(key, frozenset())
        self._shown[key] = values.keys()
        self._shows.update(values.keys() - old)
        self._shows.subtract(old - values.keys())
        for (gauge, labels), value in values.items():
            gauge.labels(*labels).set(value)
        for series in old - values.keys():
            if not self._shows[series]:
                del self._shows[series]
                series[0].remove(*series[1])

    def _mirror(self, world: World, status: CanaryStatus) -> Iterator[tuple[Series, float]]:
        """Yield every series that the object has now."""
        canary, spec = world.canary, world.canary.spec
        labels = (canary.name, canary.namespace)
        ready = status.condition(READY)
        if ready:
            yield (self._ready, labels), float(ready.status == "True")
        if isinstance(spec, CanarySpec):
            yield (self._info, (*labels, spec.primary.name, spec.canary.name)), 1
            yield (self._pause, labels), longest_pause(spec).total_seconds()
            yield (self._interval, labels), (spec.interval or world.default_interval).total_seconds()
        if status.state is not None:
            yield from self._rollout(labels, status.state, status)
        if isinstance(spec, CanarySpec) and status.state is not None:
            yield (self._weight, (spec.primary.name, canary.namespace)), 100 - status.canary_weight
            yield (self._weight, (spec.canary.name, canary.namespace)), status.canary_weight

    def _rollout(self, labels: Key, state: State, status: CanaryStatus) -> Iterator[tuple[Series, float]]:
        yield (self._status, labels), _STATES[state]
        yield (self._failed, labels), status.failed_checks
        yield (self._inconclusive, labels), status.inconclusive_checks
        last_check = status.last_check_time or status.start_time
        if last_check:
            yield (self._last_check, labels), last_check.timestamp()
        promoted = status.condition(PROMOTED)
        if state is not State.RUNNING and promoted:
            yield (self._outcome, (*labels, promoted.reason)), 1
        if status.last_transition_time:
            yield (self._last_transition, labels), status.last_transition_time.timestamp()
        for check in status.checks:
            for bound, limit in _limits(check):
                yield (self._threshold, (*labels, check.name, bound)), limit
            yield (self._verdict, (*labels, check.name)), _VERDICTS[check.verdict]
            if check.value is not None:
                yield (self._value, (*labels, check.name)), check.value

    def _note_stage(self, key: Key, before: CanaryStatus, after: CanaryStatus, now: datetime) -> datetime | None:
        """Return when the stage that has ended now began, if one has and we saw it begin."""
        if (before.stage, before.start_time) == (after.stage, after.start_time):
            return None
        began = self._stage_began.pop(key, None)
        if after.stage:
            self._stage_began[key] = now
        return began

    def _count(self, namespace: str, change: int) -> None:
        self._totals[namespace] += change
        if self._totals[namespace]:
            self._total.labels(namespace).set(self._totals[namespace])
        else:
            del self._totals[namespace]
            self._total.remove(namespace)


def how_it_ended(before: CanaryStatus, after: CanaryStatus, *, released: bool) -> tuple[str, str] | None:
    """Return outcome and reason of the rollout that has ended in between, or None if none has. Pure.

    The reason is that of the condition ``Promoted`` where there is one: one of a dozen words.
    """
    if before.state is not State.RUNNING:
        return None
    if released:
        return "released", "ObjectDeleted"
    if after.state is State.RUNNING:
        return ("superseded", "NewRevision") if after.start_time != before.start_time else None
    promoted = after.condition(PROMOTED)
    return str(after.state), promoted.reason if promoted else ""


def _limits(check: CheckStatus) -> Iterator[tuple[str, float]]:
    """Yield the limits of a check and what they are: min or max."""
    if check.limits:
        bounds = (("min", check.limits.low), ("max", check.limits.high))
        yield from ((bound, limit) for bound, limit in bounds if limit is not None)
    elif check.threshold is not None:
        known = CHECKS.get(check.name)
        yield ("min" if known and known.fails_below else "max"), check.threshold
