"""What a reading says of a canary, and how an event says it. Pure."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import assert_never

from metrics.checks import CHECKS, label_of
from metrics.durations import go_duration
from metrics.types import AnyCheck, Judgement, NoData, OwnCheck, Reading, Unavailable, Value, Verdict

_DIGITS = 17  # of a double; a limit with more behind the point is nearly 0
_SIGNIFICANT = 3  # digits of a small number: 0.00042
_WITHOUT_A_SPACE = frozenset({"%", "ms", "s"})


def judge(check: AnyCheck, reading: Reading) -> Judgement:
    """Judge one reading against its check. Nothing but a finite number can pass."""
    label = label_of(check)
    match reading:
        case Value(number) if math.isfinite(number):
            beyond = _beyond_the_limits(check, reading)
            verdict = Verdict.FAIL if beyond else Verdict.PASS
            return Judgement(check, reading, verdict, f"{label} {beyond}" if beyond else "")
        case Value() | NoData():
            text = f"{label} unknown, Prometheus has no data for the last {check.interval}"
        case Unavailable(reason):
            text = f"{label} unknown, {reason}"
        case _:
            assert_never(reading)
    return Judgement(check, reading, Verdict.INCONCLUSIVE, text)


def within(check: OwnCheck, number: float) -> str:
    """Return a number that passes with its limits: ``0.4% (at most 1%)``."""
    low, high, unit = check.limits.low, check.limits.high, _suffix(check.unit)
    ends = [f"at least {_plain(low)}{unit}"] if low is not None else []
    ends += [f"at most {_plain(high)}{unit}"] if high is not None else []
    return f"{_plain(round(number, 6))}{unit} ({' and '.join(ends)})"


def worst(check: AnyCheck, *numbers: float) -> float:
    """Return the reading that is furthest beyond the limits of a check, or else nearest to them."""
    return max(numbers, key=lambda number: _excess(check, number))


def rounded(check: AnyCheck, number: float) -> float:
    """Return a reading for people: two digits behind the point, or as many as tell it from its limits and from 0."""
    if not number or not math.isfinite(number):
        return number
    significant = _SIGNIFICANT - 1 - math.floor(math.log10(abs(number)))
    for digits in range(max(2, significant), _DIGITS):
        found = round(number, digits)
        if (_excess(check, found) > 0) == (_excess(check, number) > 0):
            return found
    return number


def _excess(check: AnyCheck, number: float) -> float:
    """Return by how much a reading is beyond the limits of a check; below 0: by how much it is within them."""
    if isinstance(check, OwnCheck):
        low, high = check.limits.low, check.limits.high
    else:
        below = CHECKS[check.name].fails_below
        low, high = (check.threshold, None) if below else (None, check.threshold)
    return max(low - number if low is not None else -math.inf, number - high if high is not None else -math.inf)


def _beyond_the_limits(check: AnyCheck, value: Value) -> str | None:
    """Return ``82.33% < 99%`` for a number that fails, or None."""
    number = value.number
    if isinstance(check, OwnCheck):
        low, high = check.limits.low, check.limits.high
        if low is not None and number < low:
            return _below(number, low, check.unit)
        return _above(number, high, check.unit) if high is not None and number > high else None
    if value.at_least:
        return _beyond(number, check.threshold)
    if CHECKS[check.name].fails_below:
        return _below(number, check.threshold, "%") if number < check.threshold else None
    return _duration(number, check.threshold) if number > check.threshold else None


def _below(number: float, limit: float, unit: str) -> str:
    """Return ``82.33% < 99%``; a number that would round up to the limit is cut off instead: ``98.99% < 99%``."""
    return f"{_beside(number, limit, ROUND_FLOOR)}{_suffix(unit)} < {_plain(limit)}{_suffix(unit)}"


def _above(number: float, limit: float, unit: str) -> str:
    """Return ``1.20% > 1%``; a number that would round down to the limit is rounded up instead: ``1.01% > 1%``."""
    return f"{_beside(number, limit, ROUND_CEILING)}{_suffix(unit)} > {_plain(limit)}{_suffix(unit)}"


def _beside(number: float, limit: float, rounding: str) -> str:
    """Return a number with two digits behind the point, or as many as tell it from its limit and from 0."""

    def tells(shown: str) -> bool:
        value, bound = Decimal(shown), Decimal(repr(limit))
        beyond = value < bound if rounding == ROUND_FLOOR else value > bound
        return beyond and bool(value or not number)

    rounded = f"{number:.2f}"
    if tells(rounded):
        return rounded
    digits = max(2, len(_plain(limit).partition(".")[2]))
    if float(rounded) and digits <= _DIGITS:
        cut = f"{Decimal(repr(number)).quantize(Decimal(1).scaleb(-digits), rounding):f}"
        return cut if tells(cut) else _plain(number)
    return _plain(number)


def _suffix(unit: str) -> str:
    return unit if unit in _WITHOUT_A_SPACE or not unit else f" {unit}"


def _duration(number: float, threshold: float) -> str:
    """Return ``2.525s > 500ms``; a number that would round down to the limit is rounded up: ``501ms > 500ms``."""
    ms = round(number)
    if ms <= threshold:
        ms = math.floor(threshold) + 1
    return f"{go_duration(ms)} > {_as_written(threshold)}"


def _beyond(bound: float, threshold: float) -> str:
    """Return ``over 10s > 500ms``, or why a number over the largest bucket cannot be held against its limit."""
    over = f"over {_as_written(bound)}"
    if bound >= threshold:
        return f"{over} > {_as_written(threshold)}"
    return f"{over}, the largest bucket: the limit of {_as_written(threshold)} cannot be checked"


def _as_written(ms: float) -> str:
    return go_duration(round(ms)) if ms == round(ms) else f"{_plain(ms)}ms"


def _plain(number: float) -> str:
    """Return a number with all its digits and no others: ``99``, ``99.99999``, ``1234567.5``."""
    return f"{Decimal(repr(float(number))).normalize():f}"
