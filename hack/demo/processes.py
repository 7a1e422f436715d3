"""The two processes of the demonstration: the sandbox, and the controller."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from testbed.processes import Process, ProcessError

ADDRESSES = frozenset({"api", "prometheus", "admin", "kubeconfig"})
"""What the sandbox prints first, a line each."""


def sandbox(directory: Path) -> tuple[Process, Mapping[str, str]]:
    """Start the sandbox; return it with its addresses by name: api, prometheus, admin, kubeconfig."""
    arguments = ["--kubeconfig", str(directory / "kubeconfig"), "--pod-seconds", "1.2"]
    arguments += ["--scrape-seconds", "0.15"]
    process = Process("the sandbox", [sys.executable, "-m", "testbed.sandbox", *arguments], directory / "sandbox.log")
    try:
        return process, _addresses(process)
    except ProcessError:
        process.stop()
        raise


def _addresses(process: Process) -> Mapping[str, str]:
    found = dict(line.partition(" ")[::2] for line in process.wait_for_lines(len(ADDRESSES)))
    if not found.keys() >= ADDRESSES:  # it has printed why not
        raise ProcessError(f"{process.name} did not come up, see {process.output}")
    return found


def controller(
    directory: Path, addresses: Mapping[str, str], *, interval: str, environ: Mapping[str, str] | None = None
) -> Process:
    """Start the controller against the sandbox, as a user would out of cluster; in our environment if none is given."""
    arguments = ["--kubeconfig", addresses["kubeconfig"], "--metrics-server", addresses["prometheus"]]
    arguments += ["--control-loop-interval", interval, "--port", "0"]
    command = [sys.executable, "-m", "controller", *arguments]
    return Process("the controller", command, directory / "controller.log", environ=environ)


def metrics_address(process: Process) -> str:
    """Return where the controller serves its own metrics, from the first line of its log."""
    (first, *_) = process.wait_for_lines(1)
    return f"http://127.0.0.1:{json.loads(first)['port']}/metrics"
