"""Make and draw the dashboards.

``write`` makes the chart's JSON anew. ``render`` draws one from a Prometheus. ``pictures``, under
``python -m hack.cluster --``, plays a story and draws all of them for the documentation.
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
from hack.dashboards.paint import Mark
from hack.dashboards.reading import Period, QueryError, Reader
from hack.dashboards.story import NAMESPACE, tell
from hack.demo.acts import CANARY
from hack.processes import ProcessError

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "charts" / "grafana" / "dashboards"
DASHBOARDS: Mapping[str, Callable[[], Json]] = MappingProxyType(
    {"canary-analysis": canary_analysis.build, "controller": controller.build}
)
CHOICE: Mapping[str, str] = MappingProxyType(
    {"namespace": NAMESPACE, "object": "podinfo", "primary": "podinfo", "canary": CANARY, "job": "flagger"}
)
_MINUTE = 60
_POINTS = 300  # across the whole width: one for every five pixels


def text_of(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(DASHBOARDS[name](), indent=2) + "\n"


def write() -> None:
    """Write every dashboard."""
    for name in DASHBOARDS:
        path = DIRECTORY / f"{name}.json"
        path.write_text(text_of(name))
        print(path)


def render(name: str, reader: Reader, directory: Path) -> None:
    """Draw a dashboard, a picture for each section; QueryError if Prometheus refuses a query."""
    directory.mkdir(parents=True, exist_ok=True)
    dashboard = json.loads((DIRECTORY / f"{name}.json").read_text())
    marks = [
        Mark(when, annotation["iconColor"])
        for annotation in dashboard["annotations"]["list"]
        for when in reader.marks(annotation)
    ]
    for number, panels in enumerate(drawing.sections(dashboard), start=1):
        path = directory / f"{name}-{number}.png"
        drawing.draw(dashboard["title"], panels, marks, reader, path)
        print(f"{path}: {path.stat().st_size // 1024} kB")


def pictures(directory: Path) -> None:
    """Play the story on the control plane that CLUSTER names, and draw every dashboard from it."""
    places = json.loads(Path(os.environ["CLUSTER"]).read_text())
    told = tell(places, Path(places["directory"]) / "story", print)
    seconds = math.ceil((told.end - told.start) / _MINUTE) * _MINUTE  # so that the last bar of a minute is whole
    period = Period(told.end - seconds, told.end, max(1.0, seconds / _POINTS), scrape_interval=1.0)
    with Reader(places["prometheus"], period, CHOICE) as reader:
        for name in DASHBOARDS:
            render(name, reader, directory)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0, or 1 with a message."""
    options = _options(arguments)
    try:
        match options.command:
            case "write":
                write()
            case "pictures":
                pictures(options.out)
            case _:
                with Reader(options.prometheus, _period(options), {**CHOICE, **dict(options.set)}) as reader:
                    render(options.dashboard, reader, options.out)
    except (ProcessError, QueryError, LookupError, httpx.HTTPError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def _period(options: argparse.Namespace) -> Period:
    end = options.end or time.time()  # noqa: TID251  # Prometheus knows no other clock
    seconds = options.minutes * 60
    return Period(end - seconds, end, max(1.0, seconds / _POINTS), options.scrape_interval)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hack.dashboards", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="make charts/grafana/dashboards anew")
    one = commands.add_parser("render", help="draw a dashboard from a Prometheus")
    one.add_argument("dashboard", choices=list(DASHBOARDS))
    one.add_argument("--prometheus", required=True, metavar="URL")
    one.add_argument("--minutes", type=float, default=15.0, help="length of the period (15)")
    one.add_argument("--end", type=float, help="end of the period, in seconds since the epoch (now)")
    one.add_argument("--scrape-interval", type=float, default=15.0, metavar="SECONDS", help="of that Prometheus (15)")
    one.add_argument("--set", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="choose a variable")
    story = commands.add_parser("pictures", help="play a story on a control plane and draw everything")
    for command in (one, story):
        command.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="directory (docs/images)")
    return parser.parse_args(arguments)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE, namespace=test for example")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
