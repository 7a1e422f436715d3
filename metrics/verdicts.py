"""What a reading says of a canary, and how an event says it. Pure."""

import math
from decimal import ROUND_FLOOR, Decimal
from typing import assert_never

from metrics.checks import CHECKS, CheckKind
from metrics.durations import go_duration
from metrics.types import Check, Judgement, NoData, Reading, Unavailable, Value, Verdict


def judge(check: Check, reading: Reading) -> Judgement:
    """Judge one reading against its check, which must be a known one. Nothing but a finite number can pass."""
    kind = CHECKS[check.name]
    match reading:
        case Value(number, at_least=True) if math.isfinite(number):
            return Judgement(check, reading, Verdict.FAIL, f"{kind.label} {_beyond(number, check.threshold)}")
        case Value(number) if math.isfinite(number):
            return _judged(check, kind, reading, number)
        case Value() | NoData():
            text = f"{kind.label} unknown, Prometheus has no data for the last {check.interval}"
        case Unavailable(reason):
            text = f"{kind.label} unknown, {reason}"
        case _:
            assert_never(reading)
    return Judgement(check, reading, Verdict.INCONCLUSIVE, text)


def _judged(check: Check, kind: CheckKind, reading: Reading, number: float) -> Judgement:
    failed = number < check.threshold if kind.fails_below else number > check.threshold
    if not failed:
        return Judgement(check, reading, Verdict.PASS, "")
    relation = _rate(number, check.threshold) if kind.unit == "percent" else _duration(number, check.threshold)
    return Judgement(check, reading, Verdict.FAIL, f"{kind.label} {relation}")


def _rate(number: float, threshold: float) -> str:
    """Return ``82.33% < 99%``; a number that would round up to the limit is cut off instead: ``98.99% < 99%``.

    It is cut at as many digits as the limit has, at least two, so that the two can be told apart.
    """
    limit = _plain(threshold)
    text = f"{number:.2f}"
    if float(text) >= threshold:
        digits = max(2, len(limit.partition(".")[2]))
        text = f"{Decimal(repr(number)).quantize(Decimal(1).scaleb(-digits), ROUND_FLOOR):f}"
    return f"{text}% < {limit}%"


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
