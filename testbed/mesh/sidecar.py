"""The proxy of a pod, a sidecar or a gateway: Istio's agent with its Envoy, and what Prometheus is told of them.

It lives as a native sidecar does: up before the containers start, told to drain when the pod is asked to end, and
ended after the last of them.
"""

import asyncio
import json
import os
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from testbed.mesh import containers
from testbed.mesh.agent import BOOTSTRAP, STATUS, command_of, environ_of
from testbed.mesh.envoy import NUMBERS, bootstrap
from testbed.mesh.mounts import Mounts, account_of
from testbed.mesh.probes import succeeds

Json = dict[str, Any]

LABELS = {"security.istio.io/tlsMode": "istio"}  # by which istiod has callers speak mutual TLS to it; put by injection
_SECOND = 1.0
_READY_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_STOP_SECONDS = 2.0
_DRAIN = ["curl", "--silent", "--max-time", "1", "--request", "POST", f"http://127.0.0.1:{STATUS}/drain"]


@dataclass(slots=True)
class Sidecar:
    """A proxy beside containers. All methods are called in the event loop's thread."""

    pod: Json
    address: IPv4Address
    directory: Path  # of the pod
    targets: Path  # whom Prometheus scrapes
    programs: Path
    log: Path
    held: Process  # the namespaces of the pod
    process: Process | None = None

    async def start(self, mounts: Mounts) -> None:
        """Start it, and return once it is ready, or late."""
        meta = self.pod["metadata"]
        await mounts.write_agent(self.pod, self.directory)
        (self.directory / BOOTSTRAP).write_text(json.dumps(bootstrap(self.pod, self.address)))
        environ = {**os.environ, **environ_of(meta, account_of(self.pod), self.address, self.programs)}
        command = command_of(meta, self.programs)
        self.process = await containers.run(self.held, command, self.directory, environ, self.log)
        probe = {"httpGet": {"path": "/ready", "port": NUMBERS}}
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await succeeds(probe, {}, str(self.address), _nothing, seconds=_SECOND):
            if asyncio.get_running_loop().time() > deadline:
                break  # as if its startup probe were patient: the containers start, and requests fail
            await asyncio.sleep(_LOOK_SECONDS)
        self._tell_prometheus()

    async def drain(self) -> None:
        """Have callers close their connections, while the containers still answer."""
        if self.process is not None:
            drain = await containers.run(self.held, _DRAIN, self.directory, os.environ, self.log)
            await drain.wait()

    async def end(self) -> None:
        """End it."""
        if self.process is not None:
            await containers.stop(self.process, seconds=_STOP_SECONDS)
        self._target.unlink(missing_ok=True)

    def _tell_prometheus(self) -> None:
        meta = self.pod["metadata"]
        owners = [owner["name"] for owner in meta.get("ownerReferences", ())]
        workload = owners[0].rpartition("-")[0] if owners else meta["name"]
        labels = {"namespace": meta["namespace"], "pod": meta["name"], "workload": workload}
        part = self._target.with_suffix(".part")
        part.write_text(json.dumps([{"targets": [f"{self.address}:{NUMBERS}"], "labels": labels}]))
        part.rename(self._target)

    @property
    def _target(self) -> Path:
        meta = self.pod["metadata"]
        return self.targets / f"{meta['namespace']}-{meta['name']}.json"


async def _nothing(_command: Sequence[str]) -> int:
    return 1
