"""Child processes. Each is ended by its own process id, also when something goes wrong."""

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_LAST_LINES = 5


class ProcessError(Exception):
    """A process did not come up or has ended; the message says which, and where its output is."""


class Process:
    """A child process whose output goes to a file. It does not outlive us, even if we are killed."""

    def __init__(
        self, name: str, command: Sequence[str], output: Path, *, environ: Mapping[str, str] | None = None
    ) -> None:
        """Start it.

        Args:
            name: for messages.
            command: the program and its arguments.
            output: takes what it prints.
            environ: its environment; ours if not given.
        """
        self.name = name
        self.output = output
        self._file: IO[bytes] = output.open("wb")
        self._child = subprocess.Popen(
            [*leash(), *command], stdout=self._file, stderr=self._file, stdin=subprocess.DEVNULL, env=environ
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def __enter__(self) -> Self:
        """Return the running process."""
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        """End it."""
        self.stop()

    def stop(self, *, patience_seconds: float = PATIENCE_SECONDS) -> int:
        """Ask it to end, and end it hard if it does not; return its exit code."""
        self._child.terminate()
        try:
            return self._child.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            self._file.close()

    def kill(self) -> int:
        """End it hard; return its exit code."""
        self._child.kill()
        self._file.close()
        return self._child.wait()

    def check(self) -> None:
        """Raise ProcessError if it has ended."""
        if self._child.poll() is not None:
            last = "\n  ".join(self.output.read_text(errors="replace").splitlines()[-_LAST_LINES:])
            raise ProcessError(f"{self.name} has ended with {self._child.returncode}, see {self.output}:\n  {last}")

    def wait_for_lines(self, count: int, *, patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
        """Return its first lines of output, once there are that many; ProcessError if there never are."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            lines = self.output.read_text().splitlines()
            if len(lines) >= count:
                return lines
            self.check()
            pause(_LOOK_SECONDS)
        raise ProcessError(f"{self.name} did not come up within {patience_seconds:g}s, see {self.output}")


def pause(seconds: float) -> None:
    """Wait: scripts look at a cluster that changes at its own pace."""
    time.sleep(seconds)  # noqa: TID251  # scripts for people have nothing else to wait on


def leash() -> list[str]:
    """Return what has the kernel end a child with its parent, where there is such a thing."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
