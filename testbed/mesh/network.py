"""Addresses and wires: a bridge that every pod is on, with an address of its own, as on a node of a cluster.

All of it is in a network namespace of ours, so that nothing of the machine's network is touched, no port can clash, and
whoever may make namespaces needs no root.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from testbed.mesh.nftables import redirect_to_sidecar

NODE = IPv4Address("10.244.0.1")
PODS = IPv4Network("10.244.0.0/16")
SERVICES = IPv4Network("10.0.0.0/16")
API_SERVER = IPv4Address("10.0.0.1")  # the first address of the Services is the API server's
INBOUND, OUTBOUND = 15006, 15001  # of a sidecar, as istiod has them
_BRIDGE = "pods"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_LIBC = ctypes.CDLL(None, use_errno=True)


def make_node() -> None:
    """Give the node its bridge and its addresses. Addresses of Services are its own: what runs on it answers there."""
    _ip(
        "link set lo up",
        f"link add {_BRIDGE} type bridge",
        f"addr add {NODE}/{PODS.prefixlen} dev {_BRIDGE}",
        f"link set {_BRIDGE} up",
        f"route add local {SERVICES} dev lo",
    )


def connect(pid: int, address: IPv4Address, *, sidecar: bool) -> None:
    """Put the network namespace of a process on the bridge.

    Args:
        pid: the process that holds the namespace.
        address: of the pod.
        sidecar: whether its connections are led through one.
    """
    number = int(address) - int(PODS.network_address)
    _ip(f"link add pod{number} type veth peer name eth0 netns {pid}", f"link set pod{number} master {_BRIDGE} up")
    with inside(pid):
        _ip(
            "link set lo up",
            f"addr add {address}/{PODS.prefixlen} dev eth0",
            "link set eth0 up",
            f"route add default via {NODE}",
        )
        if sidecar:
            redirect_to_sidecar(NODE, SERVICES, inbound=INBOUND, outbound=OUTBOUND)


@contextmanager
def inside(pid: int) -> Iterator[None]:
    """Have this thread make sockets and processes in the network namespace of another process."""
    with Path("/proc/thread-self/ns/net").open() as ours, Path(f"/proc/{pid}/ns/net").open() as theirs:
        _enter(theirs.fileno())
        try:
            yield
        finally:
            _enter(ours.fileno())


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEW_NETWORK):
        code = ctypes.get_errno()
        raise OSError(code, f"cannot enter a network namespace: {os.strerror(code)}")


def _ip(*lines: str) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip: {done.stderr.strip()}")
