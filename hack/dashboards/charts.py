"""One panel each, drawn into axes of matplotlib. An empty one says what its ``noValue`` says, as in Grafana."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hack.dashboards.looks import TEXT, Looks, Word
from hack.dashboards.reading import Period, Reader, Series
from hack.dashboards.units import with_unit

Json = dict[str, Any]

GRID = "#2A2D33"
FAINT = "#8E8E8E"
DARK = "#111217"
_HEADROOM = 1.12
_TICKS = 4
_LEGEND_TOP = 31.0  # pixels below the chart
_LEGEND_LINE = 14.0
_OVERHANG = 24.0
_MIB = 1024.0 * 1024.0
_MINUTE = 60
_LETTER = 7.0  # pixels, generously


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation."""

    time: float
    colour: str


def timeseries(axes: Axes, panel: Json, reader: Reader, marks: Sequence[Mark]) -> None:
    """Draw lines, areas or bars over time."""
    looks, period = Looks(panel), reader.period.of_panel(panel)
    lines = [one for found in reader.panel(panel) for one in found]
    if not lines:
        _say(axes, looks)
        return
    grid = np.arange(period.start, period.end + period.step / 2, period.step)
    colours = looks.colours([line.legend for line in lines])
    floor = np.zeros_like(grid)
    low, high = math.inf, 0.0
    for line in lines:
        own = looks.of(line.legend)
        values = _on_grid(line, grid, period)
        if own["custom.stacking"]["mode"] == "normal":
            values = floor + np.nan_to_num(values)
            _area(axes, grid, (floor, values), own, colours[line.legend])
            floor = values
        elif own["custom.lineWidth"]:
            _line(axes, grid, values, own, colours[line.legend])
        low, high = (
            min(low, float(np.nanmin(values, initial=math.inf))),
            max(high, float(np.nanmax(values, initial=0.0))),
        )
    _time_axis(axes, period, marks)
    _value_axis(axes, looks, low, high)
    _legend(axes, looks, lines, colours)


def _on_grid(line: Series, grid: np.ndarray, period: Period) -> np.ndarray:
    """Return the values at every step; NaN where there is none."""
    values = np.full_like(grid, np.nan)
    for when, value in line.points:
        at = round((when - period.start) / period.step)
        if 0 <= at < len(values):
            values[at] = value if math.isfinite(value) else np.nan
    return values


def _line(axes: Axes, grid: np.ndarray, values: np.ndarray, own: Json, colour: str) -> None:
    if own["custom.drawStyle"] == "bars":
        return
    dash = own.get("custom.lineStyle", {}).get("dash")
    style = (0, tuple(part / 2 for part in dash)) if dash else "solid"
    drawstyle = "steps-post" if own["custom.lineInterpolation"] == "stepAfter" else "default"
    axes.plot(grid, values, color=colour, linewidth=1.5, linestyle=style, drawstyle=drawstyle)


def _area(axes: Axes, grid: np.ndarray, between: tuple[np.ndarray, np.ndarray], own: Json, colour: str) -> None:
    low, high = between
    if own["custom.drawStyle"] == "bars":
        step = grid[1] - grid[0] if len(grid) > 1 else 1.0
        axes.bar(grid, high - low, width=step * 0.6, bottom=low, color=colour, alpha=0.8)
        return
    step_after = own["custom.lineInterpolation"] == "stepAfter"
    opacity = own["custom.fillOpacity"] / 100
    axes.fill_between(grid, low, high, color=colour, alpha=opacity, linewidth=0, step="post" if step_after else None)


def _time_axis(axes: Axes, period: Period, marks: Sequence[Mark]) -> None:
    axes.axis("on")
    axes.set_facecolor("none")
    axes.set_xlim(period.start, period.end)
    span = period.end - period.start
    every = next((size for size in (10, 30, 60, 120, 300, 600, 1800, 3600) if span / size <= 2 * _TICKS), 7200)
    ticks = np.arange(math.ceil(period.start / every) * every, period.end, every)
    form = "%H:%M:%S" if every < _MINUTE else "%H:%M"
    axes.set_xticks(ticks, [datetime.fromtimestamp(tick, UTC).strftime(form) for tick in ticks])
    axes.tick_params(colors=FAINT, labelsize=7, length=0)
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    for mark in marks:
        axes.axvline(mark.time, color=mark.colour, linewidth=1.1, linestyle=(0, (3, 2)))
        axes.plot(
            [mark.time],
            [0],
            marker="^",
            color=mark.colour,
            markersize=5,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )


