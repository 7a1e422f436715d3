"""The address of Prometheus: what it must look like, and what of it may be shown. Pure."""

from urllib.parse import SplitResult, urlsplit

_VISIBLE = {chr(code) for code in range(0x21, 0x7F)}


class MetricsServerError(ValueError):
    """Prometheus cannot be asked with these settings; the message says which one is wrong and what would be right."""


def validate_url(url: str) -> None:
    """Raise ``MetricsServerError`` if an address is not one that Prometheus could have."""
    parts = _split(url)
    given = "" if "@" in url or "?" in url else f"{url!r} "  # what may hold a password is not repeated
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or not _has_good_port(parts):
        raise MetricsServerError(f"{given}is not an address such as http://prometheus:9090".lstrip())
    if parts.query or parts.fragment:
        raise MetricsServerError("an address such as http://prometheus:9090 must not have a query or a fragment")
    if not set(f"{parts.netloc.rpartition('@')[2]}{parts.path}") <= _VISIBLE:
        raise MetricsServerError(f"{given}must be of visible ASCII characters: encode others as %XX".lstrip())


def without_credentials(url: str) -> str:
    """Return an address as it may be shown: without user, password, query and fragment, wherever it comes from."""
    parts = _split(url)
    if parts is None:
        return "an address that cannot be read"
    path = "" if "@" in parts.path else parts.path
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{path}" if host else path or "nowhere"


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
