"""Ask a Prometheus what a panel's queries have to say, with the variables filled in as Grafana does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import httpx

Json = dict[str, Any]

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_FEWEST_SCRAPES = 4  # Grafana's $__rate_interval is at least so many scrapes long


class QueryError(Exception):
    """Prometheus refused a query; the message says which, and why."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with every ``$name`` and ``${name}`` replaced; LookupError if one has no value."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise LookupError(f"the variable ${name} has no value in {text}")
        return values[name]

    return _VARIABLE.sub(value, text)


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    legend: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]  # seconds since the epoch, value


@dataclass(frozen=True, slots=True)
class Period:
    """What a dashboard shows: from when to when, and how finely."""

    start: float
    end: float
    step: float
    scrape_interval: float

    def variables(self) -> dict[str, str]:
        """Return the values of Grafana's own variables."""
        window = max(self.step + self.scrape_interval, _FEWEST_SCRAPES * self.scrape_interval)
        durations = {"__interval": self.step, "__rate_interval": window, "__range": self.end - self.start}
        return {name: f"{max(1, round(seconds * 1000))}ms" for name, seconds in durations.items()}

    def of_panel(self, panel: Json) -> "Period":
        """Return the period with the step that a panel asks for at least, in whole minutes."""
        return replace(self, step=max(self.step, 60.0 * int(panel.get("interval", "0m").removesuffix("m"))))


class Reader:
    """Asks one Prometheus, for one choice of the dashboard's variables."""

    def __init__(self, url: str, period: Period, variables: Mapping[str, str]) -> None:
        """Take where Prometheus is, the period, and what is chosen."""
        self.period = period
        self._client = httpx.Client(base_url=url, timeout=30)
        self._chosen = variables

    def __enter__(self) -> Self:
        """Return it, with a connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._client.close()

    def panel(self, panel: Json) -> list[list[Series]]:
        """Return the series of each query of a panel; QueryError if one is refused."""
        return [self.target(target, self.period.of_panel(panel)) for target in panel.get("targets", ())]

    def target(self, target: Json, period: Period) -> list[Series]:
        """Return the series of a query: over the period, or as of its end if it is an instant one."""
        form = {"query": self.filled(target["expr"], period)}
        if target.get("instant"):
            return [
                _series(one, target, [one["value"]]) for one in self._ask("query", form | {"time": str(period.end)})
            ]
        form |= {"start": str(period.start), "end": str(period.end), "step": str(period.step)}
        return [_series(one, target, one["values"]) for one in self._ask("query_range", form)]

    def filled(self, text: str, period: Period | None = None) -> str:
        """Return a text with its variables filled in."""
        return fill(text, {**self._chosen, **(period or self.period).variables()})

    def marks(self, annotation: Json) -> list[float]:
        """Return the times that an annotation marks."""
        found = self.target({"expr": annotation["expr"]}, self.period)
        times = {value / 1000 for series in found for _, value in series.points}
        return sorted(time for time in times if self.period.start <= time <= self.period.end)

    def _ask(self, path: str, form: Mapping[str, str]) -> list[Json]:
        answer = self._client.post(f"/api/v1/{path}", data=dict(form)).json()
        if answer["status"] != "success":
            raise QueryError(f"{form['query']}: {answer['error']}")
        found: list[Json] = answer["data"]["result"]
        return found


def _series(found: Json, target: Json, values: Sequence[tuple[float, str]]) -> Series:
    labels: dict[str, str] = found["metric"]
    legend = _LABEL.sub(lambda match: labels.get(match[1], ""), target.get("legendFormat", ""))
    return Series(legend, labels, [(float(when), float(value)) for when, value in values])
