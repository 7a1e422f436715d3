"""A small kubelet for all nodes of the mesh: a process per container, an address per pod, probes, hooks, exec, logs."""

import argparse
import asyncio
import signal
import ssl
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from informers.client import KubeClient
from informers.credentials import find_login
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.namespaces import NAMESPACES
from informers.resources import Resource
from informers.types import Unreadable
from router.services import SERVICES
from testbed.cluster.access import Access
from testbed.cluster.kubelets import PODS
from testbed.cluster.mesh import Whole, whole
from testbed.mesh.images import Images
from testbed.mesh.mounts import Mounts
from testbed.mesh.network import NODE
from testbed.mesh.network import PODS as ADDRESSES
from testbed.mesh.pods import Place, Pod
from testbed.mesh.reports import Reports
from testbed.mesh.streams import FEATURE, Streams

Json = dict[str, Any]
Key = tuple[str, str]

PORT = 10250
NODES = ("node-0", "node-1", "node-2")
_BEAT_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_SYNC_SECONDS = 20.0
_GRACE_SECONDS = 30


class Nodelet:
    """Has each pod of the cluster run."""

    def __init__(self, access: Access, directory: Path, programs: Path) -> None:
        """Take where things are.

        Args:
            access: to the API server.
            directory: for the pods' files.
            programs: the directory with podinfo, Istio's agent and Envoy.
        """
        self._reports = Reports(access)
        self._mounts = Mounts(access)
        self._directory = directory
        self._programs = programs
        self._images = Images(directory / "images", programs)
        self._client = KubeClient(
            find_login(str(access.kubeconfig("nodelet")), None), user_agent="nodelet", pool_size=4
        )
        self._pods, self._services, self._namespaces = map(self._informer, (PODS, SERVICES.newest, NAMESPACES))
        self._numbers = count(int(NODE - int(ADDRESSES.network_address)) + 1)
        self._hosts: dict[str, str] = {}
        self.pods: dict[Key, Pod] = {}
        self._lives: dict[Key, asyncio.Task[None]] = {}
        for name in ("pods", "hosts", "targets"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    async def run(self) -> None:
        """Run until cancelled."""
        for informer in (self._pods, self._services, self._namespaces):
            informer.start()
            if not await asyncio.to_thread(informer.wait_for_sync, _SYNC_SECONDS):
                raise SystemExit(f"cannot read {informer.name}: {informer.problem}")
        print("ready", flush=True)
        beating = asyncio.create_task(self._beat())
        try:
            while True:
                self._look()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """Say again and again that the nodes are well, or their pods are evicted."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for name in NODES:
                await self._reports.beat(name)

    def _look(self) -> None:
        there = {(view.namespace, view.name): view for view in _all(self._pods)}
        self._write_hosts()
        for key, view in there.items():
            if key not in self._lives and view.obj["spec"].get("nodeName"):
                self._lives[key] = asyncio.create_task(self._live(key, view))
        for key, task in list(self._lives.items()):
            if task.done():
                del self._lives[key]
                if error := task.exception():
                    print(f"{'/'.join(key)}: {error!r}", flush=True)

    async def _live(self, key: Key, view: Whole) -> None:
        """See a pod from its start to its end."""
        place = self._place(view)
        pod = self.pods[key] = Pod(view.obj, place, self._reports, self._mounts)
        starting = asyncio.create_task(pod.start())
        while (seconds := self._asked_to_end(key, view.uid)) is None:
            if starting.done() and (error := starting.exception()):
                print(f"{'/'.join(key)}: {error!r}", flush=True)
                starting = asyncio.create_task(asyncio.sleep(0))
            await asyncio.sleep(_LOOK_SECONDS)
        starting.cancel()
        await pod.end(seconds=seconds)
        await self._reports.delete(view.obj)
        await self._until_gone(key, view.uid)
        del self.pods[key]

    async def _until_gone(self, key: Key, uid: str) -> None:
        """Wait until our cache knows that a pod has gone, or it would be started again."""
        while isinstance(found := self._pods.get(*key), Whole) and found.uid == uid:  # noqa: ASYNC110  # a cache of threads
            await asyncio.sleep(_LOOK_SECONDS)

    def _asked_to_end(self, key: Key, uid: str) -> float | None:
        """Return how many seconds a pod has to end, 0 if it is gone; None if it may stay."""
        found = self._pods.get(*key)
        if not isinstance(found, Whole) or found.uid != uid:
            return 0
        meta = found.obj["metadata"]
        return meta.get("deletionGracePeriodSeconds", _GRACE_SECONDS) if "deletionTimestamp" in meta else None

    def _place(self, view: Whole) -> Place:
        namespace = self._namespaces.get("", view.namespace)
        labels = namespace.obj["metadata"].get("labels", {}) if isinstance(namespace, Whole) else {}
        return Place(
            directory=self._directory / "pods" / view.namespace / f"{view.name}-{view.uid[:8]}",
            hosts=self._hosts_of(view.namespace),
            targets=self._directory / "targets",
            programs=self._programs,
            images=self._images,
            address=ADDRESSES[next(self._numbers)],
            sidecar=gets_sidecar(labels, view.obj["metadata"].get("labels", {})),
        )

    def _write_hosts(self) -> None:
        """Write the names of the Services into the files that pods have as /etc/hosts."""
        for namespace in self._hosts:
            text = "127.0.0.1 localhost\n" + "".join(sorted(names_in(namespace, _all(self._services))))
            if text != self._hosts[namespace]:
                self._hosts[namespace] = text
                (self._directory / "hosts" / namespace).write_text(text)  # in place: it is mounted

    def _hosts_of(self, namespace: str) -> Path:
        if namespace not in self._hosts:
            self._hosts[namespace] = ""
            self._write_hosts()
        return self._directory / "hosts" / namespace

    def _informer(self, resource: Resource) -> Informer[Whole]:
        source = KubeSource(self._client, lambda: resource, kind=resource.kind, plural=resource.plural)
        return Informer(source, whole, indexes={"all": lambda _view: ("",)})


def _all(informer: Informer[Whole]) -> Sequence[Whole]:
    return [view for view in informer.by_index("all", "") if not isinstance(view, Unreadable)]


def gets_sidecar(namespace: Mapping[str, str], pod: Mapping[str, str]) -> bool:
    """Whether a pod gets a sidecar, by the labels of its namespace and its own, which counts for more."""
    wanted = pod.get("sidecar.istio.io/inject")
    return namespace.get("istio-injection") == "enabled" if wanted is None else wanted == "true"


def names_in(namespace: str, services: Sequence[Whole]) -> Sequence[str]:
    """Return the lines of /etc/hosts for Services with an address, as pods of a namespace have them."""
    found = []
    for service in services:
        address = service.obj["spec"].get("clusterIP", "None")
        name, own = service.name, service.namespace
        names = [f"{name}.{own}", f"{name}.{own}.svc", f"{name}.{own}.svc.cluster.local"]
        if own == namespace:
            names.insert(0, name)
        if address != "None":
            found.append(f"{address} {' '.join(names)}\n")
    return found


def register_nodes(access: Access) -> None:
    """Say that there are nodes, and that they take pods."""
    with access.client("nodelet") as client:
        for name in NODES:
            meta = {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}
            client.post("/api/v1/nodes", json={"metadata": meta}).raise_for_status()
            room = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
            status = {
                "addresses": [{"type": "InternalIP", "address": str(NODE)}],
                "allocatable": room,
                "capacity": room,
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],  # and ``Reports.beat``
                "daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}},
                "declaredFeatures": [FEATURE],
            }
            headers = {"Content-Type": "application/merge-patch+json"}
            client.patch(f"/api/v1/nodes/{name}/status", json={"status": status}, headers=headers).raise_for_status()


async def _main(options: argparse.Namespace) -> None:
    access = Access.of(options.access, options.server)
    await asyncio.to_thread(register_nodes, access)
    nodelet = Nodelet(access, options.directory, options.programs)
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(access.certificate, access.key)
    streams = Streams(nodelet.pods)
    async with await asyncio.start_server(streams.answer, str(NODE), PORT, ssl=trust):
        running = asyncio.create_task(nodelet.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await running


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m testbed.mesh.nodelet", description=__doc__)
    parser.add_argument("--server", required=True, help="address of the API server")
    for name in ("access", "directory", "programs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    try:
        asyncio.run(_main(parser.parse_args()))
    except asyncio.CancelledError:
        print("stopped", flush=True)


if __name__ == "__main__":
    main()
