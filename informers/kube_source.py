"""Lists and watches of one kind from the API server, in one namespace or in all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from informers.client import READ_SECONDS, KubeClient
from informers.errors import KindNotServedError, ServerError, TransportError
from informers.inflight import InFlight, cut, cut_off_after
from informers.nesting import decode_event
from informers.resources import Resource
from informers.shapes import Shape
from informers.source import Page, WatchEvent, version_of
from informers.stop import Stop
from informers.streaming import decode_list, lines
from informers.types import IdentityError, Json

SILENCE_SECONDS = 70.0  # servers send a bookmark about once a minute
LIST_SECONDS = 300.0  # of one page in all, however slow; the API server itself ends a list after a minute
_CHUNK = 65536


class KubeSource:
    """Fulfils ``informers.source.Source``."""

    def __init__(
        self,
        client: KubeClient,
        resource: Callable[[], Resource],
        *,
        kind: str,
        plural: str,
        namespace: str = "",
        only: str = "",
        shape: Shape | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what to read.

        Args:
            client: the client; each watch holds one of its connections.
            resource: which version is served, asked at every list, since a CRD may be installed after us.
            kind: as objects of it say.
            plural: for messages.
            namespace: the one to read, or "" for all.
            only: the name of the one object to read, or "" for all.
            shape: what is decoded of an object; None: all of it.
            forget: called when the path turns out not to be served any more.
        """
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._only = only
        self._shape = shape
        self._forget = forget
        self.kind = kind
        self.name = f"{plural} in {namespace}" if namespace else plural

    def list(
        self, *, resource_version: str, limit: int, continue_token: str, take: Callable[[Json], None], stop: Stop
    ) -> Page:
        """Read one page; see ``Source.list``."""
        query: dict[str, object] = {"resourceVersion": resource_version} if resource_version else {}
        if continue_token:
            query = {"continue": continue_token}
        if limit:
            query["limit"] = limit
        with self._open("list", query, READ_SECONDS, stop) as response, ended_by(stop, response, LIST_SECONDS):
            try:
                rest = decode_list(_chunks(response), take, self._shape)
            except (HTTPError, ValueError) as error:
                raise TransportError(f"list {self.name}: {_what_is_wrong(response, error)}") from error
        if rest.get("kind") != f"{self.kind}List" or not isinstance(rest.get("metadata"), dict):
            raise ServerError(f"list {self.name}: the answer is a {rest.get('kind')!r}, not a {self.kind}List")
        more = rest["metadata"].get("continue") or ""
        try:
            # A continue page's version is not used (contract R4).
            return Page(resource_version="" if continue_token else version_of(rest), continue_token=str(more))
        except IdentityError as error:
            raise ServerError(f"list {self.name}: {error}") from error

    @contextmanager
    def watch(self, *, resource_version: str, timeout_seconds: int, stop: Stop) -> Iterator[Iterator[WatchEvent]]:
        """Open a watch; see ``Source.watch``."""
        query = {
            "watch": True,
            "resourceVersion": resource_version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": timeout_seconds,
        }
        seconds = timeout_seconds + SILENCE_SECONDS  # a server that heeds its own timeout is not cut off
        with self._open("watch", query, SILENCE_SECONDS, stop) as response, ended_by(stop, response, seconds):
            yield _events(response, self._shape)

    def _path(self, verb: str) -> str:  # noqa: ARG002  # a source of another kind reads and watches at two paths
        return self._resource().path(self._namespace)

    def _open(self, verb: str, query: dict[str, object], read_seconds: float, stop: Stop) -> urllib3.BaseHTTPResponse:
        request = InFlight()
        with request.on_this_thread(), stop.waking(request.cut):
            resource = self._resource()
            if self._only:  # a role can grant this by name
                query = {**query, "fieldSelector": f"metadata.name={self._only}"}
            try:
                return self._client.open(verb, resource, self._path(verb), query, read_seconds=read_seconds)
            except KindNotServedError as error:
                self._forget()
                raise KindNotServedError(resource.not_served, code=error.code) from error


@contextmanager
def ended_by(stop: Stop, response: urllib3.BaseHTTPResponse, seconds: float) -> Iterator[None]:
    """Cut the stream when stop is set, and when its time is up: a server may trickle for ever (contract P9)."""
    end = partial(cut, response)
    with stop.waking(end), cut_off_after(seconds, end):
        yield


def _events(response: urllib3.BaseHTTPResponse, shape: Shape | None = None) -> Iterator[WatchEvent]:
    """Yield events until the stream ends, breaks, falls silent, or holds a line that is not JSON."""
    try:
        for line in lines(_chunks(response)):
            shaped = shape.event(line) if shape else None
            if shaped:
                yield WatchEvent(*shaped)
                continue
            event: Any = decode_event(line)
            kind, obj = event["type"], event["object"]
            if not isinstance(kind, str) or not isinstance(obj, dict):
                return
            yield WatchEvent(kind, obj)
    except (HTTPError, ValueError, KeyError, TypeError):
        return  # whoever reads on resumes at the last version


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterable[bytes]:
    """Yield bytes as they arrive: ``stream`` would hold back a body without chunks until its end (contract P3)."""
    if response.chunked:
        yield from response.stream(None)
        return
    while chunk := response.read1(_CHUNK):
        yield chunk


def _what_is_wrong(response: urllib3.BaseHTTPResponse, error: Exception) -> str:
    if isinstance(error, ReadTimeoutError):
        return "the answer stalled"
    if isinstance(error, ValueError):
        return f"the answer ({response.headers.get('Content-Type')}) is not a list: {error}"
    return f"the answer broke off: {error}"
