"""Switches over HTTP, so that another process can make things go wrong. GET / shows what can be switched."""

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from testbed.sandbox.loopback import Handler, Loopback
from testbed.sandbox.mesh import Mesh

Json = dict[str, Any]
Switch = Callable[[str, Sequence[str], Json], Json]
"""Turns one switch (method, parts of the path, body) and returns how things stand; LookupError if there is none."""

MESH_HELP: Json = {
    "PUT /mesh/NAMESPACE/WORKLOAD": {"errorRatio": 0.0, "latencyMs": 20},
    "DELETE /mesh/NAMESPACE/WORKLOAD": {},
    "PUT /mesh/NAMESPACE": {"requestsPerSecond": 20, "routeLagSeconds": 0, "burstSeconds": 0},
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
            _switch_namespace(mesh, namespace, body)
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


def _switch_namespace(mesh: Mesh, namespace: str, body: Json) -> None:
    """Set what the body names; the rest stays as it is."""
    switches = {"requestsPerSecond": mesh.traffic, "routeLagSeconds": mesh.route_lags, "burstSeconds": mesh.bursts}
    values = {key: float(value) for key, value in body.items() if key in switches}
    if not body or set(body) - set(switches) or min(values.values()) < 0:
        raise ValueError(f"{body}: there are {', '.join(switches)}, numbers of at least 0")
    for key, value in values.items():
        switches[key][namespace] = value


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
