"""The table of kinds is what the definition of Canary allows."""

import re
from pathlib import Path

import yaml

from deploy.registry import WORKLOADS
from router.registry import ROUTES

CRD = Path(__file__).parents[2] / "artifacts/flagger/crd.yaml"


def spec_schema():
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def test_definition_takes_any_kind_for_one_may_be_declared():
    schema = spec_schema()["targetKind"]
    assert all(re.fullmatch(schema["pattern"], kind) for kind in (*WORKLOADS, "Widget"))
    assert not re.fullmatch(schema["pattern"], "widgets")
    assert schema["default"] in WORKLOADS


def test_kinds_of_routes_in_the_definition_are_those_that_there_are():
    assert spec_schema()["routeRef"]["properties"]["kind"]["enum"] == list(ROUTES)
