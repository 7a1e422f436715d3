"""An HTTP server on loopback that answers as a test says, byte by byte if need be."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import yaml

from informers.credentials import Login, find_login

PATIENCE = 10.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """One connection; its ``api`` says how to answer."""

    protocol_version = "HTTP/1.1"
    api: "FakeApi"

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, self.rfile.read(length))
        try:
            self.api.take(request)(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

    def send(self, code: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


Answer = Callable[[Handler], None]


def kept(**more: Any) -> dict[str, Any]:
    """Return an object as an API server keeps it."""
    return {"metadata": {"name": "podinfo", "namespace": "test", "uid": "u", "resourceVersion": "1"}, **more}


def says(body: Any, code: int = 200, **headers: str) -> Answer:
    """Answer with JSON, or with bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: handler.send(code, data, **headers)


def refuses(code: int, reason: str = "", **more: Any) -> Answer:
    """Answer with a Status."""
    headers = more.pop("headers", {})
    status = {"kind": "Status", "code": code, "reason": reason, "message": more.pop("message", reason), **more}
    return says(status, code, **headers)


def hangs_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def streams(chunks: Iterable[bytes], *, chunked: bool = True, then: threading.Event | None = None) -> Answer:
    """Send chunks one by one, then wait for an event, then end."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked") if chunked else handler.send_header("Connection", "close")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if chunked else chunk)
            handler.wfile.flush()
        if then is not None:
            then.wait(PATIENCE)
        if chunked:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing: clients that hang up are part of the tests."""


class FakeApi:
    """Serves on loopback. Use it as a context manager."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.default: Answer = says(kept())
        self._lock = threading.Lock()
        handler = type("Bound", (Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self.answers.pop(0) if self.answers else self.default

    def login(self, directory, user: dict[str, Any] | None = None, *, prefix: str = "") -> Login:
        """Return the login of a kubeconfig that points here."""
        return find_login(str(self.kubeconfig(directory, user, prefix=prefix)), None)

    def kubeconfig(self, directory, user: dict[str, Any] | None = None, *, prefix: str = ""):
        path = directory / "kubeconfig"
        context = {"cluster": "fake", "user": "fake", "namespace": "test"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url + prefix}}],
            "contexts": [{"name": "fake", "context": context}],
            "users": [{"name": "fake", "user": user or {}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path
