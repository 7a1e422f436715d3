"""Where there can be no mesh: one line says what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hack.mesh import namespaces
from hack.processes import pause

ROOT = Path(__file__).parents[2]
NEEDED = ("ip", "nsenter", "mount", "curl", "unshare")
FORBIDDEN = "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n"
ALLOWED = "#!/bin/sh\nexit 0\n"
UNSHARE = '#!/bin/sh\necho $$ > "${0%/*}/pid"\nsleep 20 &\nwait\n'
ENTER = "import sys; from pathlib import Path; from hack.mesh.namespaces import enter; enter([], Path(sys.argv[1]))"


def until(holds):
    """Wait until something holds, for less time than what runs inside would take by itself."""
    for _ in range(200):
        if holds():
            return
        pause(0.05)
    raise AssertionError("not within ten seconds")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A machine of Linux with these programs and no others; all of them succeed."""
    for name in NEEDED:
        path = tmp_path / name
        path.write_text(ALLOWED)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_machine_with_namespaces_has_no_problem(programs):
    assert namespaces.problem() is None


def test_other_systems_are_told_what_to_take(programs, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in namespaces.problem()
    assert "make cluster" in namespaces.problem()


@pytest.mark.parametrize("name", NEEDED)
def test_missing_program_is_named(programs, name):
    (programs / name).unlink()
    assert namespaces.problem() == f"make mesh needs {name}: install iproute2, util-linux and curl"


def test_forbidden_namespaces_are_told_in_one_line(programs):
    (programs / "unshare").write_text(FORBIDDEN)
    problem = namespaces.problem()
    assert "Operation not permitted" in problem
    assert "sudo" in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("options", "code", "said"), [([], 1, "FAILED: "), (["--optional"], 0, "Skipped: ")], ids=["asked for", "optional"]
)
def test_command_fails_or_leaves_it_at_a_line(programs, options, code, said):
    (programs / "unshare").write_text(FORBIDDEN)
    command = [sys.executable, "-m", "hack.mesh", *options, "--", "false"]
    environ = {name: text for name, text in os.environ.items() if name != namespaces.WITHIN}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith(f"{said}this machine lets nobody make namespaces")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name)
def test_what_runs_inside_ends_with_the_command(tmp_path, number):
    (tmp_path / "unshare").write_text(UNSHARE)
    (tmp_path / "unshare").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-c", ENTER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PATH": path}) as process:
        until((tmp_path / "shell").exists)
        inside = int((tmp_path / "pid").read_text())
        process.send_signal(number)
        process.wait()
    until(lambda: not Path(f"/proc/{inside}").exists())
