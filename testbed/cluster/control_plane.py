"""The processes of a Kubernetes control plane, and of the nodes that nobody runs."""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from testbed.cluster.access import Access, make_access
from testbed.processes import Process, ProcessError, pause

HERE = Path(__file__).parent
NODES = 3
_READY_SECONDS = 60.0
_GRACE_SECONDS = 3.0  # an API server lingers for a minute while watches are open
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane."""

    access: Access
    audit_log: Path
    processes: Sequence[Process]


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(stack: ExitStack, binaries: Path, directory: Path, *, port: int = 0) -> ControlPlane:
    """Start everything and return once pods can be scheduled; ProcessError if something ends or takes for ever.

    Args:
        stack: ends the processes, the last one first.
        binaries: the directory with the programs.
        directory: for data, logs and credentials.
        port: of the API server; 0 takes a free one.
    """
    plane = start_without_nodes(stack, binaries, directory, port=port)
    access = plane.access
    command = [str(binaries / "kwok"), f"--kubeconfig={access.kubeconfig('kwok')}", *_KWOK]
    kwok = Process("kwok", command, directory / "logs" / "kwok.log")
    stack.callback(kwok.stop, patience_seconds=_GRACE_SECONDS)
    processes = [*plane.processes, kwok]
    with access.client("admin") as admin:
        for number in range(NODES):
            name = f"node-{number}"
            labels = {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            }  # by which pods are spread and placed
            meta = {"name": name, "labels": labels}
            admin.post("/api/v1/nodes", json={"metadata": meta}).raise_for_status()
        wait_until(lambda: schedulable(admin), processes, "all nodes are ready")
    return replace(plane, processes=processes)


def start_without_nodes(
    stack: ExitStack, binaries: Path, directory: Path, *, port: int = 0, addresses: Sequence[str] = ()
) -> ControlPlane:
    """Start everything but nodes, likewise.

    Args:
        stack: ends the processes, the last one first.
        binaries: the directory with the programs.
        directory: for data, logs and credentials.
        port: of the API server; 0 takes a free one.
        addresses: at which pods reach the API server, the first one is its host's; none if loopback is all there is.
    """
    access = make_access(directory / "access", port or free_port(), addresses)
    logs = directory / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    processes: list[Process] = []

    def run(name: str, *arguments: str) -> Process:
        process = Process(name, [str(binaries / name), *arguments], logs / f"{name}.log")
        processes.append(process)
        stack.callback(process.stop, patience_seconds=_GRACE_SECONDS)
        return process

    database = f"http://127.0.0.1:{free_port()}"
    run("etcd", *_etcd(directory, database, f"http://127.0.0.1:{free_port()}"))
    run("kube-apiserver", *_api_server(access, directory, database), *_listening(addresses))
    with access.client("admin") as admin:
        wait_until(lambda: _says_ok(admin), processes, "the API server is ready")
        # Electing a leader is of no use to processes that are alone.
        for name in ("kube-controller-manager", "kube-scheduler"):
            run(name, f"--kubeconfig={access.kubeconfig(f'system:{name}')}", *_FLAGS[name], "--leader-elect=false")
    return ControlPlane(access, directory / "audit.log", processes)


_FLAGS = {
    "kube-controller-manager": (
        "--use-service-account-credentials=true",
        "--concurrent-deployment-syncs=4",
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--secure-port=0",
    ),
    "kube-scheduler": ("--secure-port=0",),
}
_KWOK = ("--manage-all-nodes=true", "--node-lease-duration-seconds=40", f"--config={HERE / 'kwok.yaml'}")


def _etcd(directory: Path, client_url: str, peer_url: str) -> Sequence[str]:
    return (
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )


def _api_server(access: Access, directory: Path, database: str) -> Sequence[str]:
    return (
        f"--etcd-servers={database}",
        f"--secure-port={access.server.rpartition(':')[2]}",
        f"--tls-cert-file={access.certificate}",
        f"--tls-private-key-file={access.key}",
        f"--token-auth-file={access.tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={access.key}",
        f"--service-account-signing-key-file={access.key}",
        "--service-cluster-ip-range=10.0.0.0/16",
        f"--audit-policy-file={HERE / 'audit.yaml'}",
        f"--audit-log-path={directory / 'audit.log'}",
        "--audit-log-mode=blocking",
    )


def _listening(addresses: Sequence[str]) -> Sequence[str]:
    """Return flags for whom the API server answers. Webhooks are called at their endpoints: nobody routes Services."""
    if not addresses:
        return ("--bind-address=127.0.0.1",)
    return ("--bind-address=0.0.0.0", f"--advertise-address={addresses[0]}", "--enable-aggregator-routing=true")


def _says_ok(admin: httpx.Client) -> bool:
    try:
        return admin.get("/readyz").is_success
    except httpx.TransportError:
        return False


def schedulable(admin: httpx.Client) -> bool:
    """Whether all nodes take pods."""
    nodes = admin.get("/api/v1/nodes").json()["items"]
    return len(nodes) == NODES and not any(node["spec"].get("taints") for node in nodes)


def wait_until(holds: Callable[[], bool], processes: Sequence[Process], what: str) -> None:
    """Look until something holds; ProcessError if a process has ended or it takes too long."""
    deadline = time.monotonic() + _READY_SECONDS
    while not holds():
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            raise ProcessError(f"waited {_READY_SECONDS:g}s in vain until {what}, see {processes[0].output.parent}")
        pause(_LOOK_SECONDS)
