"""The Dockerfile, its requirements and the manifests agree, as far as reading them can tell."""

import configparser
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from controller import __version__
from hack.image.dockerfile import Copy, DockerfileError, Run, read

ROOT = Path(__file__).parents[2]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
REQUIREMENTS = (ROOT / "requirements.txt").read_text()


def pins():
    """Return name → (version, hashes)."""
    found = re.findall(r"^([\w.-]+)==(\S+)((?: \\\n +--hash=\S+)*)", REQUIREMENTS, re.MULTILINE)
    return {name: (version, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", hashes)) for name, version, hashes in found}


def test_requirements_satisfy_setup_cfg():
    wanted = [Requirement(line) for line in SETUP["options"]["install_requires"].split("\n") if line]
    assert len(wanted) == 8
    versions = {name: version for name, (version, _) in pins().items()}
    assert [str(want) for want in wanted if not want.specifier.contains(versions[want.name.lower()])] == []


def test_every_requirement_is_pinned_with_a_hash_and_nothing_else_is_said():
    assert all(hashes for _, hashes in pins().values())
    lines = [line for line in REQUIREMENTS.splitlines() if not line.strip().startswith(("#", "--hash="))]
    assert sorted(line.partition("==")[0] for line in lines) == sorted(pins())
    assert "://" not in REQUIREMENTS


def test_every_package_is_copied_and_let_through_to_the_builder():
    (build, _) = read(DOCKERFILE).values()
    copied = {step.source for step in build.steps if isinstance(step, Copy)}
    packages = {name.partition(".")[0] for name in SETUP["options"]["packages"].split()}
    assert copied == packages | {"requirements.txt", "hack/image/flagger"}
    allowed = re.findall(r"^!(.*)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(allowed) == copied


def test_image_and_deployment_agree():
    (*_, last) = read(DOCKERFILE).values()
    (deployment,) = yaml.safe_load_all((ROOT / "artifacts/flagger/deployment.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"flagger-py:{__version__}"
    assert "command" not in container  # the arguments go to the image's entry point
    assert last.user == f"{pod['securityContext']['runAsUser']}:65532"
    assert f'org.opencontainers.image.version="{__version__}"' in DOCKERFILE
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in DOCKERFILE


def test_base_images_can_be_named_by_digest():
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BUILD_IMAGE}", "${RUNTIME_IMAGE}"]
    assert "FROM python" not in DOCKERFILE


def test_reader_joins_lines_and_keeps_the_stages_apart():
    text = 'FROM a AS one\nWORKDIR /w\n# no\nRUN x \\\n  y\nFROM b\nENV A=1 \\\n  B="2 3"\nCOPY --from=one /w /v\n'
    one, last = read(text).values()
    assert one.steps == [Run("x   y", "/w")]
    assert last.environ == {"A": "1", "B": "2 3"}
    assert last.steps == [Copy("one", "/w", "/v")]


@pytest.mark.parametrize("line", ["ADD a /b", "COPY a b", "COPY a b /c", "SHELL x"])
def test_reader_refuses_what_it_does_not_understand(line):
    with pytest.raises(DockerfileError, match="not understood"):
        read(f"FROM a\n{line}\n")
