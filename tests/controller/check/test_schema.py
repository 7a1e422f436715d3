"""Whether the served schema is the one that this version knows."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from controller.check.schema import FIELDS, missing_fields
from controller.core.canary import CanaryStatus, CheckStatus, Condition, Obeyed, PastRollout, Stage, State
from controller.core.status_json import to_json
from tests.controller.core.builders import NOW

CRD = Path(__file__).parents[3] / "artifacts" / "flagger" / "crd.yaml"
GVK = {"group": "flagger.app", "version": "v1beta1", "kind": "Canary"}


def served(change=lambda _: None):
    """Return the OpenAPI document of our CRD, changed."""
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    change(schema["properties"])
    named = {"app.flagger.v1beta1.Canary": {**schema, "x-kubernetes-group-version-kind": [GVK]}}
    return {"components": {"schemas": {"Status": {}, **named}}}


def items_of(properties):
    return properties["spec"]["properties"]["canaryAnalysis"]["properties"]["metrics"]["items"]["properties"]


def test_fields_are_those_of_the_crd():
    properties = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    assert set(FIELDS["spec"]) == set(properties["spec"]["properties"])
    assert set(FIELDS["spec.canaryAnalysis"]) == set(properties["spec"]["properties"]["canaryAnalysis"]["properties"])
    assert set(FIELDS["spec.canaryAnalysis.metrics"]) == set(items_of(properties))
    assert set(FIELDS["status"]) == set(properties["status"]["properties"])


def test_fields_are_those_that_are_written():
    status = CanaryStatus(
        State.RUNNING,
        Stage.STARTING,
        *("1", 1, "uid", 1, 1, 1, 1, 1),
        *(NOW, NOW, NOW, NOW, NOW, 1),
        (Condition("Ready", "True", "", "", NOW),),
        (CheckStatus("a", "pass", 1.0, 1.0, "", NOW),),
        ("1",),
        Obeyed(abort="1"),
        version="1.0 → 1.1",
        reason="Progressing",
        message="the last round passed",
        next_check_time=NOW,
        history=(PastRollout("1.0", "1", NOW, NOW, "finished", "Promoted"),),
        fence_owed=True,
    )
    assert all(getattr(status, field.name) for field in fields(status))
    assert set(to_json(status)) == set(FIELDS["status"])


def test_verbs_that_are_noted_are_those_of_the_crd():
    properties = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    status = CanaryStatus(obeyed=Obeyed("1", "2", "3"))
    assert set(to_json(status)["obeyed"]) == set(properties["status"]["properties"]["obeyed"]["properties"])


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        pytest.param(lambda p: None, (), id="our own"),
        pytest.param(lambda p: p["status"]["properties"].pop("stage"), ("status.stage",), id="an older one"),
        pytest.param(
            lambda p: items_of(p).pop("protocol"), ("spec.canaryAnalysis.metrics.protocol",), id="one before gRPC"
        ),
        pytest.param(
            lambda p: p["spec"].update(properties={"targetRef": {}}),
            tuple(f"spec.{f}" for f in FIELDS["spec"])
            + tuple(f"spec.canaryAnalysis.{f}" for f in FIELDS["spec.canaryAnalysis"])
            + tuple(f"spec.canaryAnalysis.metrics.{f}" for f in FIELDS["spec.canaryAnalysis.metrics"]),
            id="another operator's",
        ),
        pytest.param(
            lambda p: p.update(status={"x-kubernetes-preserve-unknown-fields": True}), (), id="one that keeps all"
        ),
    ],
)
def test_what_a_schema_lacks(change, missing):
    assert missing_fields(served(change)) == missing


@pytest.mark.parametrize("document", [{}, {"components": None}, {"components": {"schemas": {"Other": {}}}}])
def test_document_that_does_not_describe_the_kind_says_nothing(document):
    assert missing_fields(document) == ()
