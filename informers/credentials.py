"""Where the API server is and how we prove who we are. Loading is the official package's; renewing is ours.

The package reads a token file once a minute and never strips it, runs an exec plugin without a lock, and does not look
again after a 401 (contracts C8 to C11). Here a lock stands around all of it, and a reload fills a new configuration.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import urllib3
import yaml
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, kube_config, load_incluster_config

from informers.errors import ConfigurationError
from informers.inflight import make_cuttable

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HEADER_SECONDS = 10.0  # auth_settings() costs up to 240 µs a call
_FILE_SECONDS = 30.0  # with the header's, a new token is in use within 60 s
_RELOAD_SECONDS = 10.0  # an exec plugin is not run twice within this time

Load = Callable[[], Configuration]


@dataclass(frozen=True, slots=True)
class Login:
    """A way in: how to load it, how often to load it again, and the namespace that goes with it."""

    load: Load
    reload_seconds: float | None  # None: only after a 401
    namespace: str


def find_login(kubeconfig: str | None, master: str | None, *, service_account: Path = SERVICE_ACCOUNT) -> Login:
    """Return the login to use: the kubeconfig if one is named, else in-cluster if mounted, else the user's kubeconfig.

    Raises:
        ConfigurationError: none of them is usable.
    """
    if kubeconfig is None and master is None and (service_account / "token").is_file():
        namespace = service_account / "namespace"
        text = namespace.read_text().strip() if namespace.is_file() else "default"
        return Login(_in_cluster, _FILE_SECONDS, text)
    path = kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    first = Path(path.split(":")[0]).expanduser()
    if master is not None and kubeconfig is None and not first.is_file():
        return Login(lambda: _plain(master), None, "default")

    def load() -> Configuration:
        return _from_kubeconfig(path, master)

    return Login(load, *_context_facts(path))


def _in_cluster() -> Configuration:
    configuration = Configuration()
    try:
        load_incluster_config(configuration, try_refresh_token=False)
    except ConfigException as error:
        raise ConfigurationError(f"in-cluster configuration: {error}") from error
    return configuration


def _plain(master: str) -> Configuration:
    configuration = Configuration()
    configuration.host = master
    return configuration


def _from_kubeconfig(path: str, master: str | None) -> Configuration:
    configuration = Configuration()
    try:
        kube_config.load_kube_config(config_file=path, client_configuration=configuration, persist_config=False)
    except ConfigException as error:
        raise ConfigurationError(f"kubeconfig {path}: {_sentence(error)} Name another with --kubeconfig") from error
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"kubeconfig {path} cannot be read: {error}") from error
    if master is not None:
        configuration.host = master
    return configuration


def _context_facts(path: str) -> tuple[float | None, str]:
    """Return how often to load again (a ``tokenFile`` is read by the package once) and the context's namespace."""
    try:
        contexts, active = kube_config.list_kube_config_contexts(config_file=path)
    except ConfigException as error:
        raise ConfigurationError(f"kubeconfig {path}: {_sentence(error)} Name another with --kubeconfig") from error
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"kubeconfig {path} cannot be read: {error}") from error
    del contexts
    namespace = active["context"].get("namespace") or "default"
    token_file = any("tokenFile" in Path(p).expanduser().read_text() for p in path.split(":") if Path(p).is_file())
    return (_FILE_SECONDS if token_file else None), namespace


class Credentials:
    """The pool and the headers of one client. Safe to share between threads."""

    def __init__(self, login: Login, *, pool_size: int, monotonic: Callable[[], float]) -> None:
        """Load the configuration.

        Args:
            login: where it comes from.
            pool_size: connections kept; more would be thrown away after use.
            monotonic: clock in seconds.

        Raises:
            ConfigurationError: it cannot be loaded.
        """
        self._login = login
        self._pool_size = pool_size
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._configuration = login.load()
        self._loaded = monotonic()
        self._pool = self._new_pool(self._configuration)
        self._header: str | None = None
        self._header_until = 0.0

    @property
    def host(self) -> str:
        """Base URL of the API server, without a slash at the end."""
        return str(self._configuration.host).rstrip("/")

    def pool(self) -> urllib3.PoolManager:
        """Return the connection pool; requests under way keep the one they had."""
        with self._lock:
            return self._pool

    def authorization(self) -> str | None:
        """Return the value of the header, or None if the connection itself says who we are."""
        now = self._monotonic()
        with self._lock:  # held while a plugin runs: that is what keeps it in single flight
            if now < self._header_until:
                return self._header
            if self._login.reload_seconds is not None and now - self._loaded >= self._login.reload_seconds:
                self._reload()
            self._header = self._read_header() or self._header
            self._header_until = now + _HEADER_SECONDS
            return self._header

    def renew(self, refused: str | None) -> bool:
        """Load everything again after a 401; return whether a repeat is worth while.

        Args:
            refused: the header that was not accepted; if another thread has renewed it since, nothing is done.
        """
        with self._lock:
            if self._header != refused:
                return True
            if self._monotonic() - self._loaded < _RELOAD_SECONDS:
                return False
            if not self._reload():
                return False
            self._header = self._read_header() or self._header
            self._header_until = self._monotonic() + _HEADER_SECONDS
            return True

    def close(self) -> None:
        """Close every kept connection."""
        with self._lock:
            self._pool.clear()

    def _reload(self) -> bool:
        self._loaded = self._monotonic()
        try:
            fresh = self._login.load()
        except ConfigurationError:
            return False  # the old credentials stay in use
        if _connection_facts(fresh) != _connection_facts(self._configuration):
            self._pool = self._new_pool(fresh)
        self._configuration = fresh
        return True

    def _read_header(self) -> str | None:
        bearer = self._configuration.auth_settings().get("BearerToken")
        value = bearer.get("value") if bearer else None
        return " ".join(str(value).split()) if value else None  # a token file may end in a newline

    def _new_pool(self, configuration: Configuration) -> urllib3.PoolManager:
        configuration.retries = False  # they would repeat a write and sleep inside the call
        configuration.connection_pool_maxsize = self._pool_size
        pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
        make_cuttable(pool)
        return pool


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."


def _connection_facts(configuration: Configuration) -> tuple[object, ...]:
    files = tuple(_content(getattr(configuration, name)) for name in ("ssl_ca_cert", "cert_file", "key_file"))
    return (configuration.host, configuration.verify_ssl, configuration.tls_server_name, *files)


def _content(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path and Path(path).is_file() else None
