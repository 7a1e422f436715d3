"""Draw the panels of a dashboard as a picture: Vega-Lite describes it, vl-convert renders it without a browser.

A picture in the documentation shows real data and what a panel is for. It is no second Grafana: of the looks it takes
colours, words, steps, areas and limits, and leaves the rest. Its background is its own and dark, like a screenshot's:
it stands on a light page as well as on a dark one.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import vl_convert

from hack.dashboards.reading import Period, Reader, Series

Json = dict[str, Any]
Marks = Mapping[float, str]
"""Times and their colours."""

TEXT, FAINT, PANEL, LINE, DARK = "#D8D9DA", "#8E8E8E", "#181B1F", "#34373D", "#111217"
PALETTE = ("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#96D98D", "#FFB357", "#C0D8FF")
UNITS = {"percent": (1, "%"), "s": (1, " s"), "ms": (1, " ms"), "bytes": (2**20, " MiB"), "Bps": (1000, " kB/s")}
COLUMN, ROW, LETTER, GAP, NARROW_GAP = 52, 32, 6, 72, 10  # pixels
MANY = 6  # series; of more than these, those that stay 0 are left out
CONFIG: Json = {
    "aria": False,
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",  # of the same widths
    "background": PANEL,
    "view": {"stroke": LINE},
    "title": {"color": TEXT, "anchor": "start", "frame": "group", "fontSize": 13, "offset": 8},
    "axis": {"labelColor": FAINT, "gridColor": LINE, "domain": False, "ticks": False, "title": None, "labelLimit": 400},
    "axisQuantitative": {"labelFlush": True},  # or titles would not be in line
    "legend": {"labelColor": TEXT, "labelFontSize": 11, "title": None, "orient": "bottom", "labelLimit": 400},
}


def sections(dashboard: Json) -> list[list[Json]]:
    """Return the panels between two headings: each section is a picture."""
    found: list[list[Json]] = [[]]
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            found.append([])
        else:
            found[-1].append(panel)
    return found


def draw(panels: Sequence[Json], marks: Marks, reader: Reader) -> str:
    """Return a picture of panels as SVG."""
    own_colours = {"resolve": {"scale": {"color": "independent"}, "legend": {"color": "independent"}}}
    lines = []
    for _, group in groupby(panels, key=lambda panel: panel["gridPos"]["y"]):
        line = list(group)
        gap = NARROW_GAP if line[0]["type"] == "stat" else GAP
        views = [_view(panel, reader, marks, panel["gridPos"]["w"] * COLUMN - gap) for panel in line]
        lines.append({"hconcat": views, "spacing": gap, "bounds": "flush"} | own_colours)
    picture: str = vl_convert.vegalite_to_svg({"config": CONFIG, "vconcat": lines, "padding": 15} | own_colours)
    return picture


def _view(panel: Json, reader: Reader, marks: Marks, width: int) -> Json:
    """Return one panel; without data it says what Grafana would say."""
    period, by_query = reader.period.of_panel(panel), reader.panel(panel)
    found = [one for series in by_query for one in series]
    size = {"title": panel["title"], "width": width, "height": (panel["gridPos"]["h"] - 2) * ROW}
    if not found:
        return size | _words([{"text": panel["fieldConfig"]["defaults"]["noValue"], "colour": FAINT}])
    match panel["type"]:
        case "stat":
            return size | _stat(panel, found[0])
        case "bargauge":
            return size | _words(list(_bars(panel, found)))
        case "table":
            return size | _words(list(_table(panel, by_query)))
        case "state-timeline":
            return size | _bands(panel, found, period)
        case _:
            return size | _chart(panel, found, period, marks, width)


def _words(cells: Sequence[Json], background: str = "transparent") -> Json:
    """Return texts in rows and columns."""
    place = {
        axis: {"field": field, "type": "nominal", "sort": None, "axis": None}
        for axis, field in (("x", "column"), ("y", "row"))
    }
    looks = {"text": {"field": "text"}, "color": {"field": "colour", "type": "nominal", "scale": None}}
    view, mark = {"fill": background, "stroke": LINE}, {"type": "text", "fontSize": 18 if len(cells) == 1 else 13}
    return {"data": {"values": cells}, "view": view, "mark": mark, "encoding": place | looks}


def _stat(panel: Json, series: Series) -> Json:
    value, looks = series.points[-1][1], _looks(panel, series.legend)
    word = _word(looks, value)
    if word:
        return _words([{"text": word["text"], "colour": DARK}], word["color"])
    reached = [one["color"] for one in looks["thresholds"]["steps"] if one["value"] is None or value >= one["value"]]
    text = series.legend if panel["options"]["textMode"] == "name" else _with_unit(value, looks)
    return _words([{"text": text, "colour": reached[-1].replace("text", TEXT)}])


def _bars(panel: Json, found: Sequence[Series]) -> Iterator[Json]:
    """Yield name and value of each series."""
    for one in found:
        yield {"row": one.legend, "column": "name", "text": one.legend, "colour": TEXT}
        yield {"row": one.legend, "column": "value", **_cell(_looks(panel, one.legend), one.points[-1][1])}


def _table(panel: Json, by_query: Sequence[Sequence[Series]]) -> Iterator[Json]:
    """Yield the head of a table, and a row for each set of labels."""
    organize = panel["transformations"][-1]["options"]
    names = organize["renameByName"]
    keys = [key for key in organize["indexByName"] if key not in names]
    for column in ("", *names.values()):
        yield {"row": "", "column": column, "text": column, "colour": FAINT}
    for row in dict.fromkeys(_row(one, keys) for found in by_query for one in found):
        yield {"row": row, "column": "", "text": row, "colour": TEXT}
    for column, found in zip(names.values(), by_query, strict=True):
        for one in found:
            row = _row(one, keys)
            yield {"row": row, "column": column, **_cell(_looks(panel, column), one.points[-1][1])}


def _row(series: Series, keys: Sequence[str]) -> str:
    return "/".join(series.labels.get(key, "") for key in keys)


def _cell(looks: Json, value: float) -> Json:
    word = _word(looks, value)
    if word:
        return {"text": word["text"], "colour": word["color"]}
    return {"text": _with_unit(value, looks), "colour": looks.get("color", {}).get("fixedColor", TEXT)}


def _bands(panel: Json, found: Sequence[Series], period: Period) -> Json:
    """Return a band for each series, from change to change."""
    rows: list[Json] = []
    for one in found:
        looks = _looks(panel, one.legend)
        for when, value in one.points:
            word = _word(looks, value) or {"text": f"{value:g}", "color": FAINT}
            start, end = when * 1000, (when + period.step) * 1000
            last = rows[-1] if rows else {}
            if last.get("name") == one.legend and last["text"] == word["text"] and start - last["to"] < period.step:
                last["to"] = end
            else:
                rows.append({"name": one.legend, "time": start, "to": end, **word})
    colours = {row["text"]: row["color"] for row in rows}
    names = {"field": "name", "type": "nominal", "sort": None}
    encoding = {"x": _time(period), "x2": {"field": "to"}, "y": names, "color": _scale("text", colours, len(colours))}
    return {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.7}, "clip": True},
        "encoding": encoding,
    }


def _chart(panel: Json, found: Sequence[Series], period: Period, marks: Marks, width: int) -> Json:
    """Return lines, areas or bars over time, with the dashboard's marks."""
    defaults, colours = panel["fieldConfig"]["defaults"], {}
    if len(found) > MANY:
        found = [one for one in found if any(value for _, value in one.points)] or found[:1]
    for number, one in enumerate(found):
        colours[one.legend] = _looks(panel, one.legend)["color"].get("fixedColor", PALETTE[number % len(PALETTE)])
    encoding = {
        "x": _time(period),
        "y": _values(defaults, [value for one in found for _, value in one.points]),
        "color": _scale("name", colours, width // (LETTER * max(map(len, colours)) + 30)),
    }
    rows = [_on_grid(one, period, UNITS.get(defaults["unit"], (1, ""))[0]) for one in found]
    if "stacking" in defaults["custom"]:
        layers = [
            (_mark(defaults["custom"]), [row | {"place": place} for place, own in enumerate(rows) for row in own])
        ]
        encoding["order"] = {"field": "place", "type": "quantitative"}
    else:
        layers = [(_mark(_looks(panel, one.legend)), own) for one, own in zip(found, rows, strict=True)]
    lines = [{"mark": mark, "data": {"values": own}, "encoding": encoding} for mark, own in layers]
    return {"layer": [*lines, *(_rule(when, colour, period) for when, colour in marks.items())]}


def _rule(when: float, colour: str, period: Period) -> Json:
    mark = {"type": "rule", "color": colour, "strokeDash": [3, 3]}
    return {"mark": mark, "data": {"values": [{"time": when * 1000}]}, "encoding": {"x": _time(period)}}


def _on_grid(series: Series, period: Period, factor: float) -> list[Json]:
    """Return a row for each step, so that a line ends where there is nothing."""
    values = {round((when - period.start) / period.step): value / factor for when, value in series.points}
    return [
        {"time": (period.start + step * period.step) * 1000, "value": values.get(step), "name": series.legend}
        for step in range(round((period.end - period.start) / period.step) + 1)
    ]


def _mark(custom: Json) -> Json:
    """Return how a series is drawn."""
    if custom["drawStyle"] == "bars":
        return {"type": "bar", "width": 14}
    steps = {"interpolate": "step-after" if custom["lineInterpolation"] == "stepAfter" else "linear"}
    if "stacking" in custom:
        return {"type": "area", "opacity": custom["fillOpacity"] / 100} | steps
    return {"type": "line", "strokeWidth": 1.8, "strokeDash": custom.get("lineStyle", {}).get("dash", [1, 0])} | steps


def _time(period: Period) -> Json:
    scale = {"type": "utc", "domain": [period.start * 1000, period.end * 1000], "nice": False}
    return {"field": "time", "type": "temporal", "scale": scale, "axis": {"format": "%H:%M", "tickCount": 6}}


def _values(defaults: Json, values: Sequence[float]) -> Json:
    """Return the axis of values: from the panel's minimum, or as low as there are values, to its maximum."""
    factor, suffix = UNITS.get(defaults["unit"], (1, ""))
    lowest = min([*values, defaults["custom"].get("axisSoftMin", math.inf)])
    scale = {"domainMin": defaults.get("min", lowest) / factor, "nice": True}
    if "max" in defaults or not max(values):
        scale["domainMax"] = defaults.get("max", 1)
    axis: Json = {"labelExpr": f"datum.label + '{suffix}'", "tickCount": 4}
    if defaults.get("decimals") == 0:
        axis |= {"labelExpr": "datum.value % 1 ? '' : datum.label", "format": "d"}
    return {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}


def _scale(field: str, colours: Mapping[str, str], columns: int) -> Json:
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": {"columns": max(1, columns)}}


def _looks(panel: Json, name: str) -> Json:
    """Return the properties of a series or column: the defaults and what overrides them, flat."""
    config = panel["fieldConfig"]
    found: Json = {**config["defaults"], **config["defaults"].get("custom", {})}
    for override in config["overrides"]:
        wanted = override["matcher"]["options"]
        if re.search(wanted.strip("/"), name) if wanted.startswith("/") else wanted == name:
            found |= {one["id"].removeprefix("custom."): one["value"] for one in override["properties"]}
    return found


def _word(looks: Json, value: float) -> Json | None:
    """Return word and colour that stand for a value, if any do."""
    found = [one["options"].get(f"{value:g}") for one in looks.get("mappings", ())]
    return next(iter(found), None)


def _with_unit(value: float, looks: Json) -> str:
    if looks["unit"] == "dateTimeAsIso":
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    factor, suffix = UNITS.get(looks["unit"], (1, ""))
    return f"{value / factor:.{'0f' if looks.get('decimals') == 0 else '3g'}}{suffix}"
