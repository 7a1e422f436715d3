"""``python -m hack.dashboards write``: make the JSON of the chart anew. ``render``: draw a dashboard from a Prometheus."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from hack.dashboards import canary_analysis, controller
from hack.dashboards.model import Json

DIRECTORY = Path(__file__).parents[2] / "charts" / "grafana" / "dashboards"
DASHBOARDS: Mapping[str, Callable[[], Json]] = MappingProxyType(
    {"canary-analysis": canary_analysis.build, "controller": controller.build}
)


def text_of(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(DASHBOARDS[name](), indent=2) + "\n"


def main() -> int:
    """Return 0, or 1 with a message."""
    parser = argparse.ArgumentParser(prog="python -m hack.dashboards", description=__doc__)
    parser.add_argument("what", choices=["write"])
    parser.parse_args()
    for name in DASHBOARDS:
        path = DIRECTORY / f"{name}.json"
        path.write_text(text_of(name))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
