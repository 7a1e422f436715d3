"""Grafana's dashboard JSON, the panels.

Plain dicts, so that what is written is what Grafana documents; a function for each kind of panel holds what all of that
kind share. Every panel has a description and says in words why it is empty (``noValue``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


# The same thing has the same colour everywhere.
PRIMARY = "#5794F2"  # blue
CANARY = "#FF9830"  # orange
LIMIT = "#F2495C"  # red, dashed
GOOD = "#73BF69"  # green
BAD = "#F2495C"
WARNING = "#FADE2A"
UNKNOWN = "#8E8E8E"

SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


def target(expr: str, legend: str = "", *, instant: bool = False, table: bool = False) -> Json:
    """Return a query; the letter by which Grafana knows it is given by its panel."""
    found: Json = {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend or "__auto",
        "range": not instant,
        "instant": instant,
    }
    return {**found, "format": "table"} if table else found


def _panel(kind: str, title: str, text: str, targets: Sequence[Json], *, unit: str, empty: str) -> Json:
    letters = [{**one, "refId": chr(ord("A") + number)} for number, one in enumerate(targets)]
    defaults: Json = {"unit": unit, "noValue": empty, "color": {"mode": "palette-classic"}, "mappings": []}
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": letters,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {},
    }


# Areas on top of each other, without lines: one of 0 would hide the area below it.
STACKED: Json = {"fillOpacity": 70, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}}
STEPS: Json = {"lineInterpolation": "stepAfter"}  # the value holds until the next one
BARS: Json = {"drawStyle": "bars", "fillOpacity": 80}


def timeseries(
    title: str,
    text: str,
    targets: Sequence[Json],
    *,
    unit: str,
    empty: str,
    style: Json | None = None,
    axis: Json | None = None,
    overrides: Sequence[Json] = (),
) -> Json:
    """Return a chart over time.

    Args:
        title: what is measured, of whom.
        text: what it means and when to worry.
        targets: the queries.
        unit: Grafana's name of the unit.
        empty: what it says when there is nothing to draw.
        style: STACKED, STEPS, BARS or properties of lines, or several by ``|``.
        axis: ``min`` (0; None: as low as the values), ``max``, ``decimals``.
        overrides: of single series.
    """
    panel = _panel("timeseries", title, text, targets, unit=unit, empty=empty)
    custom: Json = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 2,
        "fillOpacity": 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "none", "group": "A"},
    }
    ends: Json = {"min": 0, **(axis or {})}
    panel["fieldConfig"]["defaults"] |= {key: value for key, value in ends.items() if value is not None}
    panel["fieldConfig"]["defaults"]["custom"] = custom | (style or {})
    panel["fieldConfig"]["overrides"] = list(overrides)
    panel["options"] = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def stat(
    title: str,
    text: str,
    expr: str,
    *,
    unit: str,
    empty: str,
    mappings: Mapping[int, tuple[str, str]] | None = None,
    thresholds: Sequence[tuple[float | None, str]] = ((None, "text"),),
    decimals: int | None = None,
) -> Json:
    """Return one big number, or the word that it stands for.

    Args:
        title: what it is.
        text: what it means and when to worry.
        expr: the query, as of now.
        unit: Grafana's name of the unit.
        empty: what it says when there is no value.
        mappings: value → word and colour.
        thresholds: from which value on which colour; the first one has no value.
        decimals: digits after the point.
    """
    panel = _panel("stat", title, text, [target(expr, instant=True)], unit=unit, empty=empty)
    defaults = panel["fieldConfig"]["defaults"]
    defaults["color"] = {"mode": "thresholds"}
    defaults["thresholds"] = _thresholds(thresholds)
    defaults["mappings"] = [value_mapping(mappings)] if mappings else []
    if decimals is not None:
        defaults["decimals"] = decimals
    panel["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background" if mappings else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": "value",
        "orientation": "auto",
    }
    return panel


def bar_gauge(
    title: str, text: str, targets: Sequence[Json], *, unit: str, empty: str, overrides: Sequence[Json] = ()
) -> Json:
    """Return horizontal bars, one for each series, as of now."""
    panel = _panel("bargauge", title, text, targets, unit=unit, empty=empty)
    panel["fieldConfig"]["defaults"] |= {"min": 0, "color": {"mode": "fixed", "fixedColor": PRIMARY}}
    panel["fieldConfig"]["overrides"] = list(overrides)
    panel["options"] = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel


def state_timeline(
    title: str, text: str, targets: Sequence[Json], *, empty: str, mappings: Mapping[str, Mapping[int, tuple[str, str]]]
) -> Json:
    """Return a band of colour for each series; the mappings are by the series' legend, "" for all others."""
    panel = _panel("state-timeline", title, text, targets, unit="none", empty=empty)
    defaults = panel["fieldConfig"]["defaults"]
    defaults |= {"color": {"mode": "thresholds"}, "thresholds": _thresholds([(None, UNKNOWN)])}
    defaults["custom"] = {"fillOpacity": 80, "lineWidth": 0}
    defaults["mappings"] = [value_mapping(mappings[""])] if "" in mappings else []
    panel["fieldConfig"]["overrides"] = [
        override(name, ("mappings", [value_mapping(words)])) for name, words in mappings.items() if name
    ]
    panel["options"] = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "center",
        "rowHeight": 0.8,
        "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single"},
    }
    return panel


def table(
    title: str,
    text: str,
    columns: Sequence[tuple[str, Json, str, Sequence[tuple[str, object]]]],
    *,
    keys: Sequence[str],
    empty: str,
) -> Json:
    """Return a table with a line for each set of labels.

    Args:
        title: what is listed.
        text: what it means.
        columns: name, query, unit and further properties of each column.
        keys: the labels that name a line; they are the first columns.
        empty: what it says when there is no line.
    """
    panel = _panel("table", title, text, [query for _, query, _, _ in columns], unit="none", empty=empty)
    letters = [one["refId"] for one in panel["targets"]]
    names = {f"Value #{letter}": name for letter, (name, *_) in zip(letters, columns, strict=True)}
    order = {name: number for number, name in enumerate([*keys, *names])}
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}},
    ]
    panel["fieldConfig"]["overrides"] = [
        override(name, ("unit", unit), *properties) for name, _, unit, properties in columns
    ]
    panel["options"] = {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": keys[0], "desc": False}]}
    return panel


def value_mapping(words: Mapping[int, tuple[str, str]]) -> Json:
    """Return which word and colour stand for which value."""
    options = {
        str(value): {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return {"type": "value", "options": options}


def override(name: str, *properties: tuple[str, object]) -> Json:
    """Return properties of the series or column of a name; a name in slashes is a pattern."""
    kind = "byRegexp" if name.startswith("/") else "byName"
    return {
        "matcher": {"id": kind, "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties],
    }


def colour(name: str, value: str) -> Json:
    """Return the colour of a series."""
    return override(name, ("color", {"mode": "fixed", "fixedColor": value}))


def limit(name: str = "limit") -> Json:
    """Return how a limit is drawn: dashed, red, in steps."""
    return override(
        name,
        ("color", {"mode": "fixed", "fixedColor": LIMIT}),
        ("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
        ("custom.lineInterpolation", "stepAfter"),
        ("custom.fillOpacity", 0),
        ("custom.stacking", {"mode": "none", "group": "A"}),
    )


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
