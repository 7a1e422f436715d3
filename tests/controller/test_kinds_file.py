"""The file of ``--kinds``: what is wrong with it ends the process with one sentence."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from controller.command_line import UsageError
from controller.flags import parse_options
from controller.kinds import BUILT_IN
from controller.program import EXIT_USAGE
from deploy.registry import CODED, WORKLOADS
from tests.deploy.declared import WIDGET

ENTRY = {
    "group": "example.com",
    "versions": ["v1", "v1beta1"],
    "plural": "widgets",
    "kind": "Widget",
    "fields": ["spec.image", "spec.settings"],
    "identity": ["spec.settings.name"],
    "paused": "spec.hold",
    "conditions": ["Ready"],
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kinds.yaml"


def refused(file):
    with pytest.raises(UsageError) as error:
        parse_options([f"--kinds={file}"], {})
    return str(error.value)


def test_file_declares_kinds(file):
    file.write_text(yaml.safe_dump([ENTRY]))
    assert parse_options([f"--kinds={file}"], {}).declared == (WIDGET,)
    assert parse_options([], {"FLAGGER_KINDS": str(file)}).declared == (WIDGET,)
    assert parse_options([], {}).declared == ()


def test_declared_kind_of_ours_may_be_declared_otherwise_and_a_coded_one_may_not(file):
    file.write_text(yaml.safe_dump([{**ENTRY, "kind": "HelmRelease"}]))
    (declared,) = parse_options([f"--kinds={file}"], {}).declared
    assert declared.api.kind == "HelmRelease"
    for kind in CODED:
        file.write_text(yaml.safe_dump([{**ENTRY, "kind": kind}]))
        assert f"entry 1 ({kind}): kind {kind} is built in, remove the entry" in refused(file)


@pytest.mark.parametrize("kind", ["Canary", *sorted(BUILT_IN.parts.keys() - WORKLOADS.keys())])
def test_what_canaries_are_made_of_may_not_be_declared(file, kind):
    file.write_text(yaml.safe_dump([{**ENTRY, "kind": kind}]))
    assert f"entry 1 ({kind}): kind {kind} is what canaries are made of, remove the entry" in refused(file)


@pytest.mark.parametrize("plural", ["canaries", *sorted(kind.api.plural for kind in BUILT_IN.parts.values())])
def test_plural_of_ours_may_not_be_that_of_another_kind(file, plural):
    file.write_text(yaml.safe_dump([{**ENTRY, "plural": plural}]))
    assert f"entry 1 (Widget): plural {plural} is that of kind " in refused(file)


def test_file_that_is_too_large_is_refused_and_not_cut(file):
    declared = yaml.safe_dump([ENTRY])
    file.write_text(declared + "#" * (1_000_000 - len(declared)))
    assert parse_options([f"--kinds={file}"], {}).declared == (WIDGET,)
    file.write_text(file.read_text() + "#")
    assert "it holds more than 1000000 bytes" in refused(file)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "it must hold a list of kinds", id="empty"),
        pytest.param(b"kinds: []", "it must hold a list of kinds", id="no list"),
        pytest.param(b"[{", "is not YAML", id="no YAML"),
        pytest.param(b"\xff\xfe\x00", "kinds.yaml'", id="no text"),
        pytest.param(b"[" * 100_000, "is not YAML", id="too deep"),
        pytest.param(b"!!int ''", "is not YAML", id="a number without digits"),
        pytest.param(b"!!bool maybe", "is not YAML", id="a switch that is neither on nor off"),
        pytest.param(b"!!timestamp soon", "is not YAML", id="a time that is none"),
        pytest.param(b"- kind: Widget\n", "entry 1 (Widget): group must be an API group", id="a wrong field"),
    ],
)
def test_file_that_cannot_be_used_is_named_with_the_reason(file, content, what):
    file.write_bytes(content)
    said = refused(file)
    assert said.startswith(f"argument --kinds: '{file}'")
    assert what in said


def test_file_that_is_missing_is_named(file):
    assert refused(file) == f"argument --kinds: '{file}': No such file or directory; see flagger --help"
    assert "argument --kinds: 'a\\x00b': embedded null byte" in refused("a\0b")


@pytest.mark.parametrize("command", [(), ("check",)])
def test_bad_file_ends_the_process_with_2(file, command):
    file.write_text(yaml.safe_dump([{**ENTRY, "fields": ["status.x"]}]))
    arguments = [sys.executable, "-m", "controller", *command, f"--kinds={file}"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == EXIT_USAGE
    said = "entry 1 (Widget): fields[0] must be a path below spec, such as spec.image, not 'status.x'"
    assert said in done.stderr


PAGE = Path(__file__).parents[2] / "docs" / "other-kinds.md"


def test_examples_of_the_docs_are_right_and_the_mistake_is_told_so(file):
    page = PAGE.read_text()
    examples = re.findall(r"```yaml\n(declaredKinds:.*?)```", page, re.DOTALL)
    for text, kind in zip(examples, ("Function", "Widget"), strict=True):
        example = yaml.safe_load(text)["declaredKinds"]
        file.write_text(yaml.safe_dump(example))
        assert [declared.api.kind for declared in parse_options([f"--kinds={file}"], {}).declared] == [kind]
    file.write_text(yaml.safe_dump([{**example[0], "fields": ["image"]}]))
    assert refused(file).replace(str(file), file.name) in page