def _value_axis(axes: Axes, looks: Looks, low: float, high: float) -> None:
    unit = looks.defaults["unit"]
    soft = looks.defaults.get("custom", {}).get("axisSoftMin", low)
    bottom = looks.defaults.get("min", min(low, soft))
    top = looks.defaults.get("max") or (high * _HEADROOM or 1.0)
    scale = _MIB if unit == "bytes" else 1.0
    raw = (top - bottom) / _TICKS / scale
    size = 10 ** math.floor(math.log10(raw))
    every = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= raw * 0.999)
    if looks.defaults.get("decimals") == 0 and unit == "none":
        every = max(1, round(every))
    first = math.ceil(bottom / scale / every) * every
    ticks = np.arange(first, top / scale * 1.001, every) * scale
    axes.set_ylim(bottom, top + (top - bottom) * 0.01)
    axes.set_yticks(ticks, [with_unit(tick, unit) for tick in ticks])


def _legend(axes: Axes, looks: Looks, lines: Sequence[Series], colours: dict[str, str]) -> None:
    """Write name and last value of each series below, as many as there is room for in two lines."""
    box = axes.get_window_extent()
    x, y = 0.0, _LEGEND_TOP
    for line in lines:
        value = with_unit(line.last, looks.defaults["unit"], looks.defaults.get("decimals"))
        width = _write(axes, (x, y), f"{line.legend}  {value}", colours[line.legend])
        if x + width > box.width + _OVERHANG and x:
            axes.texts[-1].remove()
            axes.texts[-1].remove()
            x, y = 0.0, y + _LEGEND_LINE
            if y > _LEGEND_TOP + _LEGEND_LINE:
                return
            width = _write(axes, (x, y), f"{line.legend}  {value}", colours[line.legend])
        x += width


def _write(axes: Axes, at: tuple[float, float], text: str, colour: str) -> float:
    """Write an entry of a legend at pixels right of and below the corner; return how wide it is."""
    x, y = at
    points = 72 / axes.figure.dpi
    place: Json = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 7.5, "va": "center"}
    axes.annotate("▬", (0, 0), (x * points, -y * points), color=colour, **place)
    written = axes.annotate(text, (0, 0), ((x + 12) * points, -y * points), **place)
    return float(written.get_window_extent().width) + 28


def stat(axes: Axes, panel: Json, reader: Reader, _marks: Sequence[Mark]) -> None:
    """Draw one big number or word."""
    looks = Looks(panel)
    found = [one for series in reader.panel(panel) for one in series]
    if not found:
        _say(axes, looks)
        return
    value = found[0].last
    word = looks.word(found[0].legend, value)
    text = with_unit(value, looks.defaults["unit"], looks.defaults.get("decimals"))
    if panel["options"]["textMode"] == "name":
        text = found[0].legend
    if word and panel["options"]["colorMode"] == "background":
        axes.add_patch(Rectangle((0, 0), 1, 1, facecolor=word.colour, transform=axes.transAxes))
    colour = DARK if word else looks.threshold_colour(value)
    shown = word.text if word else text
    size = min(24.0, 0.9 * axes.get_window_extent().width / len(shown) / 0.7 * 72 / axes.figure.dpi)
    axes.text(
        0.5, 0.5, shown, transform=axes.transAxes, fontsize=size, ha="center", va="center", color=colour, weight="bold"
    )


