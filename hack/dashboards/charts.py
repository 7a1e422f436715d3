"""One panel each, drawn into axes of matplotlib. An empty one says what its ``noValue`` says, as in Grafana."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hack.dashboards.looks import TEXT, Looks, Word
from hack.dashboards.paint import DARK, FAINT, GRID, Mark, say, time_axis
from hack.dashboards.reading import Period, Reader, Series
from hack.dashboards.units import with_unit

Json = dict[str, Any]

_LETTER = 7.0  # pixels, generously


def stat(axes: Axes, panel: Json, reader: Reader, _marks: Sequence[Mark]) -> None:
    """Draw one big number or word."""
    looks = Looks(panel)
    found = [one for series in reader.panel(panel) for one in series]
    if not found:
        say(axes, looks)
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
        say(axes, looks)
        return
    time_axis(axes, period, marks)
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
        say(axes, looks)
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
        say(axes, looks)
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
