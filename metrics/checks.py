"""The known checks. Pure. A new check is one entry of ``CHECKS``."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from metrics import promql
from metrics.types import Check, Target

_INTERVAL = re.compile(r"[0-9]+(s|m|h)")
_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class CheckKind:
    """What is known of a check besides its limit."""

    label: str  # in events
    unit: str  # of threshold and reading: percent or ms
    fails_below: bool  # a rate fails below its threshold, a duration above
    query: Callable[[Target, str], str]  # target, interval
    scale: float  # from the query's unit to the threshold's


CHECKS: Mapping[str, CheckKind] = {
    "istio_requests_total": CheckKind("success rate", "percent", True, promql.success_rate, 100.0),
    "istio_request_duration_seconds_bucket": CheckKind(
        "request duration", "ms", False, partial(promql.duration, "istio_request_duration_seconds_bucket"), 1000.0
    ),
    "istio_request_duration_milliseconds_bucket": CheckKind(
        "request duration", "ms", False, partial(promql.duration, "istio_request_duration_milliseconds_bucket"), 1.0
    ),
}


def check_problem(check: Check) -> str | None:
    """Return what is wrong with a check and what would be right, or None."""
    kind = CHECKS.get(check.name)
    if kind is None:
        return f"name {check.name!r} is not a known check, use one of {', '.join(sorted(CHECKS))}"
    if not _INTERVAL.fullmatch(check.interval):
        return f"interval {check.interval!r} is not a Prometheus duration such as 30s, 1m or 1h"
    if kind.unit == "percent" and not 0 <= check.threshold <= _PERCENT:
        return f"threshold {check.threshold:g} of {check.name} must be a percentage between 0 and 100"
    if kind.unit == "ms" and not (check.threshold > 0 and math.isfinite(check.threshold)):
        return f"threshold {check.threshold:g} of {check.name} must be milliseconds above 0"
    return None
