"""One exchange with Prometheus over HTTP, bounded in time and size, whatever the other side does.

httpx speaks, over connections of ours: its timeouts count per receive, and it has no way to cut a socket.

Failures are told in the words of the operating system, of OpenSSL, or our own: an exception's text may hold what was
sent, such as a token.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore
import httpx

from informers.environment import proxy_for, trusted_authorities
from metrics.access import Header
from metrics.address import MetricsServerError, without_credentials
from metrics.answers import Answer, AnswerError, UnreachableError
from metrics.connections import Backend
from metrics.texts import safe
from metrics.types import ObserverClosedError

MOST_BYTES = 1024 * 1024  # an answer to our queries is one number; more is not from Prometheus, or not for us
_KEPT_SECONDS = 5.0  # that a connection may be idle; proxies on the way close it some time later
_HUNG_PER_CONNECTION = 4
_FORM: Header = (b"Content-Type", b"application/x-www-form-urlencoded")


class Wire:
    """Sends forms to one address. Safe to share between threads."""

    def __init__(
        self, url: str, *, connections: int, environ: Mapping[str, str], monotonic: Callable[[], float]
    ) -> None:
        """Make the one pool of connections; a new one per query would load the CA bundle each time (contract P12).

        Args:
            url: where to send; user and password in it are not used.
            connections: how many requests may be under way at once.
            environ: may hold HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and SSL_CERT_FILE or SSL_CERT_DIR.
            monotonic: clock, in seconds.

        Raises:
            MetricsServerError: the proxy cannot be used.
            informers.errors.ConfigurationError: the proxy or the certificates cannot be used.
        """
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._url = f"{parts.scheme}://{host}{parts.path}"
        headers: Sequence[Header] = [
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"flagger"),
        ]
        self._backend = Backend(_HUNG_PER_CONNECTION * connections, monotonic)
        trusted = trusted_authorities(environ) or httpcore.default_ssl_context() if parts.scheme == "https" else None
        pool = httpcore.ConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=self._backend,
            proxy=_proxy(self._url, host, environ),
        )
        self._client = httpx.Client(transport=_Transport(pool), headers=headers, trust_env=False)
        # Cookies of a proxy on the way would be kept and sent back until its limit for headers is reached.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def send(
        self, headers: Sequence[Header], form: bytes, *, method: str = "POST", deadline: float, seconds: float
    ) -> Answer:
        """Send a form and return the answer.

        Args:
            headers: besides those that any request has.
            form: encoded; the body of a POST, or behind the question mark of a GET.
            method: POST or GET.
            deadline: when this ends at the latest, by the clock.
            seconds: how long that is from the beginning: for messages.

        Raises:
            AnswerError: there was no answer, or none that could be taken.
            ObserverClosedError: the wire was cut meanwhile.
        """
        answering = False
        url, body = (f"{self._url}?{form.decode()}", None) if method == "GET" else (self._url, form)
        sent = headers if body is None else [*headers, _FORM]
        try:
            with (
                self._backend.until(deadline),
                self._client.stream(method, url, headers=sent, content=body, timeout=seconds) as response,
            ):
                answering = True
                return _answer(response)
        except AnswerError:
            raise
        except Exception as error:  # foreign code that reads foreign data; its words may hold what was sent
            if self._backend.is_cut:
                raise ObserverClosedError from None
            kind = UnreachableError if isinstance(error, httpcore.ConnectError | httpcore.ProxyError) else AnswerError
            raise kind(_what_happened(error, seconds, answering=answering)) from error

    def cut(self) -> None:
        """End every request under way, and all that come."""
        self._backend.cut()

    def close(self) -> None:
        """Close what is kept. Nothing may be under way."""
        self._client.close()


class _Transport(httpx.BaseTransport):
    """Carries the requests of a client over a pool of connections."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _answer(response: httpx.Response) -> Answer:
    """Read an answer as it was sent: what is packed can be a thousand times as large when it is unpacked."""
    headers = {name.lower(): value for name, value in response.headers.raw}
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding != "identity":
        raise AnswerError(f"answered with Content-Encoding {safe(encoding, 60)}, which it was not asked for")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise AnswerError(f"answered with more than {MOST_BYTES // 1024} KiB, is it Prometheus?")
    return Answer(response.status_code, response.extensions.get("reason_phrase", b""), headers, bytes(body))


def _what_happened(error: Exception, seconds: float, *, answering: bool) -> str:
    match error:
        case httpcore.TimeoutException():
            return f"did not {'finish its answer' if answering else 'answer'} within {seconds:g}s"
        case httpcore.ConnectError():
            return f"cannot be reached: {_why(error)}"
        case httpcore.ProxyError():
            return "cannot be reached: the proxy refused"
        case _:
            return f"failed: {type(error).__name__}"


def _why(error: Exception) -> str:
    """Return the operating system's or OpenSSL's own words; what a server said is not among them."""
    match error.args:  # httpcore's errors hold the one that they stand for
        case [ssl.SSLCertVerificationError(verify_message=str(text))]:
            return safe(text)
        case [ssl.SSLError(reason=str(text))] | [OSError(strerror=str(text))]:
            return safe(text)
        case _:
            return type(error).__name__


def _proxy(url: str, host: str, environ: Mapping[str, str]) -> httpcore.Proxy | None:
    """Return the proxy on the way to an address, or None."""
    found = proxy_for(url, environ)
    if found is None:
        return None
    parts = urlsplit(found)
    if parts.scheme != "http":
        raise MetricsServerError(
            f"the proxy {safe(without_credentials(found))} cannot be used for Prometheus: name an http:// proxy or put "
            f"{host} into NO_PROXY"
        )
    login = (unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")) if parts.username else None
    where = httpcore.URL(scheme="http", host=parts.hostname or "", port=parts.port or 80, target="/")
    return httpcore.Proxy(where, auth=login)
