"""The built-in checks as Prometheus is asked for them, and what its answers mean. Pure.

A new check is one entry of ``QUERIES``, and one of ``metrics.checks``, where it stands what it is called.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from metrics import promql
from metrics.types import GRPC, AnyCheck, Check, Group, Target, Value

_PERCENT = 100.0
_MS_PER_SECOND = 1000.0
_ROUNDING = 1e-6  # of a percentage: a sum of floats over a sum of floats can be a little more than 1
_LONGEST_MS = 1e12  # thirty years: an answer beyond it was not measured

_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9.]*")  # of an object of Kubernetes: what a regular expression can hold

Ask = Callable[[Target | Sequence[Target], Check], Iterator[str]]
"""Yields queries; the next one is asked only where the one before has no data."""


@dataclass(frozen=True, slots=True)
class CheckQueries:
    """One built-in check in PromQL."""

    queries: Ask
    scale: float  # from the unit of the query to that of the check's limit
    meaning: Callable[[float], Value | None]  # of a number in the latter unit; None if it cannot be the answer

    def reading(self, number: float) -> Value | None:
        """Return what a number means that one of the queries was answered with; None if it cannot be the answer."""
        return self.meaning(number * self.scale + 0.0)  # -0.0 becomes 0.0


def group_of(target: Target, check: AnyCheck) -> Group | None:
    """Return what a question has in common with those that can be asked as one query; None if it is asked alone.

    Queries of users are never combined: nobody but they knows what their labels are, and some go to other servers.
    """
    if not isinstance(check, Check) or not (_NAME.fullmatch(target.namespace) and _NAME.fullmatch(target.workload)):
        return None
    return Group(replace(check, threshold=0.0), target.reporter)


def _rates(of: Target | Sequence[Target], check: Check) -> Iterator[str]:
    yield (promql.grpc_success_rate if check.protocol == GRPC else promql.success_rate)(of, check.interval)


def _durations(bucket: str, of: Target | Sequence[Target], check: Check) -> Iterator[str]:
    """Yield the query over the last two scrapes, and the one over the whole window."""
    for rate in ("irate", "rate"):
        yield promql.duration(bucket, of, check.interval, quantile=check.quantile, rate=rate)


def _percent(value: float) -> Value | None:
    return Value(min(value, _PERCENT)) if 0 <= value <= _PERCENT + _ROUNDING else None


def _milliseconds(value: float) -> Value | None:
    if abs(value) > _LONGEST_MS:
        return None
    return Value(-value, at_least=True) if value < 0 else Value(value)  # see ``promql.duration``


QUERIES: Mapping[str, CheckQueries] = {
    "istio_requests_total": CheckQueries(_rates, _PERCENT, _percent),
    **{
        name: CheckQueries(partial(_durations, name), scale, _milliseconds)
        for name, scale in (
            ("istio_request_duration_seconds_bucket", _MS_PER_SECOND),
            ("istio_request_duration_milliseconds_bucket", 1.0),
        )
    },
}
