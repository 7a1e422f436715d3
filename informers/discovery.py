"""Which version of a kind is served. Asked until it is there, never remembered as absent (contract C15)."""

import threading
from collections.abc import Sequence
from typing import Protocol

from informers.errors import KindNotServedError, ServerError
from informers.fields import items, text
from informers.resources import ApiKind, Resource
from informers.types import FieldError, Json


class Discovery(Protocol):
    """What is needed of the client."""

    def get_path(self, path: str) -> Json:
        """Read what stands at a path."""


class ServedVersion:
    """Finds the newest served version of a kind and remembers it until told to look again. Safe to share."""

    def __init__(self, discovery: Discovery, kind: ApiKind) -> None:
        """Take whom to ask, and the kind with the versions to look for."""
        self._discovery = discovery
        self._kind = kind
        self._lock = threading.Lock()
        self._found: Resource | None = None

    def __call__(self) -> Resource:
        """Return the resource.

        Raises:
            KindNotServedError: no version is served; the message says what to install.
            ApiError: the API server could not be asked.
        """
        with self._lock:
            if self._found is not None:
                return self._found
        found = self._look()
        with self._lock:
            self._found = found
        return found

    def forget(self) -> None:
        """Ask again at the next call: a version that was served is no more."""
        with self._lock:
            self._found = None

    def _look(self) -> Resource:
        kind = self._kind
        try:
            group = self._discovery.get_path(f"/apis/{kind.group}")
        except KindNotServedError as error:
            raise KindNotServedError(kind.newest.not_served, code=error.code) from error
        served = _texts(group, "versions", "version")
        for version in kind.versions:
            if version in served and self._is_served_at(version):
                return kind.at(version)
        raise KindNotServedError(kind.newest.not_served)

    def _is_served_at(self, version: str) -> bool:
        resources = self._discovery.get_path(f"/apis/{self._kind.group}/{version}")
        return self._kind.plural in _texts(resources, "resources", "name")


def _texts(answer: Json, field: str, key: str) -> Sequence[str]:
    """Return the texts that a list of objects holds at a key.

    Raises:
        ServerError: the answer has another shape, so that nobody knows what is served.
    """
    try:
        return [text(entry, key, f"{field}[].") for entry in items(answer, field, "")]
    except FieldError as error:
        raise ServerError(f"the API server says in no usable way what it serves: {error}") from error
