"""Switches over HTTP, so that another process can make things go wrong. GET / shows what can be switched."""

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hack.sandbox.faults import Fault
from hack.sandbox.loopback import Handler, Loopback
from hack.sandbox.mesh import Mesh

if TYPE_CHECKING:
    from hack.sandbox.cluster import Cluster

Json = dict[str, Any]
Switch = Callable[[str, Sequence[str], Json], Json]
"""Turns one switch (method, parts of the path, body) and returns how things stand; LookupError if there is none."""

MESH_HELP: Json = {
    "PUT /mesh/NAMESPACE/WORKLOAD": {"errorRatio": 0.0, "latencyMs": 20},
    "DELETE /mesh/NAMESPACE/WORKLOAD": {},
    "PUT /mesh/NAMESPACE": {"requestsPerSecond": 20},
}
HELP: Json = {
    **MESH_HELP,
    "PUT /workloads/NAMESPACE/NAME": {"down": False, "load": 0},
    "POST /workloads/NAMESPACE/NAME/release": {"pods": 1},
    "PUT /prometheus": {"down": False, "delaySeconds": 0, "answer": "(empty|nan|html|error|huge)"},
    "POST /faults": {"verb": "patch", "resource": "canaries", "code": 409, "count": 1},
    "DELETE /faults": {},
    "POST /cut-watches": {},
}


class AdminServer:
    """Serves switches on loopback, and pages of text beside them."""

    def __init__(
        self,
        switch: Switch,
        *,
        port: int = 0,
        pages: Mapping[str, Callable[[], str]] = MappingProxyType({}),
    ) -> None:
        """Take what turns the switches, and the pages by their path."""
        handler = type("AdminHandler", (_AdminHandler,), {"switch": staticmethod(switch), "pages": pages})
        self._server = Loopback(handler, port=port, name="sandbox-admin")

    @property
    def url(self) -> str:
        """Base address."""
        return self._server.url

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()


def switch_mesh(mesh: Mesh, method: str, path: Sequence[str], body: Json) -> Json:
    """Turn a switch of the mesh; LookupError if there is no such switch."""
    match [method, *path]:
        case ["GET"]:
            return MESH_HELP
        case ["PUT", "mesh", namespace]:
            mesh.traffic[namespace] = float(body["requestsPerSecond"])
        case ["PUT", "mesh", namespace, workload]:
            mesh.behave(
                namespace,
                workload,
                error_ratio=float(body.get("errorRatio", 0.0)),
                latency_ms=float(body.get("latencyMs", 20.0)),
            )
        case ["DELETE", "mesh", namespace, workload]:
            mesh.behave_as_built(namespace, workload)
        case _:
            raise LookupError(f"{method} /{'/'.join(path)}: GET / shows what can be switched")
    return {"mesh": mesh.behaviours()}


def switch_cluster(cluster: "Cluster", method: str, path: Sequence[str], body: Json) -> Json:
    """Turn a switch of the sandbox; LookupError or TypeError if there is no such switch."""
    match [method, *path]:
        case ["GET"]:
            return HELP
        case ["PUT", "workloads", namespace, name]:
            (cluster.workloads.take_down if body.get("down") else cluster.workloads.bring_up)(namespace, name)
            cluster.loads[(namespace, name)] = float(body.get("load", 0))
        case ["POST", "workloads", namespace, name, "release"]:
            cluster.workloads.release(namespace, name, pods=int(body.get("pods", 1)))
        case ["PUT", "prometheus"]:
            faults = cluster.prometheus.faults
            faults.down = bool(body.get("down", False))
            faults.delay_seconds = float(body.get("delaySeconds", 0))
            faults.answer = str(body.get("answer", ""))
        case ["POST", "faults"]:
            cluster.api.faults.add(Fault(**body))
        case ["DELETE", "faults"]:
            cluster.api.faults.clear()
        case ["POST", "cut-watches"]:
            cluster.api.cut_watches()
        case _:
            switch_mesh(cluster.mesh, method, path, body)
    return {"mesh": cluster.mesh.behaviours(), "faults": cluster.api.faults.listed()}


class _AdminHandler(Handler):
    """One connection of somebody who turns switches."""

    switch: Switch
    pages: Mapping[str, Callable[[], str]]

    def _serve(self) -> None:
        if self.path in self.pages:
            self.send(HTTPStatus.OK, self.pages[self.path]().encode(), "text/plain; version=0.0.4")
            return
        try:
            body = json.loads(self.read_body() or b"{}")
            path = [part for part in self.path.split("/") if part]
            answer, code = self.switch(self.command, path, body), HTTPStatus.OK
        except (LookupError, TypeError, ValueError) as error:
            answer, code = {"error": str(error)}, HTTPStatus.BAD_REQUEST
        self.send(code, json.dumps(answer, indent=2).encode() + b"\n", "application/json")

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # names of the base class
