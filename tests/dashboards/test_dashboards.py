"""The dashboards as files: what the generator makes, what Grafana understands, what our metrics have."""

import itertools
import json
import re
from datetime import timedelta
from pathlib import Path

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry

from controller.exporter.caches import CacheCollector
from controller.exporter.canaries import CanaryCollector
from controller.exporter.process import ProcessExporter
from controller.exporter.queue import QueueExporter
from controller.exporter.rollouts import RolloutExporter
from hack.dashboards.__main__ import CHOICE, DASHBOARDS, DIRECTORY, text_of
from hack.dashboards.fill import fill
from tests.controller.core.builders import NOW

ROOT = Path(__file__).parents[2]
LOADED = {name: json.loads((DIRECTORY / f"{name}.json").read_text()) for name in DASHBOARDS}
TIMES = {"__interval": "1m", "__rate_interval": "1m", "__range": "1h"}
# What Grafana reads and its schema leaves out: the Prometheus data source's own part of variables and annotations.
NOT_IN_THE_SCHEMA = re.compile(
    r"/templating/list/\d+/definition|/annotations/list/\d+/(step|titleFormat|textFormat|useValueForTime)"
)
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in LOADED.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_file_is_what_the_generator_makes(name):
    made = text_of(name)
    assert (DIRECTORY / f"{name}.json").read_text() == made, "run: python -m hack.dashboards write"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafanas_schema_knows_every_field(name):
    register_default_plugins()
    understood = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(LOADED[name])))
    lost = [path for path in differences(LOADED[name], understood) if not NOT_IN_THE_SCHEMA.fullmatch(path)]
    assert lost == []


def differences(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from differences(value, theirs[key], f"{path}/{key}") if key in theirs else [f"{path}/{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}/{number}")
    elif ours != theirs:
        yield path


@pytest.mark.parametrize("panel", PANELS)
def test_panel_says_what_it_means_and_why_it_is_empty(panel):
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert [target["refId"] for target in panel["targets"]] == sorted({target["refId"] for target in panel["targets"]})


@pytest.mark.parametrize("panel", PANELS)
def test_queries_are_promql_once_the_variables_are_filled_in(panel):
    assert panel["targets"]
    for target in panel["targets"]:
        promql_parser.parse(fill(target["expr"], {**CHOICE, **TIMES}))


@pytest.mark.parametrize("panel", PANELS)
def test_overrides_meet_a_series_that_can_be_there(panel):
    legends = [target["legendFormat"] for target in panel["targets"]]
    names = [*legends, *re.findall(r'"[^"]*", "([^"]+)", "", ""', " ".join(t["expr"] for t in panel["targets"]))]
    for transformation in panel.get("transformations", ()):
        names += transformation["options"].get("indexByName", {})
        names += transformation["options"].get("renameByName", {}).values()
    dynamic = any("{{" in legend for legend in legends)
    for override in panel["fieldConfig"]["overrides"]:
        assert dynamic or override["matcher"]["options"] in names


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_neither_overlap_nor_leave_the_page(name):
    boxes = [panel["gridPos"] for panel in LOADED[name]["panels"]]
    cells = [set(itertools.product(range(b["x"], b["x"] + b["w"]), range(b["y"], b["y"] + b["h"]))) for b in boxes]
    assert len(set().union(*cells)) == sum(len(one) for one in cells)
    assert max(box["x"] + box["w"] for box in boxes) == 24
    assert len({panel["id"] for panel in LOADED[name]["panels"]}) == len(boxes)


def test_every_metric_of_ours_that_is_asked_for_is_exported():
    registry = CollectorRegistry()
    for exporter in (RolloutExporter, ProcessExporter, QueueExporter):
        exporter(registry)
    registry.register(CanaryCollector(list, default_interval=timedelta(), leads=lambda: True, now=lambda: NOW))
    registry.register(CacheCollector(list))
    families = {family.name for family in registry.collect()}
    exported = families | {f"{name}{suffix}" for name in families for suffix in ("_total", "_bucket")}
    asked = set(re.findall(r"\b(?:flagger|leader)_\w+", " ".join(json.dumps(one) for one in LOADED.values())))
    asked -= {"flagger_canary_analysis"}
    assert asked - exported == set()
    assert len(asked) > 20


def test_dashboards_find_each_other():
    assert {one["uid"] for one in LOADED.values()} == {"flagger-canary-analysis", "flagger-controller"}
    for one in LOADED.values():
        assert one["links"][0]["tags"][0] in one["tags"]
    assert f"/d/{LOADED['canary-analysis']['uid']}?" in json.dumps(LOADED["controller"])


def test_documentation_explains_every_panel():
    text = (ROOT / "docs" / "dashboards.md").read_text()
    titles = {re.sub("^(Primary|Canary): ", "", panel.values[0]["title"]) for panel in PANELS}
    assert [title for title in sorted(titles) if f"**{title}**" not in text] == []
