"""What the environment says is shown to Prometheus: credentials and headers. Wrong settings are refused at the start.

A token from a file is read again while the process runs, because those that Kubernetes and cloud providers issue expire
within the hour. What is shown here is hidden in everything that Prometheus answers: some servers repeat it.
"""

import base64
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from metrics.address import MetricsServerError

log = logging.getLogger(__name__)

REREAD_SECONDS = 10.0
_SHORTEST_HIDDEN = 8  # of headers: "team-a" may be shown, and hiding a "1" would make every text unreadable
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_INVISIBLE = re.compile(r"[^\x21-\x7e]")
_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding"}
    | {"trailer", "upgrade", "user-agent"}
)

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class _TokenFile:
    path: Path
    token: str
    due: float  # when it is read again
    before: str = ""  # the token that this one replaced: an answer under way may repeat it


@dataclass(slots=True)
class Access:
    """Thread-safe."""

    _headers: Sequence[Header]
    _hidden: Sequence[str]
    _file: _TokenFile | None
    _monotonic: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def headers(self) -> list[Header]:
        """Return the headers of a request that is sent now."""
        if self._file is None:
            return [*self._headers]
        with self._lock:
            due = self._monotonic() >= self._file.due
        if due:
            self._read_again(self._file)
        with self._lock:
            return [*self._headers, _bearer(self._file.token)]

    def renewed(self, shown: Sequence[Header]) -> bool:
        """Return whether there is something else to show than what was refused: a token file is read at once."""
        if self._file is None:
            return False
        self._read_again(self._file)
        return self.headers() != list(shown)

    def hide(self, text: bytes) -> bytes:
        """Return a text without the credentials that were shown."""
        hidden = list(self._hidden)
        if self._file is not None:
            with self._lock:
                hidden += [self._file.token, self._file.before]
        for secret in hidden:
            if secret:
                text = text.replace(secret.encode(), b"...")
        return text

    def _read_again(self, file: _TokenFile) -> None:
        """Take over what the file holds now; while that cannot be used, the old token stays."""
        try:
            token = _read(file.path)
        except MetricsServerError as error:
            log.warning("Token of Prometheus not renewed, the old one stays in use", extra={"error": str(error)})
            token = None
        with self._lock:
            file.due = self._monotonic() + REREAD_SECONDS
            if token not in {None, file.token}:
                file.before, file.token = file.token, token or ""


def access_of(url: str, environ: Mapping[str, str], monotonic: Callable[[], float]) -> Access:
    """Return what is shown to the Prometheus at an address.

    Args:
        url: may hold a user and a password.
        environ: PROMETHEUS_TOKEN, or PROMETHEUS_TOKEN_FILE, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD, the first
            that is set; and PROMETHEUS_HEADERS, a header a line.
        monotonic: clock in seconds.

    Raises:
        MetricsServerError: one of them cannot be sent, or the file cannot be read; what is wrong, but never the value.
    """
    headers = _headers(environ.get("PROMETHEUS_HEADERS", ""))
    hidden = [value.decode() for _, value in headers if len(value) >= _SHORTEST_HIDDEN]
    token, path = environ.get("PROMETHEUS_TOKEN", "").strip(), environ.get("PROMETHEUS_TOKEN_FILE", "").strip()
    login = _login(url, environ)
    if (token or path or login) and any(name.lower() == b"authorization" for name, _ in headers):
        raise MetricsServerError("PROMETHEUS_HEADERS holds an Authorization, and there are other credentials: keep one")
    if token:
        _check_token(token, "PROMETHEUS_TOKEN")
        return Access([*headers, _bearer(token)], [*hidden, token], None, monotonic)
    if path:
        file = _TokenFile(Path(path), _read(Path(path)), monotonic() + REREAD_SECONDS)
        return Access(headers, hidden, file, monotonic)
    if login:
        basic = base64.b64encode(":".join(login).encode()).decode()
        headers.append((b"Authorization", f"Basic {basic}".encode()))
        hidden += [basic, login[1]]
    return Access(headers, hidden, None, monotonic)


def _bearer(token: str) -> Header:
    return b"Authorization", f"Bearer {token}".encode()


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise MetricsServerError(f"PROMETHEUS_TOKEN_FILE: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise MetricsServerError(f"PROMETHEUS_TOKEN_FILE: {path} is not a text") from error
    if not token:
        raise MetricsServerError(f"PROMETHEUS_TOKEN_FILE: {path} is empty")
    _check_token(token, f"PROMETHEUS_TOKEN_FILE: {path}")
    return token


def _check_token(token: str, where: str) -> None:
    wrong = _INVISIBLE.search(token)
    if wrong:
        character = f"character {wrong.start() + 1} is U+{ord(wrong[0]):04X}"
        raise MetricsServerError(f"{where} must be one word of visible ASCII characters, and its {character}")


def _login(url: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password, each without the line break that ``echo`` puts behind it."""
    user, password = environ.get("PROMETHEUS_USERNAME", "").strip(), environ.get("PROMETHEUS_PASSWORD", "")
    where = "PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD"
    if not user:
        parts = urlsplit(url)
        user, password = unquote(parts.username or "").strip(), unquote(parts.password or "")
        where = "the user and password of the address"
    if not user and not password:
        return None
    login = user, password.rstrip("\r\n")
    if ":" in user or any("\ud800" <= c <= "\udfff" for c in "".join(login)):
        raise MetricsServerError(f"{where} must be valid UTF-8, and the user without a colon")
    return login


def _headers(lines: str) -> list[Header]:
    """Return the headers that a text holds, one a line. A value is not repeated in a message: it may be a secret."""
    headers = []
    for number, line in enumerate(lines.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = (part.strip(" \t") for part in line.partition(":"))
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise MetricsServerError(
                f"PROMETHEUS_HEADERS, line {number}, is not a header in ASCII such as X-Scope-OrgID: team-a"
            )
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            raise MetricsServerError(f"PROMETHEUS_HEADERS, line {number}: {name} cannot be set")
        headers.append((name.encode(), value.encode()))
    return headers
