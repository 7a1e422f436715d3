"""A place of our own on this machine: namespaces for users, network, mounts and processes, which need no root.

What runs in them ends with the first process in them, whatever happens to us.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hack.cluster.commands import end_as_by_ctrl_c
from hack.mesh.images import missing_programs
from hack.processes import ProcessError, leash, pause

WITHIN = "FLAGGER_MESH"  # set for what runs inside
_UNSHARE = ("unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_LOOK_SECONDS = 0.05
_EXECUTABLE = 0o755


def problem() -> str | None:
    """Return why there can be no mesh on this machine and what to do, in one line; None if there can."""
    if sys.platform != "linux":
        return "make mesh needs Linux (namespaces of the kernel): run it in a virtual machine, or take `make cluster`"
    missing = missing_programs() + [name for name in ("unshare",) if shutil.which(name) is None]
    if missing:
        return f"make mesh needs {', '.join(missing)}: install iproute2, util-linux and curl"
    done = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return (
        f"this machine lets nobody make namespaces ({done.stderr.strip()}): run it with sudo, or as root once "
        "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 kernel.unprivileged_userns_clone=1`; "
        "in a container, start that with --privileged"
    )


def enter(command: Sequence[str], directory: Path) -> int:
    """Run a command inside, and return its exit code.

    Args:
        command: what to run.
        directory: gets ``shell``, a script that runs its arguments inside from anywhere, by default a shell. Settings
            that it should have are in ``environment`` there.
    """
    end_as_by_ctrl_c()
    with subprocess.Popen([*leash(), *_UNSHARE, *command], env={**os.environ, WITHIN: "1"}) as process:
        try:
            _write_shell(directory, _first_inside(process))
            return process.wait()
        except KeyboardInterrupt:
            _end(process)
            return 130


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let what runs inside end by itself: it has had Ctrl-C from the terminal as well, or gets SIGTERM now."""
    children = _children(process.pid)
    for child in children:
        os.kill(child, 15)
    process.wait()


def _first_inside(process: "subprocess.Popen[bytes]") -> int:
    while process.poll() is None:
        children = _children(process.pid)
        if children:
            return children[0]
        pause(_LOOK_SECONDS)
    raise ProcessError(f"{_UNSHARE[0]} has ended with {process.returncode}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _write_shell(directory: Path, pid: int) -> None:
    path = directory / "shell"
    into = f"nsenter --target {pid} --user --net --mount --pid --preserve-credentials"
    settings = shlex.quote(str(directory / "environment"))
    path.write_text(f'#!/bin/sh\n. {settings}\nexec {into} -- env --chdir="$PWD" "${{@:-${{SHELL:-sh}}}}"\n')
    path.chmod(_EXECUTABLE)
