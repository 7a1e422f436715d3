"""What environment variables say about the way to a server: its proxy, and the authorities to trust.

One place for the API server and Prometheus, so that both go the same way. The libraries read the variables each in its
own way: one stops at an entry of ``NO_PROXY`` that it cannot parse, and none names the variable that is wrong.
"""

import re
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from informers.errors import ConfigurationError

_HOST = re.compile(r"[0-9A-Za-z._~%:-]+")
_PORTS = {"http": 80, "https": 443}


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an ``http://`` or ``https://`` address with a host and, if any, a valid port; else None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or port == 0 or not _HOST.fullmatch(parts.hostname or ""):
        return None
    return parts


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the address of the proxy that a server is to be reached through, or None for none.

    ``HTTPS_PROXY`` or ``HTTP_PROXY`` by the scheme of the server, else ``ALL_PROXY``, unless ``NO_PROXY`` lists the
    server: a name (which covers what is below it), an address, a network, each with or without a port, or ``*``. An
    entry that is none of these matches nothing. Lower case wins over upper case. This machine's own addresses are never
    reached through a proxy, as in Go.

    Args:
        url: of the server.
        environ: the environment.

    Raises:
        ConfigurationError: the variable that applies does not name an HTTP proxy.
    """
    parts = split_url(url)
    if parts is None or _is_reached_directly(parts, environ):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        value = _variable(environ, name)
        if value:
            return validated_proxy(value, f"the environment variable {name.upper()}")
    return None


def validated_proxy(value: str, what: str) -> str:
    """Return the URL of a proxy.

    Args:
        value: as it was given, with or without ``http://``. It may hold a password, so no message repeats it.
        what: where it was given.

    Raises:
        ConfigurationError: it is not the address of an HTTP proxy.
    """
    url = value if "://" in value else f"http://{value}"
    if url.lower().startswith("socks"):
        raise ConfigurationError(
            f"{what} names a SOCKS proxy, which is not supported: name an http:// or https:// proxy instead, or list "
            "the server in NO_PROXY if it can be reached without"
        )
    if split_url(url) is None:
        raise ConfigurationError(f"{what} is not the address of a proxy such as http://proxy:3128")
    return url


def trusted_authorities(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return a TLS context that trusts the authorities of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    None if neither is set: then the library's own default is right.

    Raises:
        ConfigurationError: what they name cannot be read, or is not in PEM format.
    """
    file, directories = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not directories:
        return None
    if directories and not any(Path(directory).is_dir() for directory in directories.split(":")):
        raise ConfigurationError(f"the environment variable SSL_CERT_DIR names {directories}, which is not a directory")
    try:
        return ssl.create_default_context(cafile=file or None, capath=directories or None)
    except ssl.SSLError as error:
        why = "which holds no certificates in PEM format"
        raise ConfigurationError(f"the environment variable SSL_CERT_FILE names {file}, {why}") from error
    except (OSError, ValueError) as error:
        why = f"which cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigurationError(f"the environment variable SSL_CERT_FILE names {file}, {why}") from error


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return a variable in lower or upper case; one that is set to nothing in lower case is not set."""
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _is_reached_directly(parts: SplitResult, environ: Mapping[str, str]) -> bool:
    host = (parts.hostname or "").lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    port = parts.port or _PORTS[parts.scheme]
    entries = _variable(environ, "no_proxy").lower().split(",")
    return any(_covers(entry.strip(), host, address, port) for entry in entries)


def _covers(entry: str, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
    """Whether one entry of ``NO_PROXY`` covers a server."""
    if entry == "*":
        return True
    name, its_port = _name_and_port(entry)
    if its_port not in {"", str(port)}:
        return False
    if address is None:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False


def _name_and_port(entry: str) -> tuple[str, str]:
    """Return ``name`` and ``port`` ("" if there is none) of ``name:port``, ``[fd00::1]:port`` and the like."""
    entry = entry.rpartition("://")[2]
    if entry.startswith("["):
        inner, _, rest = entry[1:].partition("]")
        return (inner + rest, "") if rest.startswith("/") else (inner, rest.removeprefix(":"))
    name, colon, port = entry.partition(":")
    return (name, port) if colon and ":" not in port else (entry, "")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
