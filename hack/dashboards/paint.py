"""What all panels are drawn with: colours, the axis of time with its marks, and the words of an empty panel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from matplotlib.axes import Axes

from hack.dashboards.looks import Looks
from hack.dashboards.reading import Period

GRID = "#2A2D33"
FAINT = "#8E8E8E"
DARK = "#111217"
_TICKS = 4
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation."""

    time: float
    colour: str


def time_axis(axes: Axes, period: Period, marks: Sequence[Mark]) -> None:
    """Draw the axis of time, a grid, and the marks."""
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


def say(axes: Axes, looks: Looks) -> None:
    """Write what an empty panel says."""
    text = looks.defaults.get("noValue", "No data")
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=13, color=FAINT)
