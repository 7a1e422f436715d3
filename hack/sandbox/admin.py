"""Switches of the sandbox over HTTP, so that another process can make things go wrong.

GET / shows what can be switched.
"""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from hack.sandbox.faults import Fault

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
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(cluster))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="sandbox-admin")

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


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


def _handler(cluster: "Cluster") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            try:
                body = json.loads(self.rfile.read(length)) if length else {}
                answer, code = switch(cluster, self.command, self.path, body), HTTPStatus.OK
            except (LookupError, TypeError, ValueError) as error:
                answer, code = {"error": str(error)}, HTTPStatus.BAD_REQUEST
            data = json.dumps(answer, indent=2).encode() + b"\n"
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
            """Say nothing."""

    return Handler
