"""Pages that are made from the code are as the code is now."""

import re
from pathlib import Path

import pytest
import yaml

from controller.core.gates import (
    AT_REST,
    GATES,
    INVALID_SPEC,
    KINDS,
    OLDER_CANARY,
    PRIMARY_NOT_SERVING,
    TO_NOTHING,
    WRITE_REFUSED,
    Needs,
)
from controller.flags import COMMANDS, parse_options
from hack.docs.__main__ import generated, help_text
from hack.docs.api import CONDITIONS
from hack.docs.flags import commands, flags

ROOT = Path(__file__).parents[2]
CORE = ROOT / "controller" / "core"

OTHERS = (TO_NOTHING, PRIMARY_NOT_SERVING, WRITE_REFUSED)
"""Gates that stop no step."""


@pytest.fixture(scope="module")
def pages():
    return generated()


@pytest.mark.parametrize("name", ["api.md", "flags.md", "gates.md", "proofs.md"])
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
    for field in ("canaryAnalysis.metrics[].threshold", "virtualService.name", "checks[].verdict", "failedRevisions"):
        assert f"`{field}`" in page
    assert "duration(self) >= duration('1s')" in page


def test_reasons_of_conditions_are_those_of_the_code():
    code = "".join(path.read_text() for path in CORE.glob("*.py"))
    said = {gate.reason for gate in (*GATES, *AT_REST, *OTHERS) if gate.needs is not Needs.TIME}
    said |= set(re.findall(r"(?:PROMOTED|READY), \"\w+\", \"(\w+)\"", code))
    said |= set(re.findall(r"UNREADABLE = \"(\w+)\"", code))
    said |= set(re.findall(r"Cause\(\"(\w+)\", f?\"\w", code))
    assert said == {condition.reason for condition in CONDITIONS}


def test_commands_are_read_from_the_help_text(pages):
    assert commands(help_text()) == COMMANDS
    page = pages[ROOT / "docs" / "flags.md"]
    assert all(f"| [`{name}`](" in page for name in COMMANDS)


def test_flags_of_the_verbs_are_read_from_the_help_text(pages):
    found = {flag.name: flag for flag in flags(help_text("hold"))}
    assert set(found) == {"--help", "--namespace", "--reason", "--context", "--kubeconfig", "--master"}
    assert "| `--namespace NAMESPACE` |  | where it is; by default " in pages[ROOT / "docs" / "flags.md"]


@pytest.mark.parametrize("gate", [*GATES, *OTHERS], ids=lambda gate: gate.reason)
def test_reason_of_a_closed_gate_belongs_to_the_condition_that_shows_it(gate):
    shown = {(condition.type, condition.status) for condition in CONDITIONS if condition.reason == gate.reason}
    expected = {Needs.REPAIR: {("Ready", "False")}, Needs.DECISION: {("Promoted", "Unknown")}, Needs.TIME: set()}
    assert shown == expected[gate.needs]


def test_every_gate_is_a_row_of_the_page_in_the_order_in_which_they_are_asked(pages):
    page = pages[ROOT / "docs" / "gates.md"]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", page, re.MULTILINE)
    assert [(reason, asks) for reason, asks, _ in rows] == [(gate.reason, gate.asks) for gate in (*GATES, *OTHERS)]
    unchecked = {reason for reason, _, goes_on in rows if goes_on == "nothing is checked"}
    assert unchecked == {gate.reason for gate in (INVALID_SPEC, OLDER_CANARY, *KINDS)}


def test_flags_are_read_from_the_help_text():
    found = {flag.name: flag for flag in flags(help_text())}
    assert found["--port"].default == "8080"
    assert found["--control-loop-interval"].variable == "FLAGGER_CONTROL_LOOP_INTERVAL"
    assert found["--metrics-server"].value == "URL"
    assert parse_options([], {"FLAGGER_WORKERS": "7"}).workers == 7
    assert found["--workers"].variable == "FLAGGER_WORKERS"
