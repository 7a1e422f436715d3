"""What a benchmark has measured, as one table in Markdown or as JSON. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from hack.bench.neighbours import Measured, Span
from hack.bench.objects import WAYS

Json = dict[str, Any]

_TITLES = (
    "canaries that …",
    "",
    "rounds held of due",
    "late p50",
    "late p99",
    "requests per broken canary and minute",
    "requests per second",
    "throttled",
    "CPU of the controller",
    "of the sandbox",
)


def table(measured: Sequence[Measured]) -> str:
    """Return a table, and below it what does not hold."""
    rows = [_TITLES, ("---",) * len(_TITLES)]
    for one in measured:
        rows += _rows(one)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    broken = [f"{one.way}: {problem}" for one in measured for problem in one.problems()]
    return "\n".join([*lines, "", *(broken or ["Every requirement holds."])])


def as_json(measured: Sequence[Measured]) -> str:
    """Return the same, every number with its unit in its name."""
    return json.dumps([_object(one) for one in measured], indent=2)


def _spans(one: Measured) -> Iterator[tuple[str, Span]]:
    yield "alone", one.alone
    yield "arriving", one.arriving
    yield "beside", one.beside


def _rows(one: Measured) -> Iterator[tuple[str, ...]]:
    for name, span in _spans(one):
        counts = _counts(one, span)
        yield (
            f"{one.canaries:,}: {WAYS[one.way].what}" if name == "alone" else "",
            name,
            f"{span.rounds.held} of {span.rounds.due}",
            f"{counts['lateP50Ms']:.0f} ms",
            f"{counts['lateP99Ms']:.0f} ms",
            f"{counts['requestsPerCanaryAndMinute']:.2f}",
            f"{counts['requestsPerSecond']:.1f}",
            str(span.usage.throttled),
            f"{counts['controllerCpu']:.0%}",
            f"{counts['sandboxCpu']:.0%}",
        )


def _counts(one: Measured, span: Span) -> dict[str, float]:
    milli = timedelta(milliseconds=1)
    return {
        "seconds": span.seconds,
        "roundsHeld": span.rounds.held,
        "roundsDue": span.rounds.due,
        "roundsInconclusive": span.rounds.inconclusive,
        "lateP50Ms": span.rounds.quantile(0.5) / milli,
        "lateP99Ms": span.rounds.quantile(0.99) / milli,
        "requests": span.usage.requests,
        "requestsPerSecond": span.usage.requests / span.seconds,
        "requestsPerCanaryAndMinute": span.usage.requests / one.canaries / span.seconds * 60,
        "throttled": span.usage.throttled,
        "controllerCpu": span.usage.controller_seconds / span.seconds,
        "sandboxCpu": span.usage.sandbox_seconds / span.seconds,
    }


def _object(one: Measured) -> Json:
    spans = {name: _counts(one, span) for name, span in _spans(one)}
    return {"way": one.way, "canaries": one.canaries, **spans, "problems": one.problems()}
