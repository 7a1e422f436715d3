"""Switches of the sandbox over HTTP, so that another process can make things go wrong.

GET / shows what can be switched.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hack.sandbox.faults import Fault
from hack.sandbox.loopback import Handler, Loopback

if TYPE_CHECKING:
    from hack.sandbox.cluster import Cluster

Json = dict[str, Any]

HELP = {
    "PUT /mesh/NAMESPACE/WORKLOAD": {"errorRatio": 0.0, "latencyMs": 20},
    "DELETE /mesh/NAMESPACE/WORKLOAD": {},
    "PUT /mesh": {"requestsPerSecond": 20},
    "PUT /workloads/NAMESPACE/NAME": {"down": False, "load": 0},
    "PUT /prometheus": {"down": False, "delaySeconds": 0, "answer": "(empty|nan|html|error|huge)"},
    "POST /faults": {"verb": "patch", "resource": "canaries", "code": 409, "count": 1},
    "DELETE /faults": {},
    "POST /cut-watches": {},
}


class AdminServer:
    """Serves the switches of a cluster on loopback."""

    def __init__(self, cluster: "Cluster", *, port: int = 0) -> None:
        handler = type("AdminHandler", (_AdminHandler,), {"cluster": cluster})
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


def switch(cluster: "Cluster", method: str, path: str, body: Json) -> Json:  # noqa: C901  # one case per switch
    """Turn one switch and return how things stand; LookupError or TypeError if there is no such switch."""
    match [method, *[part for part in path.split("/") if part]]:
        case ["GET"]:
            return HELP
        case ["PUT", "mesh"]:
            cluster.mesh.requests_per_second = float(body["requestsPerSecond"])
        case ["PUT", "mesh", namespace, workload]:
            cluster.mesh.behave(
                namespace,
                workload,
                error_ratio=float(body.get("errorRatio", 0.0)),
                latency_ms=float(body.get("latencyMs", 20.0)),
            )
        case ["PUT", "workloads", namespace, name]:
            (cluster.workloads.take_down if body.get("down") else cluster.workloads.bring_up)(namespace, name)
            cluster.loads[(namespace, name)] = float(body.get("load", 0))
        case ["DELETE", "mesh", namespace, workload]:
            cluster.mesh.behave_as_built(namespace, workload)
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
            raise LookupError(f"{method} {path}: GET / shows what can be switched")
    return {"mesh": cluster.mesh.behaviours(), "faults": cluster.api.faults.listed()}


class _AdminHandler(Handler):
    """One connection of somebody who turns switches."""

    cluster: "Cluster"

    def _serve(self) -> None:
        try:
            body = json.loads(self.read_body() or b"{}")
            answer, code = switch(self.cluster, self.command, self.path, body), HTTPStatus.OK
        except (LookupError, TypeError, ValueError) as error:
            answer, code = {"error": str(error)}, HTTPStatus.BAD_REQUEST
        self.send(code, json.dumps(answer, indent=2).encode() + b"\n", "application/json")

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # names of the base class
