"""The HTTP side of the API server."""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from testbed.sandbox.api.errors import ApiError, NoSuchPathError
from testbed.sandbox.api.objects import Objects
from testbed.sandbox.api.requests import Answer, Request, answer
from testbed.sandbox.api.reviews import review
from testbed.sandbox.api.store import Store
from testbed.sandbox.faults import Fault, Faults
from testbed.sandbox.loopback import Handler, Loopback

Json = dict[str, Any]

_HANG_SECONDS = 120.0
_REASONS = {401: "Unauthorized", 403: "Forbidden", 409: "Conflict", 410: "Expired", 429: "TooManyRequests"}


@dataclass(frozen=True, slots=True)
class Logged:
    """One request on the wire, as an audit log has it."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    query: str
    user_agent: str
    code: int


@dataclass(slots=True)
class RequestLog:
    """Every request that was answered. Thread-safe."""

    _requests: list[Logged] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: Logged) -> None:
        """Add one."""
        with self._lock:
            self._requests.append(request)

    def of(self, user_agent: str) -> list[Logged]:
        """Return those of one program, in order."""
        with self._lock:
            return [request for request in self._requests if request.user_agent.startswith(user_agent)]

    def counted(self) -> list[Json]:
        """Return how many requests of each kind there were, and to how many objects: for other processes."""
        with self._lock:
            requests = tuple(self._requests)
        counts: Counter[tuple[str | int, ...]] = Counter()
        names: defaultdict[tuple[str | int, ...], set[str]] = defaultdict(set)
        for r in requests:
            key = (r.user_agent, r.namespace, r.verb, r.resource, r.subresource, r.code)
            counts[key] += 1
            names[key].add(r.name)
        fields = ("userAgent", "namespace", "verb", "resource", "subresource", "code")
        return [
            {**dict(zip(fields, key, strict=True)), "count": count, "objects": len(names[key])}
            for key, count in counts.items()
        ]


class ApiServer:
    """Serves a store over HTTP on loopback."""

    def __init__(self, *, now: Callable[[], datetime], port: int = 0) -> None:
        """Listen on a port; 0 takes a free one."""
        self.store = Store()
        self.objects = Objects(self.store, now=now)
        self.faults = Faults()
        self.log = RequestLog()
        self.now = now
        self._stopping = threading.Event()
        self._server = Loopback(type("ApiHandler", (_ApiHandler,), {"api": self}), port=port, name="sandbox-api")

    @property
    def url(self) -> str:
        """Base address."""
        return self._server.url

    @property
    def stopping(self) -> bool:
        """Whether watches should end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """End every connection and stop."""
        self._stopping.set()
        self.faults.clear()
        with self.store.changed:
            self.store.changed.notify_all()
        self._server.stop()

    def cut_watches(self) -> None:
        """End every open watch, as a restarting API server does."""
        self.faults.cut_watches()
        with self.store.changed:
            self.store.changed.notify_all()


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class _ApiHandler(Handler):
    """One connection of a client."""

    api: ApiServer

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        request = Request.of(self.command, parts.path, query, self.headers, self.read_body())
        agent = self.headers.get("User-Agent", "")
        fault = self.api.faults.take(request.verb, request.plural, request.subresource, agent, request.namespace)
        cuts = self.api.faults.cuts
        try:
            if fault is not None:
                self._suffer(fault, request)
            with self.api.store.written_by(agent):
                result = self._reviewed(request, agent) or answer(
                    self.api.objects, request, self.api.now(), lambda: self._over(cuts)
                )
            if fault is not None and fault.drop == "after":
                raise _DroppedError  # noqa: TRY301  # both ends of a drop are handled in one place
        except _DroppedError:
            self._note(request, parts.query, agent, 0)
            self.close_connection = True
            return
        except NoSuchPathError as error:
            self._note(request, parts.query, agent, error.code)
            self.send(error.code, error.text.encode(), "text/plain; charset=utf-8")
            return
        except ApiError as error:
            result = Answer(error.code, error.status(), headers=dict(error.headers))
        self._note(request, parts.query, agent, result.code)
        if result.events is not None:
            self._stream(result.events)
        else:
            self.send(result.code, json.dumps(result.body).encode(), "application/json", result.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # names of the base class

    def _reviewed(self, request: Request, agent: str) -> Answer | None:
        faults = self.api.faults
        body = review(
            request,
            lambda verb, resource, subresource, namespace: faults.forbid(verb, resource, subresource, agent, namespace),
        )
        return Answer(HTTPStatus.CREATED, body) if body is not None else None

    def _suffer(self, fault: Fault, request: Request) -> None:
        if fault.delay_seconds:
            threading.Event().wait(fault.delay_seconds)
        if fault.hang:
            self.api.faults.hang(_HANG_SECONDS)
        if fault.drop == "before" or self.client_has_left():
            raise _DroppedError
        if fault.code:
            reason = _REASONS.get(fault.code, "InternalError")
            headers = [("Retry-After", str(fault.retry_after))] if fault.retry_after else []
            text = f"{request.verb} {request.plural}: {reason}, by an injected fault"
            details = {"name": request.name, "kind": request.plural}
            raise ApiError(fault.code, reason, text, details=details, headers=headers)

    def _over(self, cuts: int) -> bool:
        return self.api.stopping or self.api.faults.cuts != cuts

    def _note(self, request: Request, query: str, agent: str, code: int) -> None:
        what = (request.verb, request.plural or request.path, request.subresource, request.namespace, request.name)
        self.api.log.note(Logged(*what, query, agent, code))

    def _stream(self, events: Iterator[Json]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
