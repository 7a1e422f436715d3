"""Every example in the documentation can be used as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from controller.core.canary import CanarySpec
from controller.kinds import BUILT_IN
from hack.docs.__main__ import ROOT, pages
from hack.docs.markdown import blocks
from metrics import promql
from metrics.types import Target
from testbed.sandbox.api.kinds import from_crd
from testbed.sandbox.api.schema import problems

META = {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2018-10-10T12:00:00Z"}
HERE_DOCUMENT = re.compile(r"<<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


PAGES = [pytest.param(page, id=name(page)) for page in pages()]


def examples(page):
    """Yield every YAML document of a page, those in shell blocks included."""
    text = page.read_text()
    for block in blocks(text, "yaml"):
        yield from yaml.safe_load_all(block.text)
    for block in blocks(text, "sh"):
        for document in HERE_DOCUMENT.findall(block.text):
            yield from yaml.safe_load_all(document)


def canaries():
    return [
        pytest.param(example, id=f"{name(page)} {number}")
        for page in pages()
        for number, example in enumerate(examples(page))
        if isinstance(example, dict) and example.get("kind") == "Canary"
    ]


@pytest.fixture(scope="module")
def kind():
    return from_crd(yaml.safe_load((ROOT / "artifacts" / "flagger" / "crd.yaml").read_text()))


@pytest.mark.parametrize("page", PAGES)
def test_yaml_is_yaml(page):
    assert all(example for example in examples(page))


def test_there_are_canaries_to_look_at():
    assert len(canaries()) >= 3


@pytest.mark.parametrize("example", canaries())
def test_canary_is_accepted_by_schema_and_code(example, kind):
    assert list(problems(kind, "v1beta1", example, None)) == []
    metadata = {"namespace": "test", **example["metadata"], **META}
    assert isinstance(
        BUILT_IN.parse({**example, "metadata": metadata}).spec,
        CanarySpec,
    )


@pytest.mark.parametrize("example", canaries())
def test_canary_has_no_field_that_the_schema_does_not_know(example, kind):
    def unknown(value, schema, path):
        if isinstance(value, dict) and "properties" in schema:
            for key, item in value.items():
                if key not in schema["properties"]:
                    yield f"{path}.{key}"
                else:
                    yield from unknown(item, schema["properties"][key], f"{path}.{key}")
        elif isinstance(value, list) and "items" in schema:
            for item in value:
                yield from unknown(item, schema["items"], f"{path}[]")

    schema = kind.schemas["v1beta1"]["properties"]["spec"]
    assert list(unknown(example["spec"], schema, "spec")) == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_commands_name_are_there(page):
    for block in blocks(page.read_text(), "sh", "console"):
        for path in re.findall(r"\bartifacts/[\w./-]+", block.text):
            assert (ROOT / path).exists(), path


def test_role_for_a_single_namespace_allows_what_the_cluster_role_allows():
    (role,) = [e for e in examples(ROOT / "docs" / "security.md") if e["kind"] == "Role"]
    account = list(yaml.safe_load_all((ROOT / "artifacts" / "flagger" / "account.yaml").read_text()))
    wanted = [rule for obj in account if obj["kind"] in {"ClusterRole", "Role"} for rule in obj["rules"]]
    assert role["rules"] == wanted


def test_queries_on_the_page_are_those_that_are_asked():
    target = Target("test", "podinfo-canary")
    asked = {
        promql.success_rate(target, "1m"),
        promql.duration("istio_request_duration_milliseconds_bucket", target, "1m"),
    }
    shown = blocks((ROOT / "docs" / "how-it-works.md").read_text(), "promql")
    assert {re.sub(r"\s+", "", block.text) for block in shown} == {re.sub(r"\s+", "", query) for query in asked}


def printed_columns(page):
    """Yield the columns of every table of canaries that a page shows as kubectl prints it."""
    for block in blocks(page.read_text(), "console"):
        for line in block.text.splitlines():
            if re.match(r"NAME +STATE ", line):
                yield re.split(r" {2,}", line.strip())


@pytest.mark.parametrize("page", PAGES)
def test_tables_of_canaries_have_the_columns_of_the_definition(page):
    (version,) = yaml.safe_load((ROOT / "artifacts" / "flagger" / "crd.yaml").read_text())["spec"]["versions"]
    columns = version["additionalPrinterColumns"]
    narrow = ["NAME", *(column["name"].upper() for column in columns if not column.get("priority"))]
    wide = ["NAME", *(column["name"].upper() for column in columns)]
    assert [found for found in printed_columns(page) if found not in (narrow, wide)] == []
