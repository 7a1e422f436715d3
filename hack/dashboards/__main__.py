"""Make and draw the dashboards.

``write`` makes the chart's JSON anew. ``draw`` draws it from a Prometheus. ``pictures``, under
``python -m testbed.cluster --``, plays a story and draws it for the documentation.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import httpx

from hack.dashboards import canary_analysis, controller, drawing
from hack.dashboards.page import Json
from hack.dashboards.reading import Period, QueryError, Reader
from hack.dashboards.story import NAMESPACE, tell
from hack.demo.acts import CANARY
from testbed.processes import ProcessError

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "charts" / "grafana" / "dashboards"
IMAGES = ROOT / "docs" / "images"
DASHBOARDS: Mapping[str, Callable[[], Json]] = MappingProxyType(
    {"canary-analysis": canary_analysis.build, "controller": controller.build}
)
CHOICE: Mapping[str, str] = MappingProxyType(
    {"namespace": NAMESPACE, "object": "podinfo", "primary": "podinfo", "canary": CANARY, "job": "flagger"}
)
SCRAPE_SECONDS = 1.0
_MINUTE = 60
_POINTS = 200  # across the whole width


def text_of(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(DASHBOARDS[name](), indent=2) + "\n"


def write() -> None:
    """Write every dashboard."""
    for name in DASHBOARDS:
        path = DIRECTORY / f"{name}.json"
        path.write_text(text_of(name))
        print(path)


def draw(prometheus: str, end: float, minutes: int, directory: Path) -> None:
    """Draw every dashboard, a picture for each section; QueryError if Prometheus refuses a query."""
    seconds = minutes * _MINUTE
    period = Period(end - seconds, end, max(1.0, seconds / _POINTS), SCRAPE_SECONDS)
    with Reader(prometheus, period, CHOICE) as reader:
        for name, build in DASHBOARDS.items():
            dashboard = build()
            annotations = dashboard["annotations"]["list"]
            marks = {when: one["iconColor"] for one in annotations for when in reader.marks(one)}
            for number, panels in enumerate(drawing.sections(dashboard), start=1):
                path = directory / f"{name}-{number}.svg"
                path.write_text(drawing.draw(panels, marks, reader))
                print(f"{path}: {path.stat().st_size // 1024} kB")


def pictures() -> None:
    """Play the story on the control plane that CLUSTER names, and draw every dashboard from it."""
    places = json.loads(Path(os.environ["CLUSTER"]).read_text())
    told = tell(places, Path(places["directory"]) / "story", print)
    draw(places["prometheus"], told.end, math.ceil((told.end - told.start) / _MINUTE), IMAGES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0, or 1 with a message."""
    options = _options(arguments)
    try:
        match options.command:
            case "write":
                write()
            case "pictures":
                pictures()
            case _:
                draw(options.prometheus, options.end, options.minutes, options.out)
    except (ProcessError, QueryError, LookupError, httpx.HTTPError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hack.dashboards", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="make charts/grafana/dashboards anew")
    commands.add_parser("pictures", help="play a story on a control plane and draw it")
    one = commands.add_parser("draw", help="draw the dashboards from a Prometheus that scrapes every second")
    one.add_argument("prometheus", metavar="URL")
    one.add_argument("--minutes", type=int, default=6, help="length of the period (6)")
    now = time.time()  # noqa: TID251  # Prometheus knows no other clock
    one.add_argument("--end", type=float, default=now, help="end of the period, in seconds since the epoch (now)")
    one.add_argument("--out", type=Path, default=IMAGES, help="directory (docs/images)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
