"""Readings of checks and their limits, as people read them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.core.canary import CanarySpec, CheckStatus
from metrics.checks import CHECKS, label_of
from metrics.durations import go_duration
from metrics.types import AnyCheck, Check, OwnCheck, Verdict


@dataclass(frozen=True, slots=True)
class Shown:
    """One check in words."""

    label: str
    value: str  # "-": none yet
    limit: str
    worst: str  # "-": none yet
    verdict: Verdict | None  # None: it was not judged yet


def shown(check: AnyCheck, last: CheckStatus | None) -> Shown:
    """Return a check of the spec with its last reading."""
    return Shown(
        label=label_of(check),
        value=_value(check, last.value if last else None),
        limit=_limit(check),
        worst=_value(check, last.worst if last else None),
        verdict=last.verdict if last else None,
    )


def reading_of(reading: Mapping[str, Any], spec: CanarySpec | None) -> str:
    """Return the worst reading of a past rollout: ``success rate 82.33%``."""
    name, value = str(reading.get("name") or ""), reading.get("value")
    check = next((check for check in spec.checks if check.name == name), None) if spec else None
    if check is None and name in CHECKS:
        check = Check(name, 0.0, "")
    number = float(value) if isinstance(value, int | float) else None
    return f"{label_of(check)} {_value(check, number)}" if check else f"{name} {value}"


def _limit(check: AnyCheck) -> str:
    if isinstance(check, OwnCheck):
        low, high = check.limits.low, check.limits.high
        if low is not None and high is not None:
            return f"{low:g} to {_own(check, high)}"
        return f">= {_own(check, low)}" if low is not None else f"<= {_own(check, high or 0.0)}"
    sign = ">=" if CHECKS[check.name].fails_below else "<="
    return f"{sign} {_known(check, check.threshold, digits=False)}"


def _value(check: AnyCheck, number: float | None) -> str:
    if number is None:
        return "-"
    return _own(check, number) if isinstance(check, OwnCheck) else _known(check, number, digits=True)


def _own(check: OwnCheck, number: float) -> str:
    gap = "" if check.unit in {"%", "ms", "s", ""} else " "
    return f"{number:g}{gap}{check.unit}"


def _known(check: Check, number: float, *, digits: bool) -> str:
    if CHECKS[check.name].is_rate:
        return f"{number:.2f}%" if digits and number != round(number) else f"{number:g}%"
    return go_duration(round(number))
