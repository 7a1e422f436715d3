"""Draw a dashboard as a picture: panels where ``gridPos`` puts them, in Grafana's dark colours, by matplotlib."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hack.dashboards import charts, lines
from hack.dashboards.looks import TEXT
from hack.dashboards.paint import Mark
from hack.dashboards.reading import Reader

Json = dict[str, Any]

CANVAS = "#111217"
PANEL = "#181B1F"
BORDER = "#2A2D33"
COLUMN, LINE, GAP, DPI = 62.0, 38.0, 8.0, 100  # pixels, as in a browser window of 1,500
MARGIN = 28.0
COLUMNS = 24
_DRAW = {
    "timeseries": lines.timeseries,
    "stat": charts.stat,
    "state-timeline": charts.state_timeline,
    "bargauge": charts.bar_gauge,
    "table": charts.table,
}
_INSIDE = {  # left, right, top, bottom of what is drawn in a panel, in pixels
    "timeseries": (64, 12, 34, 60),
    "state-timeline": (104, 12, 34, 26),
    "stat": (8, 8, 30, 8),
    "bargauge": (12, 12, 34, 10),
    "table": (12, 12, 34, 8),
}


def sections(dashboard: Json) -> list[list[Json]]:
    """Return the panels between two headings, heading included: each section is a picture."""
    found: list[list[Json]] = [[]]
    for panel in dashboard["panels"]:
        if panel["type"] == "row" and found[-1]:
            found.append([])
        found[-1].append(panel)
    return found


def draw(title: str, panels: Sequence[Json], marks: Sequence[Mark], reader: Reader, path: Path) -> None:
    """Draw panels into a PNG."""
    top = min(panel["gridPos"]["y"] for panel in panels)
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    width, height = COLUMNS * COLUMN + GAP, (bottom - top) * LINE + 2 * MARGIN + GAP
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8, "text.color": TEXT, "axes.labelcolor": TEXT})
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=CANVAS)
    page = _axes(figure, (0, 0, width, height), (width, height))
    page.set_xlim(0, width)
    page.set_ylim(height, 0)
    day = datetime.fromtimestamp(reader.period.end, UTC).strftime("%d %b %Y, %H:%M UTC")
    page.text(GAP, MARGIN / 2, title, va="center", fontsize=11, weight="bold")
    page.text(width - GAP, MARGIN / 2, day, va="center", ha="right", fontsize=8, color="#8E8E8E")
    note = "Drawn from a real Prometheus by hack/dashboards of flagger-py; in Grafana it looks a little different."
    page.text(GAP, height - MARGIN / 2, note, va="center", fontsize=7, color="#8E8E8E")
    for panel in panels:
        grid = panel["gridPos"]
        x, y = GAP + grid["x"] * COLUMN, MARGIN + (grid["y"] - top) * LINE
        w, h = grid["w"] * COLUMN - GAP, grid["h"] * LINE - GAP
        if panel["type"] == "row":
            page.text(x, y + h / 2, f"▾ {panel['title']}", va="center", fontsize=10, weight="bold")
            continue
        page.add_patch(Rectangle((x, y), w, h, facecolor=PANEL, edgecolor=BORDER, linewidth=0.8))
        page.text(x + 10, y + 15, panel["title"], va="center", fontsize=8.5, weight="bold")
        left, right, above, below = _INSIDE[panel["type"]]
        box = (x + left, y + above, w - left - right, h - above - below)
        _DRAW[panel["type"]](_axes(figure, box, (width, height)), panel, reader, marks)
    figure.savefig(path, facecolor=CANVAS)


def _axes(figure: Figure, box: tuple[float, float, float, float], size: tuple[float, float]) -> Axes:
    """Return axes in a box of pixels: left, top, width, height."""
    x, y, w, h = box
    width, height = size
    axes = figure.add_axes((x / width, 1 - (y + h) / height, w / width, h / height))
    axes.axis("off")
    return axes
