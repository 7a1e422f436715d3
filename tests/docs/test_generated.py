"""Pages that are made from the code are as the code is now."""

import re
from pathlib import Path

import pytest
import yaml

from controller.core.steps import PROMOTED
from controller.flags import parse_options
from hack.docs.__main__ import generated, help_text
from hack.docs.api import CONDITIONS
from hack.docs.flags import flags

ROOT = Path(__file__).parents[2]
CORE = ROOT / "controller" / "core"


@pytest.fixture(scope="module")
def pages():
    return generated()


@pytest.mark.parametrize("name", ["api.md", "flags.md"])
def test_page_is_as_the_code_is_now(name, pages):
    path = ROOT / "docs" / name
    assert path.read_text() == pages[path], "run: python -m hack.docs"


def described(schema, path="spec"):
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from described(field, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], f"{path}[]")


def test_every_field_of_the_canary_object_is_described():
    crd = yaml.safe_load((ROOT / "artifacts" / "flagger" / "crd.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    bare = [path for path, field in described(schema, "canary") if not field.get("description")]
    assert bare == []


def test_every_field_stands_on_the_page(pages):
    page = pages[ROOT / "docs" / "api.md"]
    for field in ("canaryAnalysis.metrics[].threshold", "virtualService.name", "checks[].verdict", "canaryUID"):
        assert f"`{field}`" in page
    assert "duration(self) >= duration('1s')" in page


def test_reasons_of_conditions_are_those_of_the_code():
    code = "".join(path.read_text() for path in CORE.glob("*.py"))
    said = set(re.findall(r"Obstacle\(\s*\"(\w+)\"", code))  # reasons of Ready
    said |= set(re.findall(r"(?:PROMOTED|READY), \"\w+\", \"(\w+)\"", code))
    said |= set(re.findall(r"_ended\(\s*[\w.]+, State\.\w+, \"(\w+)\"", code)) | {PROMOTED}
    said |= set(re.findall(r"Cause\(\"(\w+)\", f?\"\w", code))
    assert said == {condition.reason for condition in CONDITIONS}


def test_flags_are_read_from_the_help_text():
    found = {flag.name: flag for flag in flags(help_text())}
    assert found["--port"].default == "8080"
    assert found["--control-loop-interval"].variable == "FLAGGER_CONTROL_LOOP_INTERVAL"
    assert found["--metrics-server"].value == "URL"
    assert parse_options([], {"FLAGGER_WORKERS": "7"}).workers == 7
    assert found["--workers"].variable == "FLAGGER_WORKERS"
