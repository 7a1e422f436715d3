"""Which series of a panel looks how: Grafana's defaults, overrides, mappings and thresholds, as far as we use them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

PALETTE = ("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0", "#37872D", "#FADE2A")
"""Colours of series that have none of their own."""

TEXT = "#CCCCDC"


@dataclass(frozen=True, slots=True)
class Word:
    """What a value is shown as."""

    text: str
    colour: str


class Looks:
    """The look of the series of one panel."""

    def __init__(self, panel: Json) -> None:
        """Take the panel."""
        self._config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
        self.defaults: Json = self._config["defaults"]

    def of(self, name: str) -> Json:
        """Return the properties of a series or column: the defaults and what overrides them, flat."""
        custom = {f"custom.{key}": value for key, value in self.defaults.get("custom", {}).items()}
        found: Json = {**self.defaults, **custom}
        for override in self._config["overrides"]:
            if _matches(override["matcher"], name):
                found |= {one["id"]: one["value"] for one in override["properties"]}
        return found

    def colours(self, names: Sequence[str]) -> dict[str, str]:
        """Return the colour of each series."""
        rest = iter(PALETTE * (1 + len(names) // len(PALETTE)))
        found = {}
        for name in names:
            colour = self.of(name).get("color", {})
            found[name] = colour["fixedColor"] if colour.get("mode") == "fixed" else next(rest)
        return found

    def word(self, name: str, value: float) -> Word | None:
        """Return what the mappings make of a value, if anything."""
        for mapping in self.of(name).get("mappings", ()):
            option = mapping["options"].get(f"{value:g}")
            if option:
                return Word(option["text"], option["color"])
        return None

    def threshold_colour(self, value: float) -> str:
        """Return the colour of the highest threshold that a value reaches."""
        steps: Sequence[Mapping[str, Any]] = self.defaults.get("thresholds", {}).get("steps", ())
        reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
        return TEXT if not reached or reached[-1] == "text" else reached[-1]


def _matches(matcher: Mapping[str, str], name: str) -> bool:
    wanted = matcher["options"]
    if matcher["id"] == "byRegexp":
        return re.search(wanted.strip("/"), name) is not None
    return wanted == name
