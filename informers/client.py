"""The one client that talks to the API server: raw requests through a connection pool of urllib3.

Objects stay JSON dicts, so that fields we don't know survive. A write goes out once: whoever sent it looks at the world
again if the answer is lost (contract C1).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError, ProxyError, SSLError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

from informers.credentials import Credentials, Login
from informers.deadlines import Deadlines
from informers.errors import ApiError, ServerError, TransportError, UnauthorizedError, error_from
from informers.identity import identity
from informers.inflight import InFlight
from informers.nesting import decode_object
from informers.resources import Resource
from informers.types import IdentityError, Json, Partial

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 60.0  # of a request for one object, and of the head of a stream: the API server's own --request-timeout
MOST_BYTES = 16 * 1024 * 1024  # of an answer that is one object; etcd holds 1.5 MiB
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
_OK = range(200, 300)
_CHUNK = 65536

Counter = Callable[[str, str, int, float], None]
"""Called once per request, with verb, resource, code (0: no answer) and the seconds until the answer began."""


class KubeClient:
    """Fulfils ``informers.types.Writer``, and opens streams for lists and watches. Safe to share between threads."""

    def __init__(
        self,
        login: Login,
        *,
        user_agent: str,
        pool_size: int,
        count: Counter = lambda _verb, _resource, _code, _seconds: None,
        monotonic: Callable[[], float] = time.monotonic,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Load the credentials; nothing is sent yet.

        Args:
            login: from ``informers.credentials.find_login``.
            user_agent: program and version, so that audit logs tell us apart.
            pool_size: at least as many as there are threads and watches that use the client at once.
            count: told of every request.
            monotonic: clock in seconds.
            total_seconds: the most that one request may take in all; of a list or a watch, until its head is there.

        Raises:
            ConfigurationError: the login cannot be loaded.
        """
        self.namespace = login.namespace
        self._credentials = Credentials(login, pool_size=pool_size, monotonic=monotonic)
        self._user_agent = user_agent
        self._count = count
        self._monotonic = monotonic
        self._total_seconds = total_seconds
        self._deadlines = Deadlines()

    @property
    def host(self) -> str:
        """Base URL of the API server."""
        return self._credentials.host

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object."""
        return self._object("get", resource, resource.path(namespace, name), name)

    def get_path(self, path: str) -> Json:
        """Read what stands at a path: discovery."""
        return self._json("get", None, path, path)

    def create(self, resource: Resource, namespace: str, obj: Json) -> Json:
        """Create an object, or ask for a review: reviews have no namespace, and are kept nowhere."""
        name = obj.get("metadata", {}).get("name", "")
        send = self._object if namespace else self._json
        return send("create", resource, resource.path(namespace), name, body=obj)

    def replace(self, resource: Resource, namespace: str, name: str, obj: Json) -> Json:
        """PUT a whole object: for the one that is ours alone, the lease."""
        return self._object("update", resource, resource.path(namespace, name), name, body=obj)

    def json_patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Json], *, subresource: str = ""
    ) -> Json:
        """Send a JSON patch; a ``test`` that fails raises ``ConflictError``."""
        path = resource.path(namespace, name, subresource)
        return self._object("patch", resource, path, name, body=list(operations), content_type=JSON_PATCH)

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """Send a merge patch; ``metadata.resourceVersion`` in it is a precondition and raises ``ConflictError``."""
        path = resource.path(namespace, name, subresource)
        return self._object("patch", resource, path, name, body=patch, content_type=MERGE_PATCH)

    def open(
        self, verb: str, resource: Resource, path: str, query: Mapping[str, object], *, read_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Open a stream for a list or a watch; the caller closes it. An answer other than 200 is raised."""
        what = f"{verb} {resource.plural}"
        with self._cut_off_after_total(what):
            response = self._send(verb, resource, path, query=query, read_seconds=read_seconds)
            if response.status not in _OK:
                raise self._error(what, response, self._body(what, response), json_patch=False)
        return response

    def read(self, what: str, response: urllib3.BaseHTTPResponse) -> Json:
        """Read an answer that is one object to its end, and close it."""
        data = self._body(what, response)
        try:
            parsed: Any = decode_object(data)
        except ValueError as error:
            raise ServerError(f"{what}: {self.host} answered {data[:80]!r}, which is not JSON") from error
        if not isinstance(parsed, dict):
            raise ServerError(f"{what}: {self.host} answered JSON that is not an object")
        if isinstance(parsed, Partial):
            raise ServerError(f"{what}: {self.host} answered an object that is nested too deeply")
        return parsed

    def close(self) -> None:
        """Close every kept connection."""
        self._credentials.close()
        self._deadlines.close()

    def _object(self, verb: str, resource: Resource, path: str, name: str, **sent: Any) -> Json:  # noqa: ANN401  # JSON
        """Send a request that is answered with an object as it is kept."""
        answer = self._json(verb, resource, path, name, **sent)
        try:
            identity(answer)
        except IdentityError as error:
            what = f"{verb} {resource.plural} {name}"
            raise ServerError(f"{what}: {self.host} answered what is no object: {error}") from error
        return answer

    def _json(
        self,
        verb: str,
        resource: Resource | None,
        path: str,
        name: str,
        *,
        body: object = None,
        content_type: str = "application/json",
    ) -> Json:
        what = f"{verb} {resource.plural} {name}" if resource else f"{verb} {path}"
        with self._cut_off_after_total(what):
            response = self._send(verb, resource, path, body=body, content_type=content_type)
            if response.status not in _OK:
                data = self._body(what, response)
                raise self._error(what, response, data, json_patch=content_type == JSON_PATCH)
            return self.read(what, response)

    def _body(self, what: str, response: urllib3.BaseHTTPResponse) -> bytes:
        """Read an answer to its end and close it."""
        body = bytearray()
        try:
            with response:
                while chunk := response.read(_CHUNK):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise ServerError(f"{what}: {self.host} answered with more than {MOST_BYTES >> 20} MiB")
        except HTTPError as error:
            raise TransportError(f"{what}: the answer from {self.host} broke off: {error}") from error
        return bytes(body)

    def _send(
        self,
        verb: str,
        resource: Resource | None,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        content_type: str = "application/json",
        read_seconds: float = READ_SECONDS,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request; repeat it once after a 401 with fresh credentials, for then the server did nothing."""
        what = f"{verb} {resource.plural if resource else path}"
        path += f"?{urlencode({k: _query_value(v) for k, v in query.items()})}" if query else ""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        if data is not None:
            headers["Content-Type"] = content_type
        method = {"create": "POST", "update": "PUT", "patch": "PATCH"}.get(verb, "GET")
        most = read_seconds if verb == "watch" else min(read_seconds, self._total_seconds)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, most), read=most)
        for last in (False, True):
            authorization = self._credentials.authorization()
            url = self.host + path  # after the header, which may have loaded both again
            if authorization:
                headers["Authorization"] = authorization
            began, code = self._monotonic(), 0
            try:
                response = self._once_or_again(what, method, url, data, headers, timeout, repeat=data is None)
                code = response.status
            finally:
                self._count(verb, resource.plural if resource else "", code, self._monotonic() - began)
            unauthorized = response.status == 401  # noqa: PLR2004
            if last or not unauthorized or not self._credentials.renew(authorization):
                return self._plain(what, response)
            response.drain_conn()
            response.release_conn()
        raise UnauthorizedError(what)  # unreachable: the loop returns

    def _plain(self, what: str, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        """Return the answer if it is not encoded: a few bytes can be decoded to gigabytes, and none are asked for."""
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            response.close()
            raise ServerError(f"{what}: {self.host} answered encoded as {encoding!r}, which was not asked for")
        return response

    def _once_or_again(  # one request has these parts
        self,
        what: str,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
        *,
        repeat: bool,
    ) -> urllib3.BaseHTTPResponse:
        """Send; a read is repeated once, at once, if a kept connection turns out to be closed (contract C2)."""
        pool = self._credentials.pool()
        for last in (not repeat, True):
            try:
                return pool.urlopen(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    timeout=timeout,
                    preload_content=False,
                    decode_content=False,
                    retries=False,
                    redirect=False,
                )
            except HTTPError as error:
                if last or not isinstance(error, ProtocolError):
                    raise self._transport_error(what, error) from error
        raise AssertionError("the second try returns or raises")

    def _transport_error(self, what: str, error: HTTPError) -> ApiError:
        match error:
            case NewConnectionError():
                happened = "cannot be reached, is the address right and the server up?"
            case ProxyError():
                happened = f"cannot be reached through its proxy: {error}"
            case SSLError():
                happened = f"TLS failed: {error}"
            case UrllibTimeoutError():
                happened = "did not answer in time"
            case _:
                happened = f"the connection broke off: {error}"
        return TransportError(f"{what}: {self.host} {happened}", reason=type(error).__name__)

    def _error(self, what: str, response: urllib3.BaseHTTPResponse, body: bytes, *, json_patch: bool) -> ApiError:
        retry_after, date = response.headers.get("Retry-After"), response.headers.get("Date")
        return error_from(what, response.status, body, retry_after=retry_after, date=date, json_patch=json_patch)

    @contextmanager
    def _cut_off_after_total(self, what: str) -> Iterator[None]:
        """Cut the request of this thread off when its time is up; what has come until then is no answer."""
        request = InFlight()
        late = f"{what}: {self.host} did not finish its answer within {self._total_seconds:g} s"
        try:
            with request.on_this_thread(), self._deadlines.cut_off_after(self._total_seconds, request.cut):
                yield
        except ApiError as error:
            if not request.is_cut:
                raise
            raise TransportError(late) from error
        if request.is_cut:
            raise TransportError(late)


def _query_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
