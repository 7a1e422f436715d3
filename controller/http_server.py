"""/healthz, /readyz and /metrics."""

import gzip
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from controller.bounded_server import Connections, listen

log = logging.getLogger(__name__)

Problems = Callable[[], Sequence[str]]
"""Returns what is wrong, a sentence each; nothing if all is well."""

_POLL_SECONDS = 0.1
_OPENMETRICS = "application/openmetrics-text"
_GZIP = "gzip"
_SOME_WEIGHT = re.compile(r"|1(\.0{0,3})?|0\.(?!0*$)[0-9]{1,3}")  # none is 1; 0 refuses
_SMALL = 1024  # bytes, which are not worth it

_Page = Callable[[str], tuple[int, str, bytes]]


def _make_handler(pages: Mapping[str, _Page], connections: Connections) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a known path, or 404."""
            connections.has_asked(self.request)
            page = pages.get(self.path.partition("?")[0])
            try:
                code, kind, body = page(self.headers.get("Accept", "")) if page else _unknown(pages)
            except Exception:
                log.exception("Page failed", extra={"path": self.path})
                code, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"failed, see the log\n"
            self.send_response(code)
            self.send_header("Vary", "Accept, Accept-Encoding")
            if len(body) > _SMALL and _takes_gzip(self.headers.get("Accept-Encoding", "")):
                body = gzip.compress(body, compresslevel=1)  # a twentieth, for a tenth of the time it took to write
                self.send_header("Content-Encoding", _GZIP)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
            """Log requests for debugging only: probes come every few seconds."""
            log.debug("Request", extra={"request": format % args})

    return Handler


class HttpServer:
    """Serves on a thread of its own, and one per connection."""

    def __init__(
        self,
        port: int,
        *,
        registry: CollectorRegistry,
        healthy: Problems,
        ready: Problems,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen, on IPv6 and IPv4 where the kernel has both, but answer nobody yet.

        Args:
            port: 0 takes a free one.
            registry: what /metrics shows.
            healthy: asked by /healthz.
            ready: asked by /readyz.
            monotonic: clock, in seconds.

        Raises:
            PortError: somebody else listens there, or we may not.
        """
        pages: dict[str, _Page] = {
            "/healthz": lambda _: _verdict(healthy()),
            "/readyz": lambda _: _verdict(ready()),
            "/metrics": lambda accept: _metrics(registry, accept),
        }
        self._connections = Connections(monotonic)
        self._server = listen(port, _make_handler(pages, self._connections), self._connections)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="http")

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether the server runs, if it was started."""
        return self._thread.ident is None or self._thread.is_alive()

    def stop(self) -> None:
        """Stop, and cut off whoever has not got an answer."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._connections.cut_all()
        self._server.server_close()


def _verdict(problems: Sequence[str]) -> tuple[int, str, bytes]:
    if not problems:
        return HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"
    text = "".join(f"{problem}\n" for problem in problems)
    return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", text.encode(errors="replace")


def _metrics(registry: CollectorRegistry, accept: str) -> tuple[int, str, bytes]:
    wanted = {part.partition(";")[0].strip() for part in accept.split(",")}
    # Of what a client accepts, only the name of the format is used: the library raises at versions that are none.
    encode, kind = choose_encoder(f"{_OPENMETRICS}; version=1.0.0" if _OPENMETRICS in wanted else "")
    return HTTPStatus.OK, kind, encode(registry)


def _takes_gzip(accepted: str) -> bool:
    """Return whether a client takes gzip; ``q=0`` refuses it, and ``*`` stands for what is not named (RFC 9110)."""
    weights = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        weights[coding] = weight
    return bool(_SOME_WEIGHT.fullmatch(weights.get(_GZIP, weights.get("*", "0"))))


def _unknown(pages: Mapping[str, _Page]) -> tuple[int, str, bytes]:
    return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", f"try {', '.join(pages)}\n".encode()
