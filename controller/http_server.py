"""/healthz, /readyz and /metrics."""

import logging
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

log = logging.getLogger(__name__)

Problems = Callable[[], Sequence[str]]
"""Returns what is wrong, a sentence each; nothing if all is well."""


class PortError(Exception):
    """The port cannot be listened on."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True


class HttpServer:
    """Serves on a thread of its own, and one per request."""

    def __init__(self, port: int, *, registry: CollectorRegistry, healthy: Problems, ready: Problems) -> None:
        """Listen, but answer nobody yet.

        Args:
            port: 0 takes a free one.
            registry: what /metrics shows.
            healthy: asked by /healthz.
            ready: asked by /readyz.

        Raises:
            PortError: somebody else listens there, or we may not.
        """
        pages: dict[str, Callable[[str], tuple[int, str, bytes]]] = {
            "/healthz": lambda _: _verdict(healthy()),
            "/readyz": lambda _: _verdict(ready()),
            "/metrics": lambda accept: _metrics(registry, accept),
        }

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # of a client that says nothing

            def do_GET(self) -> None:
                """Answer a known path, or 404."""
                page = pages.get(self.path.partition("?")[0])
                try:
                    code, kind, body = page(self.headers.get("Accept", "")) if page else _unknown(pages)
                except Exception:
                    log.exception("Page failed", extra={"path": self.path})
                    code, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"failed, see the log\n"
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
                """Log requests for debugging only: probes come every few seconds."""
                log.debug("Request", extra={"request": format % args})

        try:
            self._server = _Server(("", port), Handler)
        except OSError as error:
            raise PortError(f"cannot listen on port {port}: {error.strerror}; choose another with --port") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="http")

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for answers under way."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _verdict(problems: Sequence[str]) -> tuple[int, str, bytes]:
    if not problems:
        return HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"
    text = "".join(f"{problem}\n" for problem in problems)
    return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", text.encode()


def _metrics(registry: CollectorRegistry, accept: str) -> tuple[int, str, bytes]:
    encode, kind = choose_encoder(accept)
    return HTTPStatus.OK, kind, encode(registry)


def _unknown(pages: dict[str, Callable[[str], tuple[int, str, bytes]]]) -> tuple[int, str, bytes]:
    return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", f"try {', '.join(pages)}\n".encode()
