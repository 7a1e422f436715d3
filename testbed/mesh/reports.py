"""What a kubelet tells the API server of its pods."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from ipaddress import IPv4Address
from typing import Any

import httpx

from testbed.cluster.access import Access
from testbed.mesh.network import NODE
from testbed.sandbox.cluster import wall_clock

Json = dict[str, Any]

_MERGE = {"Content-Type": "application/strategic-merge-patch+json"}
_AT_ONCE = ("Initialized", "PodReadyToStartContainers")
_WITH_CONTAINERS = ("ContainersReady", "Ready")


class Reports:
    """Writes the status of pods, and deletes those that have ended."""

    def __init__(self, access: Access) -> None:
        """Take the way to the API server."""
        self._client = access.client("nodelet")

    async def write(self, pod: Json, status: Json) -> None:
        """Write the status of a pod; one that is gone has none."""
        await self._send(
            "PATCH", f"{_path(pod)}/status", json={"metadata": _uid(pod), "status": status}, headers=_MERGE
        )

    async def label(self, pod: Json, labels: Mapping[str, str]) -> None:
        """Give a pod more labels."""
        await self._send("PATCH", _path(pod), json={"metadata": {**_uid(pod), "labels": dict(labels)}}, headers=_MERGE)

    async def delete(self, pod: Json) -> None:
        """Say that a pod has ended: the object goes."""
        await self._send("DELETE", _path(pod), json={"gracePeriodSeconds": 0, "preconditions": _uid(pod)})

    async def beat(self, node: str) -> None:
        """Say that a node is well."""
        well = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        await self._send(
            "PATCH", f"/api/v1/nodes/{node}/status", json={"status": {"conditions": [well]}}, headers=_MERGE
        )

    async def _send(self, method: str, path: str, **arguments: Any) -> None:  # noqa: ANN401  # httpx's
        answer = await asyncio.to_thread(self._client.request, method, path, **arguments)
        if answer.status_code not in {httpx.codes.OK, httpx.codes.NOT_FOUND, httpx.codes.CONFLICT}:
            print(f"{method} {path}: {answer.status_code} {answer.text}", flush=True)


def starting(specs: Sequence[Json], address: IPv4Address) -> Json:
    """Return the status of a pod whose containers have not started."""
    waiting = {"waiting": {"reason": "PodInitializing"}}
    return _status("Pending", address, [_container(spec, waiting) for spec in specs], ready=False)


def unknown_image(specs: Sequence[Json], image: str) -> Json:
    """Return the status of a pod with an image for which no program stands."""
    waiting = {
        "waiting": {"reason": "ImagePullBackOff", "message": f"no program of testbed/mesh/images.py stands for {image}"}
    }
    return _status("Pending", None, [_container(spec, waiting) for spec in specs], ready=False)


def running(states: Sequence[tuple[Json, bool, int]], address: IPv4Address) -> Json:
    """Return the status of a pod: of each container what it is, whether it is ready, how often it was restarted."""
    since = {"running": {"startedAt": _now()}}
    listed = [_container(spec, since, ready=ready, restarts=restarts) for spec, ready, restarts in states]
    return _status("Running", address, listed, ready=all(ready for _, ready, _ in states))


def _status(phase: str, address: IPv4Address | None, listed: Sequence[Json], *, ready: bool) -> Json:
    addresses = {"podIP": str(address), "podIPs": [{"ip": str(address)}]} if address else {}
    conditions = [
        {"type": kind, "status": str(ready or kind in _AT_ONCE), "lastTransitionTime": _now()}
        for kind in (*_AT_ONCE, *_WITH_CONTAINERS)
    ]
    return {"phase": phase, "hostIP": str(NODE), **addresses, "conditions": conditions, "containerStatuses": listed}


def _container(spec: Json, state: Json, *, ready: bool = False, restarts: int = 0) -> Json:
    about = {"name": spec["name"], "image": spec["image"], "imageID": "", "ready": ready, "restartCount": restarts}
    return {**about, "started": "running" in state, "state": {"waiting": None, "running": None, **state}}


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _uid(pod: Json) -> Json:
    return {"uid": pod["metadata"]["uid"]}


def _now() -> str:
    return wall_clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
