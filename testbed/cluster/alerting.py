"""A real Alertmanager, and somebody who listens to it."""

import json
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

from testbed.cluster.control_plane import free_port, wait_until
from testbed.processes import Process
from testbed.sandbox.loopback import Handler, Loopback

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
        self._server = Loopback(type("Webhook", (_Webhook,), {"listener": self}), port=0, name="listener")
        self.url = self._server.url

    def __enter__(self) -> Self:
        """Listen."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()

    def take(self, path: str, body: Json) -> None:
        """Remember what came."""
        with self._lock:
            self._came.append((path, body))

    def heard(self) -> list[tuple[str, str, str]]:
        """Return receiver, name of the alert, and its summary, in the order in which they came."""
        with self._lock:
            return [
                (path.strip("/"), alert["labels"]["alertname"], alert["annotations"]["summary"])
                for path, body in self._came
                for alert in body["alerts"]
                if alert["status"] == "firing"
            ]


class _Webhook(Handler):
    listener: Listener

    def do_POST(self) -> None:  # noqa: N802  # the name is inherited
        """Take one."""
        self.listener.take(self.path, json.loads(self.read_body()))
        self.send(HTTPStatus.OK, b"", "text/plain")
