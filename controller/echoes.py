"""Tells the echo of our own write from a change that somebody else made.

Each write comes back twice: its answer enters the cache at once, and later the watch brings the same version. Whoever
wrote reconciles again anyway, so an echo must wake nobody: it would lead a key that fails past its back-off. The watch
may be quicker than the answer. So what is heard of an object while a write of it is under way is held until the answer
says which version was ours.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from informers.errors import ServerError
from informers.identity import identity
from informers.keys import key_of
from informers.resources import Resource
from informers.types import IdentityError, Json, Writer

_MOST = 1000
"""Versions that are kept until they are heard of. One that the cache passes over, as old, is never heard of."""


class Echoes:
    """Which versions of which objects were written by this process. Thread-safe."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()  # object → writes without an answer
        self._held: dict[str, list[tuple[str, Callable[[], None]]]] = {}  # object → what was heard of it meanwhile
        self._ours: dict[tuple[str, str], None] = {}  # object and version, the oldest first

    def unless_ours(self, plural: str, key: str, version: str, handle: Callable[[], None]) -> None:
        """Call ``handle`` for a change that is not our own: at once, or when the writes under way are answered.

        Args:
            plural: of the resource.
            key: of the object that changed.
            version: that it has now.
            handle: must be quick; called without a lock, maybe on the thread of a writer.
        """
        where = f"{plural}/{key}"
        with self._lock:
            if self._is_ours(where, version):
                return
            if self._under_way[where]:
                self._held.setdefault(where, []).append((version, handle))
                return
        handle()

    @contextmanager
    def writing(self, plural: str, key: str) -> Iterator[Callable[[str], None]]:
        """Note that an object is being written; the body calls what it gets with the version of the answer."""
        where = f"{plural}/{key}"
        with self._lock:
            self._under_way[where] += 1
        try:
            yield lambda version: self._note(where, version)
        finally:
            for handle in self._ended(where):
                handle()

    def _note(self, where: str, version: str) -> None:
        with self._lock:
            self._ours[where, version] = None
            if len(self._ours) > _MOST:
                del self._ours[next(iter(self._ours))]

    def _ended(self, where: str) -> Sequence[Callable[[], None]]:
        """Return what is to be called, now that one write less is under way."""
        with self._lock:
            self._under_way[where] -= 1
            if self._under_way[where]:
                return ()
            del self._under_way[where]
            return [handle for version, handle in self._held.pop(where, ()) if not self._is_ours(where, version)]

    def _is_ours(self, where: str, version: str) -> bool:
        """Whether we wrote it. Each version is heard of once: after a restore of etcd it may be somebody else's."""
        if (where, version) not in self._ours:
            return False
        del self._ours[where, version]
        return True


@dataclass(frozen=True, slots=True)
class EchoingWriter:
    """Fulfils ``informers.types.Writer`` over another, and notes what is written.

    An answer that is no object (a login page, an empty body of a proxy) is an error like any other of the server.
    """

    writer: Writer
    echoes: Echoes

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object."""
        answer = self.writer.get(resource, namespace, name)
        _version(f"get {resource.plural} {name}", answer)
        return answer

    def json_patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Json], *, subresource: str = ""
    ) -> Json:
        """Send a JSON patch."""
        with self.echoes.writing(resource.plural, key_of(namespace, name)) as answered:
            answer = self.writer.json_patch(resource, namespace, name, operations, subresource=subresource)
            answered(_version(f"patch {resource.plural} {name}", answer))
        return answer

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """Send a merge patch."""
        with self.echoes.writing(resource.plural, key_of(namespace, name)) as answered:
            answer = self.writer.merge_patch(resource, namespace, name, patch, subresource=subresource)
            answered(_version(f"patch {resource.plural} {name}", answer))
        return answer


def _version(what: str, answer: Json) -> str:
    """Return the version of the object that an answer is.

    Raises:
        ServerError: it is none.
    """
    try:
        return identity(answer)[3]
    except IdentityError as error:
        raise ServerError(f"{what}: the API server answered what is no object: {error}") from error
