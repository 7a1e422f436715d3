"""What the commands that start a cluster share: they end everything at Ctrl-C, and call kubectl and helm."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import httpx

from hack.cluster.access import Access
from hack.cluster.binaries import BuildError
from hack.processes import ProcessError

INTERRUPTED = 130


def run_until_interrupted(body: Callable[[ExitStack], int]) -> int:
    """Return what ``body`` returns, after ending what it put on the stack; 1 with a line if something failed."""
    end_as_by_ctrl_c()
    try:
        with ExitStack() as stack:
            return body(stack)
    except (BuildError, ProcessError, httpx.HTTPError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.")
        return INTERRUPTED


def end_as_by_ctrl_c() -> None:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt, so that no process is left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def call(binaries: Path, access: Access, program: str, *arguments: str) -> str:
    """Run kubectl or helm as an administrator and return what it prints; ProcessError if it fails."""
    command = [str(binaries / program), *arguments]
    done = subprocess.run(command, env=environ_for(access), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def environ_for(access: Access) -> Mapping[str, str]:
    """Return the environment of an administrator's kubectl and helm: helm keeps and finds nothing of the user's."""
    homes = {
        f"HELM_{name}_HOME": str(access.directory / f"helm-{name.lower()}") for name in ("CACHE", "CONFIG", "DATA")
    }
    return {**os.environ, **homes, "KUBECONFIG": str(access.kubeconfig("admin"))}


def say(*lines: str) -> None:
    """Print lines at once."""
    for line in lines:
        print(line, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
