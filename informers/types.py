"""What the adapters need of informers and client, and nothing of how it is done.

Routers and deployers read views from a ``Cache`` and write through a ``Writer``; tests give them fakes of both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from informers.resources import Resource

Json = dict[str, Any]
"""An object as the API server sent it. Parsed once, at the boundary, into a view."""


class Partial(dict[str, Any]):
    """What is left of an object that could not be decoded whole: enough to say which one it is, and no more."""


class Slim(dict[str, Any]):
    """An object without what nobody reads of it (``informers.shapes``)."""


class View(Protocol):
    """What every cached view carries: enough to identify the object and to order its versions."""

    @property
    def namespace(self) -> str:
        """Namespace, or "" for an object of cluster scope."""

    @property
    def name(self) -> str:
        """Name within the namespace."""

    @property
    def uid(self) -> str:
        """Identity: two objects of one name at two times differ in this."""

    @property
    def resource_version(self) -> str:
        """Version of the object; opaque, but compared as an integer where it is one (contract S20)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that exists but whose view could not be built (contract S18). Never treated as absent."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    reason: str  # what was wrong, for people


V = TypeVar("V", bound=View)

Build = Callable[[Json, V | None], V]
"""Builds a view; the previous one of that name may lend what is expensive to compute."""


LONGEST_VERSION = 19
"""Digits of a signed 64-bit integer, which is what etcd counts in: a longer version would outlive every real one."""


class IdentityError(ValueError):
    """Metadata without name, uid or version: nobody can tell which object it is."""


class FieldError(ValueError):
    """A field of an object is wrong; the message names it, its value, and what would be right."""


class Cache(Protocol[V]):
    """The read side of an informer, or of several that watch one kind in several namespaces."""

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None if there is no such object."""

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return the objects that an index function filed under ``value``; KeyError for an unknown index."""

    def first(self, index: str, value: str) -> V | None:
        """Return the first of them by the order of that index, at no cost that grows with their number."""

    def write_through(self, obj: Json) -> None:
        """Take the whole object that our own write was answered with (contracts S19, S20)."""

    def write_through_view(self, view: V) -> None:
        """Likewise for an answer that is not the whole object: the caller has amended the view."""


class Writer(Protocol):
    """The writes of the client. Each is sent once (contract C1); all raise ``informers.errors.ApiError``."""

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object from the API server: the two reads of a promotion, nothing else."""

    def json_patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Json], *, subresource: str = ""
    ) -> Json:
        """Send a JSON patch; a ``test`` that fails raises ``ConflictError``."""

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """Send a merge patch; ``metadata.resourceVersion`` in it is a precondition and raises ``ConflictError``."""
