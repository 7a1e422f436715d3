"""The series of the canary objects: rendered from the cache at each scrape, so that nothing is held for any of them.

An object at rest has a few lines, by which alerts and tables find it. What somebody looks at is shown in full: a
rollout that is running, has failed, or ended within the last hour.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from controller.core.canary import PROMOTED, READY, Canary, CanarySpec, CanaryStatus, CheckStatus, State
from controller.core.pacing import longest_pause
from informers.types import Unreadable
from metrics.checks import CHECKS
from metrics.types import Verdict

_STATES = {State.RUNNING: 0, State.FINISHED: 1, State.FAILED: 2}
_VERDICTS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}
_OBJECT = ("name", "namespace")
_CHECK = (*_OBJECT, "metric")
_IN_FULL_AFTER_THE_END = timedelta(hours=1)

Series = tuple[str, tuple[str, ...], float]  # family, values of its labels, value

FAMILIES = {
    "status": ("State of the rollout: 0 running, 1 finished, 2 failed.", _OBJECT),
    "ready": ("Condition Ready: 1 if route, services and workloads are in order, else 0.", _OBJECT),
    "info": ("Which workloads an object is about: 1.", (*_OBJECT, "primary", "canary")),
    "outcome": (
        "How the last rollout ended, by the reason of the condition Promoted, and of which version: 1.",
        (*_OBJECT, "reason", "version"),
    ),
    "reason": ("Why the rollout stands where it does, and of which version: 1.", (*_OBJECT, "reason", "version")),
    "past_rollout_timestamp_seconds": (
        "When a rollout has ended, of the last ten.",
        (*_OBJECT, "version", "outcome", "reason"),
    ),
    "last_transition_timestamp_seconds": ("When the state last changed.", _OBJECT),
    "failed_checks": ("Failed checks of the rollout.", _OBJECT),
    "inconclusive_checks": ("Rounds in a row that could not be judged.", _OBJECT),
    "interval_seconds": ("Length of a round.", _OBJECT),
    "longest_pause_seconds": (
        "Longest time that a rollout waits because of its spec: until a window is filled, or the drain.",
        _OBJECT,
    ),
    "last_check_timestamp_seconds": (
        "When the last round was held; before the first: when the rollout started.",
        _OBJECT,
    ),
    "metric_analysis": ("Last reading of a check: percent, milliseconds, or the unit of its own query.", _CHECK),
    "metric_threshold": ("Limit of a check, in the unit of its reading.", (*_CHECK, "bound")),
    "metric_verdict": ("Verdict of a check: 0 pass, 1 fail, 2 inconclusive.", _CHECK),
}
"""Text and labels of each ``flagger_canary_…`` of an object."""


class CanaryCollector:
    """Shows the canary objects at the moment of the scrape."""

    def __init__(
        self,
        canaries: Callable[[], Iterable[Canary | Unreadable]],
        *,
        default_interval: timedelta,
        leads: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        """Take what returns the objects, the length of a round where one names none, whether to show any, a clock."""
        self._canaries = canaries
        self._default_interval = default_interval
        self._leads = leads
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield every series of every object; of a standby none, since each is shown by the leader."""
        families = {name: _family(name, text, labels) for name, (text, labels) in FAMILIES.items()}
        weights: dict[tuple[str, ...], float] = {}  # two objects may name one workload
        total: Counter[str] = Counter()
        for canary in self._canaries() if self._leads() else ():
            total[canary.namespace] += 1
            for family, labels, value in self._series(canary):
                families[family].add_metric(labels, value)
            if isinstance(canary, Canary) and self._in_full(canary.status):
                for workload, percent in _weights(canary):
                    if canary.status.state is State.RUNNING or workload not in weights:
                        weights[workload] = percent
        yield from families.values()
        yield _filled("weight", "Percent of the requests sent to a workload.", ("workload", "namespace"), weights)
        yield _filled("total", "Canary objects.", ("namespace",), {(ns,): count for ns, count in total.items()})

    def _series(self, canary: Canary | Unreadable) -> Iterator[Series]:
        labels = (canary.name, canary.namespace)
        if isinstance(canary, Unreadable):
            yield "ready", labels, 0
            return
        spec, status = canary.spec, canary.status
        ready = status.condition(READY)
        if ready:
            yield "ready", labels, ready.status == "True"
        if isinstance(spec, CanarySpec):
            yield "info", (*labels, spec.primary.name, spec.canary.name), 1
        if status.state is not None:
            yield "status", labels, _STATES[status.state]
        if status.last_transition_time:
            yield "last_transition_timestamp_seconds", labels, status.last_transition_time.timestamp()
        if status.reason and (status.state is None or self._in_full(status)):
            yield "reason", (*labels, status.reason, status.version), 1
        if self._in_full(status):
            yield from self._details(labels, canary)

    def _in_full(self, status: CanaryStatus) -> bool:
        if status.state is not State.FINISHED:
            return status.state is not None
        ended = status.last_transition_time
        return ended is not None and self._now() - ended < _IN_FULL_AFTER_THE_END

    def _details(self, labels: tuple[str, str], canary: Canary) -> Iterator[Series]:
        status = canary.status
        promoted = status.condition(PROMOTED)
        if status.state is not State.RUNNING and promoted:
            yield "outcome", (*labels, promoted.reason, status.version), 1
        for past, ended in _past(status).items():
            yield "past_rollout_timestamp_seconds", (*labels, *past), ended.timestamp()
        if isinstance(canary.spec, CanarySpec):
            yield "longest_pause_seconds", labels, longest_pause(canary.spec).total_seconds()
            yield "interval_seconds", labels, (canary.spec.interval or self._default_interval).total_seconds()
        yield "failed_checks", labels, status.failed_checks
        yield "inconclusive_checks", labels, status.inconclusive_checks
        last_check = status.last_check_time or status.start_time
        if last_check:
            yield "last_check_timestamp_seconds", labels, last_check.timestamp()
        for check in status.checks:
            for bound, limit in _limits(check):
                yield "metric_threshold", (*labels, check.name, bound), limit
            yield "metric_verdict", (*labels, check.name), _VERDICTS[check.verdict]
            if check.value is not None:
                yield "metric_analysis", (*labels, check.name), check.value


def _weights(canary: Canary) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the percent of each workload, as recorded."""
    if isinstance(canary.spec, CanarySpec):
        weight = canary.status.canary_weight
        yield (canary.spec.primary.name, canary.namespace), 100 - weight
        yield (canary.spec.canary.name, canary.namespace), weight


def _past(status: CanaryStatus) -> dict[tuple[str, str, str], datetime]:
    """Return when rollouts have ended, by what became of which version: of two alike the newer."""
    return {(past.version, past.outcome, past.reason): past.ended for past in reversed(status.history)}


def _limits(check: CheckStatus) -> Iterator[tuple[str, float]]:
    """Yield the limits of a check and what they are: min or max."""
    if check.limits:
        bounds = (("min", check.limits.low), ("max", check.limits.high))
        yield from ((bound, limit) for bound, limit in bounds if limit is not None)
    elif check.threshold is not None:
        known = CHECKS.get(check.name)
        yield ("min" if known and known.fails_below else "max"), check.threshold


def _family(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"flagger_canary_{name}", text, labels=labels)


def _filled(name: str, text: str, labels: tuple[str, ...], values: dict[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = _family(name, text, labels)
    for series, value in values.items():
        family.add_metric(series, value)
    return family
