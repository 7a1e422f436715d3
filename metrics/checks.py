"""The built-in checks: what they are called, their unit, and which limits make sense. Pure.

A new one is one entry of ``CHECKS``, and one of ``metrics.queries``, where it stands how a provider is asked.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from metrics.templates import template_problem
from metrics.types import DEFAULT_QUANTILE, GRPC, HTTP, PROTOCOLS, AnyCheck, Check, OwnCheck

_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WINDOW_SECONDS = 24 * 3600
_PERCENT = 100.0
_MS_PER_SECOND = 1000.0
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_. ]*[A-Za-z0-9])?")
_LONGEST_NAME = 63  # characters, as for the values of labels
_UNIT = re.compile(r"[%A-Za-z][-A-Za-z0-9_/%]{0,15}")


@dataclass(frozen=True, slots=True)
class CheckKind:
    """What is known of a check besides its limit."""

    label: str  # in events
    unit: str  # of threshold and reading: percent or ms
    fails_below: bool  # a rate fails below its threshold, a duration above

    @property
    def is_rate(self) -> bool:
        """Whether it is a share of the requests, of which there are kinds; a duration has quantiles."""
        return self.unit == "percent"


_DURATION = CheckKind("request duration", "ms", fails_below=False)

CHECKS: Mapping[str, CheckKind] = {
    "istio_requests_total": CheckKind("success rate", "percent", fails_below=True),
    "istio_request_duration_seconds_bucket": _DURATION,
    "istio_request_duration_milliseconds_bucket": _DURATION,
}


def label_of(check: AnyCheck) -> str:
    """Return the name of a check for people: ``success rate``, ``gRPC success rate``, ``P95 request duration``."""
    if isinstance(check, OwnCheck):
        return check.name
    label = CHECKS[check.name].label
    if check.protocol == GRPC:
        return f"gRPC {label}"
    return label if check.quantile == DEFAULT_QUANTILE else f"P{_percents(check.quantile)} {label}"


def _percents(quantile: float) -> str:
    """Return a quantile as percents, all of its digits and no others: 0.95 is 95, 0.999 is 99.9."""
    return f"{(Decimal(repr(quantile)) * 100).normalize():f}"


def check_problem(check: AnyCheck) -> str | None:
    """Return what is wrong with a check and what would be right, or None."""
    if isinstance(check, OwnCheck):
        return _interval_problem(check.interval) or _own_problem(check)
    kind = CHECKS.get(check.name)
    if kind is None:
        known = ", ".join(sorted(CHECKS))
        fix = f"use one of {known}, or give it a query and a thresholdRange"
        return f"name {check.name!r} is not a built-in check, {fix}"
    limit = _percent_problem if kind.is_rate else _ms_problem
    return _interval_problem(check.interval) or _how_problem(check, kind) or limit(check)


def _how_problem(check: Check, kind: CheckKind) -> str | None:
    """Refuse what a check has no use for: it would be believed to count."""
    if check.protocol not in PROTOCOLS:
        return f"protocol {check.protocol!r} must be {' or '.join(PROTOCOLS)}"
    if check.protocol != HTTP and not kind.is_rate:
        return f"protocol is for istio_requests_total, not for {check.name}"
    if check.quantile != DEFAULT_QUANTILE and kind.is_rate:
        return f"quantile is for durations, not for {check.name}"
    if not 0 < check.quantile < 1:
        return f"quantile {check.quantile:g} of {check.name} must be between 0 and 1: 0.95, not 95"
    return None


def _interval_problem(interval: str) -> str | None:
    number, unit = interval[:-1], interval[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdecimal()):
        return f"interval {interval!r} is not a Prometheus duration such as 30s, 1m or 1h"
    if not 0 < float(number) * _UNITS[unit] <= _LONGEST_WINDOW_SECONDS:  # a float, which any number of digits fits
        return f"interval {interval} is not between 1s and 24h"
    return None


def _own_problem(check: OwnCheck) -> str | None:
    if check.name in CHECKS:
        return f"name {check.name} is that of a built-in check, give the query another name"
    if len(check.name) > _LONGEST_NAME or not _NAME.fullmatch(check.name):
        return f"name {check.name!r} must be letters, digits, spaces, '-', '_' and '.', at most {_LONGEST_NAME}"
    if check.unit and not _UNIT.fullmatch(check.unit):
        return f"unit {check.unit!r} must be a word of at most 16 characters, such as %, ms or messages"
    return _range_problem(check) or (None if check.template else template_problem(check.query))


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
