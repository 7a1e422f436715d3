"""One truth, several files: what can be compared without helm."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from controller import __version__
from controller.kinds import TAKEN
from deploy.taken import refusal
from informers.resources import ApiKind

ROOT = Path(__file__).parents[2]
CHARTS = ("flagger", "podinfo-flagger")
OWN_WORDS = {"global", "enabled"}  # of Helm's, when the chart is part of another one


def load(chart, name):
    return yaml.safe_load((ROOT / "charts" / chart / name).read_text())


WHOLE = {"resources", "podSecurityContext", "securityContext"}  # too long for a table, and one value each


def leaves(values, prefix=""):
    """Yield the path and the default of each value."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value and path not in WHOLE:
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def comments(chart):
    """Return the comment above each value of a chart, by its path."""
    found, above, path = {}, [], []
    for line in (ROOT / "charts" / chart / "values.yaml").read_text().splitlines():
        indent, sign, rest = re.fullmatch(r"( *)(# |)(.*)", line).groups()
        if sign:
            above.append(rest)
            continue
        key = re.match(r"\w+(?=:)", rest)
        if key:
            path = [*path[: len(indent) // 2], key[0]]
            found[".".join(path)] = " ".join(above)
        above = []
    return found


def test_definition_in_the_chart_is_that_of_the_manifests():
    copies = sorted((ROOT / "charts/flagger/crds").iterdir())
    assert [path.name for path in copies] == ["crd.yaml", "metrictemplates.yaml"]
    for path in copies:
        assert path.read_bytes() == (ROOT / "artifacts/flagger" / path.name).read_bytes()


@pytest.mark.parametrize("chart", CHARTS)
def test_version_of_a_chart_is_that_of_the_controller(chart):
    about = load(chart, "Chart.yaml")
    assert about["version"] == __version__
    assert chart != "flagger" or about["appVersion"] == __version__


@pytest.mark.parametrize("chart", CHARTS)
def test_schema_knows_every_value_and_no_other(chart):
    schema = json.loads((ROOT / "charts" / chart / "values.schema.json").read_text())

    def compare(values, part, path):
        while "$ref" in part:
            part = schema["definitions"][part["$ref"].rpartition("/")[2]]
        if "properties" not in part:
            return
        assert part["additionalProperties"] is False, path
        known = set(part["properties"]) - (OWN_WORDS if not path else set())
        assert known - {"claims"} == set(values), path
        for key, value in values.items():
            if isinstance(value, dict):
                compare(value, part["properties"][key], f"{path}.{key}")

    compare(load(chart, "values.yaml"), schema, "")


@pytest.mark.parametrize("chart", CHARTS)
def test_documentation_lists_every_value_with_its_default_and_its_comment(chart):
    text = (ROOT / "docs/install.md").read_text()
    (table,) = re.findall(rf"^### Values of `charts/{chart}`\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) ?\| (.+) \|$", table, re.MULTILINE)
    expected = []
    for path, value in leaves(load(chart, "values.yaml")):
        default = (
            "see `values.yaml`" if path in WHOLE else f"`{json.dumps(value)}`" if value not in ("", [], {}) else ""
        )
        expected.append((path, default, comments(chart)[path]))
    assert rows == expected


@pytest.mark.parametrize("directory", ["flagger", "namespaces", "rollouts", "workloads"])
def test_kustomization_has_every_manifest(directory):
    listed = yaml.safe_load((ROOT / "artifacts" / directory / "Kustomization").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in (ROOT / "artifacts" / directory).glob("*.yaml"))


def test_service_named_flagger_puts_nothing_into_the_environment():
    deployment = yaml.safe_load((ROOT / "artifacts/flagger/deployment.yaml").read_text())
    assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("group", "free"),
    [
        ("example.com", True),
        ("kafka.strimzi.io", True),
        ("flagger.app.example.com", True),
        ("not-k8s.io", True),
        ("leaderworkerset.x-k8s.io", True),
        ("apps", False),
        ("rbac.authorization.k8s.io", False),
        ("k8s.io", False),
        ("flagger.app", False),
    ],
)
def test_schema_of_the_chart_refuses_the_groups_that_the_controller_refuses(group, free):
    """The chart grants what it renders, whether or not the controller starts with it."""
    schema = {**load("flagger", "values.schema.json"), "required": []}
    entry = {"group": group, "versions": ["v1"], "plural": "widgets", "kind": "Widget"}
    assert jsonschema.Draft7Validator(schema).is_valid({"declaredKinds": [entry]}) is free
    assert (refusal(ApiKind(group, ("v1",), "widgets", "Widget"), (), TAKEN) is None) is free
