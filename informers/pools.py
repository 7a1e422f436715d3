"""Connection pools: TLS, client certificate and proxy, from what was read.

One TLS context for a pool, or each new connection would load the authorities again.
"""

import ssl
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers
from urllib3.util.ssl_ import create_urllib3_context

from informers.access import Connection
from informers.environment import proxy_for, trusted_authorities
from informers.errors import ConfigurationError
from informers.inflight import make_cuttable


def new_pool(connection: Connection, *, size: int, environ: Mapping[str, str]) -> urllib3.PoolManager:
    """Return a pool of connections to the API server; none is opened yet.

    Args:
        connection: what to reach, and how.
        size: connections kept; more would be thrown away after use.
        environ: says which proxy to use if the connection names none, and whom to trust if it names no authorities.

    Raises:
        ConfigurationError: a certificate, an authority or a proxy cannot be used; the message says which.
    """
    arguments: dict[str, Any] = {"maxsize": size, "retries": False}  # they would repeat a write, and sleep in the call
    if connection.host.startswith("https:"):
        context = _context(connection, environ)
        arguments |= {"ssl_context": context, "cert_reqs": context.verify_mode}
        if connection.server_name:
            arguments["server_hostname"] = connection.server_name
    proxy = connection.proxy or proxy_for(connection.host, environ)
    pool = _behind(proxy, arguments) if proxy else urllib3.PoolManager(**arguments)
    make_cuttable(pool)
    return pool


def _behind(proxy: str, arguments: Mapping[str, Any]) -> urllib3.PoolManager:
    parts = urlsplit(proxy)
    user = parts.netloc.rpartition("@")[0]
    headers = make_headers(proxy_basic_auth=unquote(user)) if user else None
    try:
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **arguments)
    except (HTTPError, ValueError) as error:
        raise ConfigurationError(f"the proxy {parts.hostname} cannot be used: is its address right?") from error


def _context(connection: Connection, environ: Mapping[str, str]) -> ssl.SSLContext:
    context = None if connection.authorities else trusted_authorities(environ)
    if context is None:
        context = create_urllib3_context()
    try:
        if connection.authorities:
            context.load_verify_locations(cadata=connection.authorities)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{connection.host}: its certificate authority is not in PEM format") from error
    if not connection.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if connection.certificate:
        _load_certificate(context, *connection.certificate, what=connection.host)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str, *, what: str) -> None:
    """Load our certificate. OpenSSL reads files only; these have no name, so that nothing is left however we end."""
    with _unnamed_file() as certificate_file, _unnamed_file() as key_file:
        for file, text in ((certificate_file, certificate), (key_file, key)):
            file.write(text.encode(errors="replace"))
            file.seek(0)
        paths = [f"/dev/fd/{file.fileno()}" for file in (certificate_file, key_file)]
        try:
            # An empty password, or OpenSSL asks for one at the terminal.
            context.load_cert_chain(paths[0], paths[1], password="")
        except (OSError, ValueError) as error:
            why = "is the key encrypted, or another certificate's?"
            raise ConfigurationError(f"{what}: the client certificate and key cannot be used: {why}") from error


def _unnamed_file() -> IO[bytes]:
    try:
        return TemporaryFile()
    except OSError as error:
        raise ConfigurationError(f"a client certificate needs a directory for temporary files: {error}") from error
