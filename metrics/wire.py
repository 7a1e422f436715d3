"""One exchange with Prometheus over HTTP, bounded in time and size, whatever the other side does.

Failures are told in the words of the operating system, of OpenSSL, or our own: an exception's text may hold what was
sent, such as a token.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore

from metrics.access import Header
from metrics.address import MetricsServerError, without_credentials
from metrics.answers import Answer, AnswerError
from metrics.connections import Backend
from metrics.texts import safe
from metrics.types import ObserverClosedError

MOST_BYTES = 1024 * 1024  # an answer to our queries is one number; more is not from Prometheus, or not for us
_KEPT_SECONDS = 5.0  # that a connection may be idle; proxies on the way close it some time later
_HUNG_PER_CONNECTION = 4


class Wire:
    """Posts to one address. Safe to share between threads."""

    def __init__(
        self, url: str, *, connections: int, environ: Mapping[str, str], monotonic: Callable[[], float]
    ) -> None:
        """Make the one pool of connections; a new one per query would load the CA bundle each time (CONTRACTS P12).

        Args:
            url: where to post; user and password in it are not used.
            connections: how many posts may be under way at once.
            environ: may hold HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and SSL_CERT_FILE or SSL_CERT_DIR.
            monotonic: clock, in seconds.

        Raises:
            MetricsServerError: the proxy or the certificates cannot be used.
        """
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._url = httpcore.URL(
            scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=parts.path or "/"
        )
        self._headers: Sequence[Header] = [
            (b"Host", host.encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"User-Agent", b"flagger"),
        ]
        self._backend = Backend(_HUNG_PER_CONNECTION * connections, monotonic)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trust(environ) if parts.scheme == "https" else None,
            max_connections=connections,
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=self._backend,
            proxy=_proxy(parts.scheme, host, environ),
        )

    def post(self, headers: Sequence[Header], form: bytes, *, deadline: float, seconds: float) -> Answer:
        """Post a form and return the answer.

        Args:
            headers: besides those that any post has.
            form: the body, encoded.
            deadline: when this ends at the latest, by the clock.
            seconds: how long that is from the beginning: for messages.

        Raises:
            AnswerError: there was no answer, or none that could be taken.
            ObserverClosedError: the wire was cut meanwhile.
        """
        answering = False
        length = (b"Content-Length", str(len(form)).encode())
        try:
            with (
                self._backend.until(deadline),
                self._pool.stream(
                    "POST",
                    self._url,
                    headers=[*self._headers, length, *headers],
                    content=form,
                    extensions={"timeout": {"pool": seconds}},
                ) as response,
            ):
                answering = True
                return _answer(response)
        except AnswerError:
            raise
        except Exception as error:  # foreign code that reads foreign data; its words may hold what was sent
            if self._backend.is_cut:
                raise ObserverClosedError from None
            raise AnswerError(_what_happened(error, seconds, answering=answering)) from error

    def cut(self) -> None:
        """End every post under way, and all that come."""
        self._backend.cut()

    def close(self) -> None:
        """Close what is kept. Nothing may be under way."""
        self._pool.close()


def _answer(response: httpcore.Response) -> Answer:
    """Read an answer as it was sent: what is packed can be a thousand times as large when it is unpacked."""
    headers = {name.lower(): value for name, value in response.headers}
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding != "identity":
        raise AnswerError(f"answered with Content-Encoding {safe(encoding, 60)}, which it was not asked for")
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise AnswerError(f"answered with more than {MOST_BYTES // 1024} KiB, is it Prometheus?")
    return Answer(response.status, response.extensions.get("reason_phrase", b""), headers, bytes(body))


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


def _trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a TLS context with the certificate authorities that are named, else those of the system and of certifi."""
    file, directory = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    name, path = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", directory)
    try:
        if file or directory:
            return ssl.create_default_context(cafile=file or None, capath=None if file else directory)
        return httpcore.default_ssl_context()
    except OSError as error:
        raise MetricsServerError(f"{name}: {path} cannot be used: {error.strerror or 'no certificates'}") from error


def _proxy(scheme: str, host: str, environ: Mapping[str, str]) -> httpcore.Proxy | None:
    """Return the proxy on the way to a host, or None. Names in lower case win, as with curl."""
    proxies = {name.lower(): environ[name] for name in sorted(environ) if name.lower().endswith("_proxy")}
    name = next((name for name in (f"{scheme}_proxy", "all_proxy") if proxies.get(name)), None)
    if name is None or _is_direct(host, proxies.get("no_proxy", "")):
        return None
    url = proxies[name] if "://" in proxies[name] else f"http://{proxies[name]}"
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        shown = safe(without_credentials(url))
        raise MetricsServerError(
            f"{name.upper()}: {shown} cannot be used for Prometheus: name an http:// proxy, or put {host} into NO_PROXY"
        )
    login = (unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")) if parts.username else None
    return httpcore.Proxy(httpcore.URL(scheme="http", host=parts.hostname, port=port, target="/"), auth=login)


def _is_direct(host: str, no_proxy: str) -> bool:
    """Return whether a host (``name``, ``name:port``) is one that no proxy is for: by itself, or below a domain."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    entries = {entry.strip().lower().removeprefix("*").lstrip(".") for entry in no_proxy.split(",") if entry.strip()}
    names = {name.lower().strip("[]"), name.lower(), host.lower()}
    return any(entry in {"", one} or one.endswith(f".{entry}") for entry in entries for one in names)
