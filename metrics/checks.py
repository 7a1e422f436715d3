"""The known checks. Pure. A new check is one entry of ``CHECKS``."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from metrics import promql
from metrics.templates import template_problem
from metrics.types import AnyCheck, Check, OwnCheck, Target, Value

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WINDOW_SECONDS = 24 * 3600
_PERCENT = 100.0
_MS_PER_SECOND = 1000.0
_ROUNDING = 1e-6  # of a percentage: a sum of floats over a sum of floats can be a little more than 1
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_. ]*[A-Za-z0-9])?")
_LONGEST_NAME = 63  # characters, as for the values of labels
_UNIT = re.compile(r"[%A-Za-z][-A-Za-z0-9_/%]{0,15}")
_LONGEST_MS = 1e12  # thirty years: an answer beyond it was not measured


@dataclass(frozen=True, slots=True)
class CheckKind:
    """What is known of a check besides its limit."""

    label: str  # in events
    unit: str  # of threshold and reading: percent or ms
    fails_below: bool  # a rate fails below its threshold, a duration above
    query: Callable[[Target, str], str]  # target, interval
    scale: float  # from the query's unit to the threshold's
    fallback: Callable[[Target, str], str] | None = None  # asked where the query has no data

    def reading(self, number: float) -> Value | None:
        """Return what a number means that one of the queries was answered with; None if it cannot be the answer."""
        value = number * self.scale + 0.0  # -0.0 becomes 0.0
        if self.fails_below:
            return Value(min(value, _PERCENT)) if 0 <= value <= _PERCENT + _ROUNDING else None
        if abs(value) > _LONGEST_MS:
            return None
        return Value(-value, at_least=True) if value < 0 else Value(value)  # see ``promql.duration``


def _duration(bucket: str, scale: float) -> CheckKind:
    query = partial(promql.duration, bucket)
    return CheckKind("request duration", "ms", False, query, scale, fallback=partial(query, rate="rate"))


CHECKS: Mapping[str, CheckKind] = {
    "istio_requests_total": CheckKind("success rate", "percent", True, promql.success_rate, 100.0),
    **{
        name: _duration(name, scale)
        for name, scale in (
            ("istio_request_duration_seconds_bucket", _MS_PER_SECOND),
            ("istio_request_duration_milliseconds_bucket", 1.0),
        )
    },
}


def check_problem(check: AnyCheck) -> str | None:
    """Return what is wrong with a check and what would be right, or None."""
    if isinstance(check, OwnCheck):
        return _interval_problem(check.interval) or _own_problem(check)
    kind = CHECKS.get(check.name)
    if kind is None:
        known = ", ".join(sorted(CHECKS))
        return f"name {check.name!r} is not a known check, use one of {known}, or give it a query and a thresholdRange"
    return _interval_problem(check.interval) or (_percent_problem if kind.unit == "percent" else _ms_problem)(check)


def _interval_problem(interval: str) -> str | None:
    number, unit = interval[:-1], interval[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdecimal()):
        return f"interval {interval!r} is not a Prometheus duration such as 30s, 1m or 1h"
    if not 0 < float(number) * _UNITS[unit] <= _LONGEST_WINDOW_SECONDS:  # a float, which any number of digits fits
        return f"interval {interval} is not between 1s and 24h"
    return None


def _own_problem(check: OwnCheck) -> str | None:
    if check.name in CHECKS:
        return f"name {check.name} is that of a known check, give the query another name"
    if len(check.name) > _LONGEST_NAME or not _NAME.fullmatch(check.name):
        return f"name {check.name!r} must be letters, digits, spaces, '-', '_' and '.', at most {_LONGEST_NAME}"
    if check.unit and not _UNIT.fullmatch(check.unit):
        return f"unit {check.unit!r} must be a word of at most 16 characters, such as %, ms or messages"
    return _range_problem(check) or template_problem(check.query)


def _range_problem(check: OwnCheck) -> str | None:
    low, high = check.limits.low, check.limits.high
    if low is None and high is None:
        return f"thresholdRange of {check.name} needs min or max, or both"
    if not all(math.isfinite(limit) for limit in (low, high) if limit is not None):
        return f"thresholdRange of {check.name} must be finite numbers"
    if low is not None and high is not None and low > high:
        return f"thresholdRange of {check.name}: min {low:g} is above max {high:g}"
    return None


def _percent_problem(check: Check) -> str | None:
    """Refuse a ratio: "0.99", meant as 99 %, would pass a canary of which every other request fails.

    0 is no ratio that anybody means; it turns the limit off, but still asks for data.
    """
    percent = check.threshold
    if 0 < percent <= 1:
        return f"threshold {percent:g} of {check.name} is a percentage: {percent * _PERCENT:g}, not {percent:g}"
    if not 0 <= percent <= _PERCENT:
        return f"threshold {percent:g} of {check.name} must be a percentage between 0 and 100"
    return None


def _ms_problem(check: Check) -> str | None:
    """Refuse what was meant in seconds, where it can be told: below a millisecond."""
    ms = check.threshold
    if 0 < ms < 1:
        return f"threshold {ms:g} of {check.name} is in milliseconds: {ms * _MS_PER_SECOND:g}, not {ms:g}"
    if not (ms >= 1 and math.isfinite(ms)):
        return f"threshold {ms:g} of {check.name} must be milliseconds, at least 1"
    return None
