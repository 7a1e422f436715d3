"""The image, built without an engine: every command of the Dockerfile, then its entry point as its user."""

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from controller import __version__
from hack.image.build import build, command_of
from hack.image.dockerfile import read
from testbed.cluster.control_plane import free_port
from testbed.processes import Process
from tests.e2e import environments
from tests.e2e.stage import Stage
from tests.invariants.record import Recorder

ROOT = Path(__file__).parents[2]
STAGES = read((ROOT / "Dockerfile").read_text())
LAST = STAGES[""]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    assert os.geteuid() == 0, "mounting needs root"
    directory = tmp_path_factory.mktemp("image")
    for parent in (directory, *directory.parents):  # pytest keeps others out, and the image's user is one of them
        if parent.owner() == "root" and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    try:
        return build(STAGES, ROOT, directory)
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{error.cmd[-1]}\n{error.output}")


def printed_by_python(root, code):
    """Return what Python prints in the image, line by line."""
    python = replace(LAST, entrypoint=("python3", "-c", code))
    done = subprocess.run(command_of(python, root, []), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_promotes_a_canary_as_nobody_on_a_read_only_file_system(root, tmp_path):
    with environments.sandbox(tmp_path) as environment:
        stage = Stage(environment, Recorder("test", now=time.monotonic), tmp_path)
        stage.add_workloads()
        port = free_port()
        kubeconfig = environment.kubeconfig("test").read_text()
        (root / "kubeconfig").write_text(kubeconfig)
        flags = ["--kubeconfig=/kubeconfig", f"--metrics-server={environment.prometheus_url}", f"--port={port}"]
        command = command_of(LAST, root, [*flags, "--control-loop-interval=2s"])
        with Process("flagger", command, tmp_path / "flagger.log") as process:
            process.wait_for_lines(2)
            stage.until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == httpx.codes.OK)
            stage.add_canary(stepWeight=50)
            stage.until_state("finished")
            status = Path(f"/proc/{process.pid}/status").read_text()
            mounts = Path(f"/proc/{process.pid}/mounts").read_text()
            assert process.stop() == 0
        assert stage.image("podinfo") == "1.2.1"
        assert "\nUid:\t65532\t65532\t65532\t65532\n" in status
        assert "\nGid:\t65532\t65532\t65532\t65532\n" in status
        assert "\nCapEff:\t0000000000000000\n" in status
        assert "\nNoNewPrivs:\t1\n" in status
        at_root = [line.split() for line in mounts.splitlines() if line.split()[1] == "/"]
        assert [line[3].split(",")[0] for line in at_root] == ["ro"]


COMPILED = """
import sys, controller.program
for module in sys.modules.values():
    print(getattr(module, "__cached__", None))
"""
WRITING = """
import errno, pathlib
try:
    pathlib.Path("/app/x").touch()
except OSError as error:
    print(errno.errorcode[error.errno])
"""
EXEC = """
import subprocess
print(subprocess.check_output(["flagger", "--version"], text=True))
"""


def test_everything_that_is_imported_has_been_compiled(root):  # contract P13
    compiled = [path for path in printed_by_python(root, COMPILED) if path.startswith("/app/")]
    assert len(compiled) > 100
    assert [path for path in compiled if not (root / path.lstrip("/")).is_file()] == []


def test_nothing_can_be_written(root):
    assert printed_by_python(root, WRITING) == ["EROFS"]


def test_command_is_there_for_exec(root):
    assert printed_by_python(root, EXEC)[0] == f"flagger {__version__}"


def test_holds_no_pip_and_no_tests(root):
    assert [path.name for path in (root / "app").iterdir() if path.name in {"pip", "setuptools", "tests", "hack"}] == []
    assert [path.name for path in (root / "app/bin").iterdir()] == ["flagger"]
    megabytes = sum(path.stat().st_size for path in (root / "app").rglob("*") if path.is_file()) / 1e6
    assert megabytes < 25  # a third of it is Rich, for the commands that people exec into the pod
