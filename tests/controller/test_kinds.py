"""The table of kinds is what the definition of Canary allows."""

import re
from pathlib import Path

import yaml

from controller.kinds import BUILT_IN
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


def test_kind_that_a_cluster_may_lack_says_how_to_install_it():
    lacking = [BUILT_IN.canary, *(kind for kind in BUILT_IN.parts.values() if kind.discovered)]
    fixes = {kind.api.kind: kind.how_to_install for kind in lacking}
    assert fixes["HelmRelease"] == "Install the operator that defines HelmRelease."
    assert "istioctl" in fixes["VirtualService"]
    assert all((Path(__file__).parents[2] / fix.split()[-1]).is_file() for fix in fixes.values() if "kubectl" in fix)
