"""The two processes of the demonstration. Each is ended by its own process id, also when something goes wrong."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.05


class DemoError(Exception):
    """Something did not come up or did not come out as it should; the message says what."""


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, name: str, arguments: list[str], output: Path) -> None:
        self.name = name
        self.output = output
        self._file: IO[bytes] = output.open("wb")
        self._child = subprocess.Popen([sys.executable, "-m", *arguments], stdout=self._file, stderr=self._file)

    def __enter__(self) -> Self:
        """Return the running process."""
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        """End it."""
        self.stop()

    def stop(self) -> int:
        """Ask it to end, and end it hard if it does not; return its exit code."""
        self._child.terminate()
        try:
            return self._child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
        finally:
            self._file.close()

    def check(self) -> None:
        """Raise DemoError if it has ended."""
        if self._child.poll() is not None:
            raise DemoError(f"the {self.name} has ended with {self._child.returncode}, see {self.output}")

    def wait_for_lines(self, count: int) -> list[str]:
        """Return its first lines of output, once there are that many; DemoError if there never are."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            lines = self.output.read_text().splitlines()
            if len(lines) >= count:
                return lines
            self.check()
            pause(_LOOK_SECONDS)
        raise DemoError(f"the {self.name} did not come up within {PATIENCE_SECONDS:g}s, see {self.output}")


def pause(seconds: float) -> None:
    """Wait: the demonstration looks at a cluster that changes at its own pace."""
    time.sleep(seconds)  # noqa: TID251  # a script for people, which has nothing else to wait on


def sandbox(directory: Path, *, time_lapse: float) -> tuple[Process, Mapping[str, str]]:
    """Start the sandbox; return it with its addresses by name: api, prometheus, admin, kubeconfig."""
    arguments = ["hack.sandbox", "--kubeconfig", str(directory / "kubeconfig"), "--pod-seconds", "1.2"]
    arguments += ["--scrape-seconds", "0.15", "--time-lapse", f"{time_lapse:g}"]
    process = Process("sandbox", arguments, directory / "sandbox.log")
    try:
        lines = process.wait_for_lines(4)
    except DemoError:
        process.stop()
        raise
    return process, dict(line.split(" ", 1) for line in lines[:4])


def controller(directory: Path, addresses: Mapping[str, str], *, interval: str) -> Process:
    """Start the controller against the sandbox, as a user would out of cluster."""
    arguments = ["controller", "--kubeconfig", addresses["kubeconfig"], "--metrics-server", addresses["prometheus"]]
    arguments += ["--control-loop-interval", interval, "--port", "0"]
    return Process("controller", arguments, directory / "controller.log")


def metrics_address(process: Process) -> str:
    """Return where the controller serves its own metrics, from the first line of its log."""
    (first, *_) = process.wait_for_lines(1)
    return f"http://127.0.0.1:{json.loads(first)['port']}/metrics"
