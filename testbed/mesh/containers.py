"""Processes in the namespaces of a pod."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHELL = """\
mount --make-rprivate /
echo "$3" > /proc/sys/kernel/hostname
mount -t tmpfs tmpfs /run
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
mount --bind "$1/account" /var/run/secrets/kubernetes.io/serviceaccount
mount --bind "$2" /etc/hosts
: > "$1/resolv.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
echo ready
exec sleep infinity
"""
"""Holds a pod's namespaces: the account at its usual place, Services as names in /etc/hosts, and no name server."""


async def hold(name: str, directory: Path, hosts: Path) -> Process:
    """Start the process that holds the namespaces of a pod; OSError if they cannot be made."""
    command = ["unshare", "--net", "--mount", "--uts", "sh", "-euc", _SHELL, "pod", str(directory), str(hosts), name]
    with (directory / "pod.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    if await process.stdout.readline() != b"ready\n":
        raise OSError(f"a pod could not be set up: {(directory / 'pod.log').read_text()}")
    return process


async def run(pod: Process, command: Sequence[str], directory: Path, environ: Mapping[str, str], log: Path) -> Process:
    """Run a command in a pod, its output at the end of a file.

    Args:
        pod: the process that holds the namespaces.
        command: what to run.
        directory: where.
        environ: its whole environment.
        log: for its output.
    """
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *enter(pod.pid, directory),
            *command,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # what it leaves behind is found by its group
        )


def enter(pid: int, directory: Path) -> list[str]:
    """Return what runs the rest of a command line in the namespaces of a process."""
    return ["nsenter", "--target", str(pid), "--net", "--mount", "--uts", "--", "env", f"--chdir={directory}"]


async def stop(process: Process, *, seconds: float) -> None:
    """Ask a process to end and end what is left of it hard after some time; processes of its own as well."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            process.kill()
            await process.wait()
    kill_group(process.pid)


def kill_group(leader: int) -> None:
    """End what is left of the processes that a leader of a session started."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
