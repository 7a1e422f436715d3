"""Everything that is needed to reach the API server and to prove who we are, read into one value.

The value holds contents, no paths: comparing two shows whether anything has changed, and no private key is written to a
file that would outlive us.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from informers.environment import split_url, validated_proxy
from informers.errors import ConfigurationError
from informers.kubeconfig import Context
from informers.plugin import Credential, run_plugin

FILE_SECONDS = 30.0  # tokens and certificates in files are read again that often, so that a new one is in use in 60 s
_TOKEN = re.compile(r"[\x21-\x7e]+")
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_EXPIRY_SECONDS = 60.0  # a token is renewed that long before it expires, or at half of its life if that is shorter


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the API server, TLS included: one pool of connections."""

    host: str  # URL without a slash at the end
    authorities: str | None = None  # PEM; None: those of the system
    certificate: tuple[str, str] | None = field(default=None, repr=False)  # PEM of our certificate and its key
    verified: bool = True
    server_name: str | None = None  # in its certificate, if that is not its host
    proxy: str | None = field(default=None, repr=False)  # None: as the environment says


@dataclass(frozen=True, slots=True)
class Access:
    """A way in, as it was when it was loaded."""

    connection: Connection
    authorization: str | None = field(default=None, repr=False)  # value of the header
    fresh_seconds: float | None = None  # how long until it should be loaded again; None: not before a 401


def validated_server(url: object, what: str) -> str:
    """Return the address of an API server, without a slash at the end.

    Raises:
        ConfigurationError: it is not an address, or holds user info, which would be logged with it.
    """
    parts = split_url(url) if isinstance(url, str) else None
    if parts is None or parts.query or parts.fragment:
        raise ConfigurationError(f"{what} is not an address such as https://10.0.0.1:6443")
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{what} must not hold user info, which would be logged: set username and password of the user instead"
        )
    return str(url).rstrip("/")


def from_service_account(mounted: Path, environ: Mapping[str, str]) -> Access:
    """Return the access of the pod that we run in.

    Raises:
        ConfigurationError: something of it is missing or cannot be used.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    what = "in-cluster configuration"
    if not host or not port:
        raise ConfigurationError(f"{what}: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    connection = Connection(
        host=validated_server(url, f"{what}: the address in KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT"),
        authorities=_read(mounted / "ca.crt", what),
    )
    return Access(connection, _bearer(_read(mounted / "token", what), f"{what}: {mounted / 'token'}"), FILE_SECONDS)


def from_context(
    context: Context, master: str | None, environ: Mapping[str, str], now: Callable[[], datetime]
) -> Access:
    """Return the access that a context of a kubeconfig describes; runs its plugin, if it has one.

    Args:
        context: from ``informers.kubeconfig``.
        master: address of the API server instead of the cluster's.
        environ: for the plugin.
        now: the wall clock, by which tokens expire.

    Raises:
        ConfigurationError: something in it cannot be read or used.
    """
    cluster, user = context.cluster, context.user
    what = f"{context.where}, context {context.name}"
    host = master or validated_server(cluster.get("server"), f"{what}: the server of its cluster")
    authorities = _content(cluster, "certificate-authority", what)
    own = _pair(_content(user, "client-certificate", what), _content(user, "client-key", what), what)
    login = _log_in(user, _for_plugin(cluster, authorities), what, environ, now)
    proxy = cluster.get("proxy-url")
    server_name = cluster.get("tls-server-name")
    connection = Connection(
        host=host,
        authorities=authorities,
        certificate=login.certificate or own,
        verified=cluster.get("insecure-skip-tls-verify") is not True,
        server_name=str(server_name) if server_name else None,
        proxy=validated_proxy(str(proxy), f"{what}: the proxy-url of its cluster") if proxy else None,
    )
    return Access(connection, login.authorization, login.fresh_seconds or _seconds_of_files(cluster, user))


@dataclass(frozen=True, slots=True)
class _Login:
    """What a user proves itself by."""

    authorization: str | None = None
    certificate: tuple[str, str] | None = None
    fresh_seconds: float | None = None


def _log_in(
    user: Mapping[str, Any],
    cluster: Mapping[str, Any],
    what: str,
    environ: Mapping[str, str],
    now: Callable[[], datetime],
) -> _Login:
    """Return how a user proves itself; the order is client-go's."""
    if user.get("tokenFile"):
        path = Path(str(user["tokenFile"]))
        return _Login(_bearer(_read(path, what), f"{what}: {path}"))
    if user.get("token"):
        return _Login(_bearer(str(user["token"]), f"{what}: the token of its user"))
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return _Login(f"Basic {base64.b64encode(pair.encode(errors='replace')).decode()}")
    if isinstance(user.get("exec"), dict):
        given = run_plugin(user["exec"], cluster, what, environ=environ, now=now)
        token = _bearer(given.token, f"{what}: the token of its plugin") if given.token else None
        return _Login(token, given.certificate, _fresh_seconds(given))
    if user.get("exec"):
        raise ConfigurationError(f"{what}: exec must be an object")
    if user.get("auth-provider"):
        return _Login(_from_provider(user["auth-provider"], what))
    return _Login()


