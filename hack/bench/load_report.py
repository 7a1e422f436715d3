"""What the load has shown, as one table in Markdown or as JSON. Pure."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hack.bench.lateness import Rounds
from hack.bench.load import Measured, problems

Json = dict[str, Any]

_TITLES = (
    "Prometheus …",
    "rounds held of due",
    "late p50",
    "late p99",
    "of canaries without metrics: held of due",
    "late p99",
    "queries per 10 s",
    "workloads per query",
    "under way at most",
    "CPU of the controller",
)
_MILLI = timedelta(milliseconds=1)


def table(measured: Sequence[Measured]) -> str:
    """Return a table, and below it what does not hold."""
    rows = [_TITLES, ("---",) * len(_TITLES), *map(_row, measured)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(problems(measured) or ["Every requirement holds."])])


def as_json(measured: Sequence[Measured]) -> str:
    """Return the same, every number with its unit in its name."""
    cases = [{"case": one.case.name, **_counts(one)} for one in measured]
    return json.dumps({"cases": cases, "problems": problems(measured)}, indent=2)


def _row(one: Measured) -> tuple[str, ...]:
    counts = _counts(one)
    return (
        one.case.name,
        f"{one.asking.held:,} of {one.asking.due:,}",
        f"{counts['lateP50Ms']:.0f} ms",
        f"{counts['lateP99Ms']:.0f} ms",
        f"{one.not_asking.held:,} of {one.not_asking.due:,}",
        f"{counts['lateWithoutMetricsP99Ms']:.0f} ms",
        f"{counts['queriesPer10Seconds']:.0f}",
        f"{counts['workloadsPerQuery']:.1f}",
        str(one.most_under_way),
        f"{one.cores:.0%}",
    )


def _counts(one: Measured) -> Json:
    return {
        "seconds": one.seconds,
        "roundsHeld": one.asking.held,
        "roundsDue": one.asking.due,
        "roundsInconclusive": one.asking.inconclusive,
        "lateP50Ms": _ms(one.asking, 0.5),
        "lateP99Ms": _ms(one.asking, 0.99),
        "roundsWithoutMetricsHeld": one.not_asking.held,
        "roundsWithoutMetricsDue": one.not_asking.due,
        "lateWithoutMetricsP50Ms": _ms(one.not_asking, 0.5),
        "lateWithoutMetricsP99Ms": _ms(one.not_asking, 0.99),
        "queries": one.queries,
        "queriesPer10Seconds": one.queries * 10 / one.seconds,
        "workloadsPerQuery": one.workloads / max(one.queries, 1),
        "queriesUnderWayAtMost": one.most_under_way,
        "controllerCpu": one.cores,
        "rolloutsEnded": one.ended,
    }


def _ms(rounds: Rounds, share: float) -> float:
    return rounds.quantile(share) / _MILLI
