"""What a reflector reads from: one kind of object, listed in pages and watched."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from informers.stop import Stop
from informers.types import LONGEST_VERSION, IdentityError, Json


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of a list says besides its items."""

    resource_version: str
    continue_token: str  # "" on the last page


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch."""

    type: str  # ADDED, MODIFIED, DELETED, BOOKMARK, ERROR, or what the future brings
    object: Json


class Source(Protocol):
    """Lists and watches one kind. Failures are ``informers.errors.ApiError``; both return within a second of stop."""

    @property
    def name(self) -> str:
        """What is read, for messages: ``canaries`` or ``canaries in test``."""

    @property
    def kind(self) -> str:
        """The kind that events must have."""

    def list(
        self, *, resource_version: str, limit: int, continue_token: str, take: Callable[[Json], None], stop: Stop
    ) -> Page:
        """Read one page and give each item to ``take`` as soon as it is decoded.

        Args:
            resource_version: "0" for whatever is cached, "" for a consistent read, else at least as fresh.
            limit: items per page; 0 for all.
            continue_token: of the page before, or "".
            take: called once per item, in order, on this thread.
            stop: ends the read.
        """

    def watch(
        self, *, resource_version: str, timeout_seconds: int, stop: Stop
    ) -> AbstractContextManager[Iterator[WatchEvent]]:
        """Open a watch from a version; the events end when the server, silence (R19) or stop ends the stream."""


def version_of(obj: Json) -> str:
    """Return the version in the metadata of an object or a list.

    Raises:
        IdentityError: it has none that a list or a watch could start from.
    """
    meta = obj.get("metadata")
    version = meta.get("resourceVersion") if isinstance(meta, dict) else None
    if not isinstance(version, str) or version in {"", "0"} or len(version) > LONGEST_VERSION:
        raise IdentityError("metadata.resourceVersion must be the version that the API server gave it")
    return version