def _fresh_seconds(given: Credential) -> float | None:
    return None if given.seconds is None else max(given.seconds - _EXPIRY_SECONDS, given.seconds / 2, 0.0)


def _seconds_of_files(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> float | None:
    """Return when to load a user without a plugin again; a plugin is run only when its token expires or is refused."""
    if user.get("exec"):
        return None
    return FILE_SECONDS if any(body.get(key) for body in (cluster, user) for key in _FILES) else None


def _for_plugin(cluster: Mapping[str, Any], authorities: str | None) -> Mapping[str, Any]:
    """Return a cluster with its authorities in it: a plugin is not told of files."""
    data = base64.b64encode(authorities.encode()).decode() if authorities else None
    return {**cluster, "certificate-authority-data": data}


def _from_provider(provider: object, what: str) -> str:
    """Return the header of an auth-provider, a kind of login that clients used to hold: the official package's.

    Only this needs that package and all that it brings, so it is an extra, and imported here (docs/adr/0006).
    """
    try:
        from kubernetes.client import Configuration  # noqa: PLC0415
        from kubernetes.config import kube_config  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"{what}: its auth-provider needs the package kubernetes: install flagger-py[auth-provider], "
            "or use an exec plugin instead"
        ) from error
    configuration = Configuration()
    try:
        kube_config.load_kube_config_from_dict(
            {
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {}}],
                "users": [{"name": "it", "user": {"auth-provider": provider}}],
            },
            client_configuration=configuration,
            persist_config=False,
        )
        found = configuration.api_key.get("BearerToken", "")
    except Exception as error:  # it logs in over the network by several libraries, and checks no types
        raise ConfigurationError(f"{what}: its auth-provider failed: {' '.join(str(error).split())[:300]}") from error
    if not found:
        raise ConfigurationError(f"{what}: its auth-provider gave no token; use an exec plugin instead")
    return _bearer(found.removeprefix("Bearer "), f"{what}: the token of its auth-provider")


def _bearer(token: str, what: str) -> str:
    """Return the value of the header; spaces and line breaks around a token are those of its file."""
    token = token.strip()
    if not token:
        raise ConfigurationError(f"{what} is empty")
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(f"{what} has characters that no token has, such as a space or a line break in it")
    return f"Bearer {token}"


def _pair(certificate: str | None, key: str | None, what: str) -> tuple[str, str] | None:
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise ConfigurationError(f"{what}: its user needs both client-certificate and client-key")
    return certificate, key


def _content(body: Mapping[str, Any], key: str, what: str) -> str | None:
    """Return what ``key`` names a file of, or ``key-data`` holds; the data win, as with kubectl."""
    data = body.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data)).decode("ascii", errors="replace")
        except (binascii.Error, ValueError) as error:
            raise ConfigurationError(f"{what}: {key}-data is not base64") from error
    return _read(Path(str(body[key])), what) if body.get(key) else None


def _read(path: Path, what: str) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{what}: {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
