"""Where the API server is and how we prove who we are: which login to take, and when to load it again.

A lock stands around all of it, so that a plugin runs in single flight, and a reload makes a whole new value: requests
see all of it or nothing (contracts C8 to C11).
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from informers.access import Access, Connection, from_context, from_service_account, validated_server
from informers.errors import ConfigurationError
from informers.kubeconfig import find_kubeconfig, is_there
from informers.pools import new_pool

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_RELOAD_SECONDS = 10.0  # nothing is loaded twice within this time, whether it failed or not

Load = Callable[[], Access]


@dataclass(frozen=True, slots=True)
class Login:
    """A way in: how to load it, and the namespace that goes with it."""

    load: Load
    namespace: str


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # plugins say by the wall clock when a token expires


def find_login(
    kubeconfig: str | None,
    master: str | None,
    *,
    context: str | None = None,
    service_account: Path = SERVICE_ACCOUNT,
    environ: Mapping[str, str] = os.environ,
    now: Callable[[], datetime] = _utc_now,
) -> Login:
    """Return the login to use: the kubeconfig if one is named, or a context, else in-cluster, else the user's.

    Args:
        kubeconfig: of the flag.
        master: address of the API server, which replaces that of the kubeconfig.
        context: of the kubeconfig, instead of the current one.
        service_account: where Kubernetes mounts it.
        environ: ``KUBECONFIG``, and the address of the API server in a pod.
        now: the wall clock.

    Raises:
        ConfigurationError: none of them is usable.
    """
    if not kubeconfig and not context and master is None and is_there(service_account / "token"):
        return Login(lambda: from_service_account(service_account, environ), _own_namespace(service_account))
    host = validated_server(master, "--master") if master is not None else None
    files = find_kubeconfig(kubeconfig, environ)
    if host is not None and not context and not files.exists():
        return Login(lambda: Access(Connection(host)), "default")
    first = files.context(context)

    def load() -> Access:
        """Load the context that was current at the start: a change of the current one is not meant for us."""
        return from_context(files.context(first.name), host, environ, now)

    return Login(load, first.namespace)


def _own_namespace(service_account: Path) -> str:
    try:
        return (service_account / "namespace").read_text().strip() or "default"
    except (OSError, ValueError):
        return "default"


class Credentials:
    """The pool and the headers of one client. Safe to share between threads."""

    def __init__(
        self,
        login: Login,
        *,
        pool_size: int,
        monotonic: Callable[[], float],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Load the login.

        Args:
            login: where it comes from.
            pool_size: connections kept; more would be thrown away after use.
            monotonic: clock in seconds.
            environ: proxies and authorities, if the login names none.

        Raises:
            ConfigurationError: it cannot be loaded, or no client can be built from it.
        """
        self._login = login
        self._pool_size = pool_size
        self._monotonic = monotonic
        self._environ = environ
        self._lock = threading.Lock()
        self._access = login.load()
        self._tried = monotonic()
        self._is_failing = False
        self._pool = self._new_pool(self._access)

    @property
    def host(self) -> str:
        """Base URL of the API server, without a slash at the end."""
        return self._access.connection.host

    def pool(self) -> urllib3.PoolManager:
        """Return the connection pool; requests under way keep the one they had."""
        with self._lock:
            return self._pool

    def authorization(self) -> str | None:
        """Return the value of the header, or None if the connection itself says who we are."""
        with self._lock:  # held while a plugin runs: that is what keeps it in single flight
            if self._is_due():
                self._reload()
            return self._access.authorization

    def renew(self, refused: str | None) -> bool:
        """Load everything again after a 401; return whether a repeat is worth while.

        Args:
            refused: the header that was not accepted; if another thread has renewed it since, nothing is done.
        """
        with self._lock:
            if self._access.authorization != refused:
                return True
            return self._seconds() >= _RELOAD_SECONDS and self._reload()

    def close(self) -> None:
        """Close every kept connection."""
        with self._lock:
            self._pool.clear()

    def _seconds(self) -> float:
        return self._monotonic() - self._tried

    def _is_due(self) -> bool:
        if self._is_failing:
            return self._seconds() >= _RELOAD_SECONDS
        fresh = self._access.fresh_seconds
        return fresh is not None and self._seconds() >= max(fresh, _RELOAD_SECONDS)

    def _reload(self) -> bool:
        """Load again; if that fails the old credentials stay in use, and it is tried again soon."""
        self._tried = self._monotonic()
        try:
            fresh = self._login.load()
            changed = fresh.connection != self._access.connection
            pool = self._new_pool(fresh) if changed else self._pool
        except ConfigurationError as error:
            if not self._is_failing:
                log.warning("Credentials not renewed, the old ones stay in use", extra={"error": str(error)})
            self._is_failing = True
            return False
        if self._is_failing:
            log.info("Credentials renewed")
        self._access, self._pool, self._is_failing = fresh, pool, False
        return True

    def _new_pool(self, access: Access) -> urllib3.PoolManager:
        return new_pool(access.connection, size=self._pool_size, environ=self._environ)
