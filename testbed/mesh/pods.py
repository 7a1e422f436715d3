"""The life of a pod: its namespaces, its sidecar, its containers, its probes, its end. A process per container.

What a kubelet does besides (volumes, init containers, liveness, resources) is left out.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from testbed.mesh import containers
from testbed.mesh.agent import kind_of
from testbed.mesh.images import Image, Images, command_of, path_of
from testbed.mesh.mounts import Mounts
from testbed.mesh.network import API_SERVER, connect
from testbed.mesh.probes import succeeds
from testbed.mesh.reports import Reports, running, starting, unknown_image
from testbed.mesh.sidecar import LABELS, Sidecar

Json = dict[str, Any]

_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod runs."""

    directory: Path  # of the pod
    hosts: Path  # names of Services, as its namespace has them
    targets: Path  # whom Prometheus scrapes
    programs: Path
    images: Images
    address: IPv4Address
    sidecar: bool


@dataclass(slots=True)
class Container:
    """A container and its process."""

    spec: Json
    image: Image
    process: Process | None = None
    restarts: int = 0
    ready: bool = False


@dataclass(slots=True)
class Pod:
    """A pod on this node. All methods are called in the event loop's thread."""

    obj: Json
    place: Place
    reports: Reports
    mounts: Mounts
    held: Process | None = None
    sidecar: Sidecar | None = None
    containers: dict[str, Container] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _reporting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    async def start(self) -> None:
        """Start it; it runs until ``end``."""
        # The container of a gateway is the proxy itself.
        specs = [spec for spec in self.obj["spec"]["containers"] if spec["image"] != "auto"]
        for spec in specs:
            image = self.place.images.find(spec["image"])
            if image is None:
                await self.reports.write(self.obj, unknown_image(specs, spec["image"]))
                return
            self.containers[spec["name"]] = Container(spec, image)
        self.place.directory.mkdir(parents=True)
        (self.place.directory / "account").mkdir()
        await self.mounts.write_account(self.obj, self.place.directory / "account")
        self.held = await containers.hold(self.name, self.place.directory, self.place.hosts)
        led = self.place.sidecar and kind_of(self.obj["metadata"]) == "sidecar"
        connect(self.held.pid, self.place.address, sidecar=led)
        if led:
            await self.reports.label(self.obj, LABELS)
        await self.reports.write(self.obj, starting(specs, self.place.address))
        if self.place.sidecar:
            self.sidecar = self._new_sidecar(self.held)
            await self.sidecar.start(self.mounts)
        for container in self.containers.values():
            await self._run(container)
            self._tasks.append(asyncio.create_task(self._restart(container)))
            self._tasks.append(asyncio.create_task(self._probe(container)))
        await self._report()

    async def execute(self, container: str, command: Sequence[str]) -> int:
        """Run a command in a container and return its exit code."""
        found = self.containers[container]
        process = await self._spawn(found, command)
        try:
            return await process.wait()
        finally:
            await containers.stop(process, seconds=0)

    async def end(self, *, seconds: float) -> None:
        """End it: hooks, SIGTERM, and what is left after some time hard; then the sidecar."""
        for task in self._tasks:
            task.cancel()
        ending = [self._end(container, seconds) for container in self.containers.values()]
        await asyncio.gather(*ending, *([self.sidecar.drain()] if self.sidecar else []))
        if self.sidecar is not None:
            await self.sidecar.end()
        if self.held is not None:
            await containers.stop(self.held, seconds=0)

    async def _end(self, container: Container, seconds: float) -> None:
        if container.process is None:
            return
        began = asyncio.get_running_loop().time()
        hook = container.spec.get("lifecycle", {}).get("preStop")
        if hook and seconds > 0:
            await self._succeeds(hook, container, seconds=seconds)
        left = seconds - (asyncio.get_running_loop().time() - began)
        await containers.stop(container.process, seconds=max(left, 0))

    def _new_sidecar(self, held: Process) -> Sidecar:
        return Sidecar(
            pod=self.obj,
            address=self.place.address,
            directory=self.place.directory,
            targets=self.place.targets,
            programs=self.place.programs,
            log=self.log("istio-proxy"),
            held=held,
        )

    def log(self, container: str) -> Path:
        """Return the file with what a container printed."""
        return self.place.directory / f"{container}.log"

    async def _run(self, container: Container) -> None:
        spec = container.spec
        command = command_of(container.image, spec.get("command", ()), spec.get("args", ()))
        container.process = await self._spawn(container, command)

    async def _spawn(self, container: Container, command: Sequence[str]) -> Process:
        assert self.held is not None
        log = self.log(container.spec["name"])
        return await containers.run(self.held, command, container.image.directory, self.environ(container), log)

    def environ(self, container: Container) -> dict[str, str]:
        """Return the environment of a container."""
        given = {
            variable["name"]: variable["value"] for variable in container.spec.get("env", ()) if "value" in variable
        }
        api_server = {"KUBERNETES_SERVICE_HOST": str(API_SERVER), "KUBERNETES_SERVICE_PORT": "443"}
        home = {"HOME": "/tmp", "HOSTNAME": self.name, "PATH": path_of(container.image)}
        return {**home, **api_server, **given}

    async def _restart(self, container: Container) -> None:
        while container.process is not None:
            await container.process.wait()
            container.ready = False
            container.restarts += 1
            await self._report()
            await asyncio.sleep(_SECOND)
            await self._run(container)
            container.ready = "readinessProbe" not in container.spec
            await self._report()

    async def _probe(self, container: Container) -> None:
        probe = container.spec.get("readinessProbe")
        if probe is None:
            container.ready = True
            await self._report()
            return
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        failures = 0
        while True:
            good = await self._succeeds(probe, container, seconds=probe.get("timeoutSeconds", 1))
            failures = 0 if good else failures + 1
            if good is not container.ready and (good or failures >= probe.get("failureThreshold", 3)):
                container.ready = good
                await self._report()
            await asyncio.sleep(probe.get("periodSeconds", 10) if container.ready else _SECOND)

    async def _succeeds(self, action: Json, container: Container, *, seconds: float) -> bool:
        name = container.spec["name"]
        host = str(self.place.address)
        return await succeeds(
            action, container.spec, host, lambda command: self.execute(name, command), seconds=seconds
        )

    async def _report(self) -> None:
        async with self._reporting:  # an older state must not arrive after a newer one
            states = [(c.spec, c.ready, c.restarts) for c in self.containers.values()]
            await self.reports.write(self.obj, running(states, self.place.address))