def state_timeline(axes: Axes, panel: Json, reader: Reader, marks: Sequence[Mark]) -> None:
    """Draw a band of colour for each series."""
    looks, period = Looks(panel), reader.period
    lines = [one for found in reader.panel(panel) for one in found]
    if not lines:
        _say(axes, looks)
        return
    _time_axis(axes, period, marks)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_yticks(range(len(lines)), [line.legend for line in lines])
    axes.tick_params(axis="y", colors=TEXT, labelsize=8)
    pixels = axes.get_window_extent().width / (period.end - period.start)
    for row, line in enumerate(lines):
        for start, end, value in _bands(line, period):
            word = looks.word(line.legend, value) or Word(f"{value:g}", FAINT)
            band = [(start, end - start)]
            axes.broken_barh(band, (row - 0.38, 0.76), color=word.colour, alpha=0.85, linewidth=0, zorder=3)
            if (end - start) * pixels > _LETTER * len(word.text):
                axes.text(
                    (start + end) / 2, row, word.text, ha="center", va="center", fontsize=7.5, color=DARK, zorder=4
                )


def _bands(line: Series, period: Period) -> list[tuple[float, float, float]]:
    """Return from when to when a series had which value."""
    bands: list[tuple[float, float, float]] = []
    for when, value in line.points:
        end = min(when + period.step, period.end)
        if bands and bands[-1][2] == value and when - bands[-1][1] < period.step / 2:
            bands[-1] = (bands[-1][0], end, value)
        else:
            bands.append((when, end, value))
    return bands


def bar_gauge(axes: Axes, panel: Json, reader: Reader, _marks: Sequence[Mark]) -> None:
    """Draw horizontal bars."""
    looks = Looks(panel)
    bars = [one for found in reader.panel(panel) for one in found if math.isfinite(one.last)]
    if not bars:
        _say(axes, looks)
        return
    highest = max(bar.last for bar in bars) or 1.0
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    colours = looks.colours([bar.legend for bar in bars])
    for row, bar in enumerate(bars):
        axes.add_patch(Rectangle((0.36, row - 0.3), 0.52, 0.6, facecolor=GRID))
        axes.add_patch(Rectangle((0.36, row - 0.3), 0.52 * bar.last / highest, 0.6, facecolor=colours[bar.legend]))
        axes.text(0.345, row, bar.legend, ha="right", va="center", fontsize=8)
        text = with_unit(bar.last, looks.defaults["unit"], looks.defaults.get("decimals"))
        axes.text(0.89, row, text, va="center", fontsize=9, weight="bold", color=colours[bar.legend])


def table(axes: Axes, panel: Json, reader: Reader, _marks: Sequence[Mark]) -> None:
    """Draw lines of cells: one line for each set of labels."""
    looks = Looks(panel)
    (organize,) = [one["options"] for one in panel["transformations"] if one["id"] == "organize"]
    columns = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    rows: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for target, found in zip(panel["targets"], reader.panel(panel), strict=True):
        name = organize["renameByName"][f"Value #{target['refId']}"]
        for one in found:
            rows.setdefault(tuple(sorted(one.labels.items())), {})[name] = one.last
    if not rows:
        _say(axes, looks)
        return
    height = 1 / max(6, len(rows) + 1)
    for number, original in enumerate(columns):
        left = number / len(columns)
        column = organize["renameByName"].get(original, original)
        axes.text(left, 1 - height / 2, column, va="center", fontsize=8, weight="bold", color="#6E9FFF")
        for line, (labels, values) in enumerate(sorted(rows.items()), start=1):
            middle = 1 - (line + 0.5) * height
            text, colour = _cell(looks, column, dict(labels), values)
            if colour:
                box = Rectangle(
                    (left - 0.01, middle - height * 0.42), 1 / len(columns) - 0.01, height * 0.84, facecolor=colour
                )
                axes.add_patch(box)
            axes.text(left, middle, text, va="center", fontsize=8.5, color=DARK if colour else TEXT)


def _cell(looks: Looks, column: str, labels: dict[str, str], values: dict[str, float]) -> tuple[str, str]:
    """Return the text of a cell, and its colour if it has one."""
    if column in labels:
        return labels[column], ""
    if column not in values:
        return "", ""
    own = looks.of(column)
    word = looks.word(column, values[column])
    if word:
        return word.text, word.colour
    return with_unit(values[column], own.get("unit", "none"), own.get("decimals")), ""


def _say(axes: Axes, looks: Looks) -> None:
    text = looks.defaults.get("noValue", "No data")
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=13, color=FAINT)
