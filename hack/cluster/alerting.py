"""A real Alertmanager, and somebody who listens to it."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

from hack.cluster.control_plane import free_port, wait_until
from hack.processes import Process

Json = dict[str, Any]


class Alertmanager:
    """An Alertmanager with a configuration. Use it as a context manager."""

    def __init__(self, binaries: Path, directory: Path, config: str) -> None:
        """Take what to run, where to keep data and log, and the configuration as its file would be."""
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "alertmanager.yaml"
        file.write_text(config)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = directory / "alertmanager.log"
        self._command = [
            str(binaries / "alertmanager"),
            f"--config.file={file}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",  # alone
            "--log.level=warn",
        ]

    def __enter__(self) -> Self:
        """Start it and return once it answers; ProcessError if it does not."""
        self._process = Process("alertmanager", self._command, self._log)
        wait_until(self._answers, [self._process], "Alertmanager answers")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.stop()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready").is_success
        except httpx.TransportError:
            return False


class Listener:
    """Takes webhooks, and remembers what came to which path. Use it as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came: list[tuple[str, Json]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._take))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="listener")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def heard(self) -> list[tuple[str, str, str]]:
        """Return receiver, name of the alert, and its summary, in the order in which they came."""
        with self._lock:
            return [
                (path.strip("/"), alert["labels"]["alertname"], alert["annotations"]["summary"])
                for path, body in self._came
                for alert in body["alerts"]
                if alert["status"] == "firing"
            ]

    def _take(self, path: str, body: Json) -> None:
        with self._lock:
            self._came.append((path, body))


def _handler(take: Callable[[str, Json], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            take(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
            """Say nothing."""

    return Handler
