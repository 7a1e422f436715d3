"""Charts over time, drawn into axes of matplotlib."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from hack.dashboards.looks import Looks
from hack.dashboards.paint import Mark, say, time_axis
from hack.dashboards.reading import Period, Reader, Series
from hack.dashboards.units import with_unit

Json = dict[str, Any]

_HEADROOM = 1.12
_TICKS = 4
_LEGEND_TOP = 31.0  # pixels below the chart
_LEGEND_LINE = 14.0
_OVERHANG = 24.0
_MIB = 1024.0 * 1024.0


def timeseries(axes: Axes, panel: Json, reader: Reader, marks: Sequence[Mark]) -> None:
    """Draw lines, areas or bars over time."""
    looks, period = Looks(panel), reader.period.of_panel(panel)
    lines = [one for found in reader.panel(panel) for one in found]
    if not lines:
        say(axes, looks)
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
    time_axis(axes, period, marks)
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
