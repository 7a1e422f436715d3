"""An object that nobody has asked for yet: as few bytes, from which it is seen once somebody does.

A cluster has many Deployments, Services and routes that no canary names. They are kept, so that one that is named later
is there without a request; but as views they would take three times as much, and the collector would walk them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

from informers.keys import split_key
from informers.packing import pack, unpack
from informers.types import Slim, Unreadable, V

_LONGEST = 255  # bytes of a uid or a version
_IDENTITY = ("namespace", "name", "uid", "resourceVersion")


@dataclass(frozen=True, slots=True)
class Packed:
    """What stands for the object. It fulfils ``informers.types.View``."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    content: bytes  # the rest of the object

    def stored(self) -> bytes:
        """Return what a store keeps beside the key: one value without references, which costs the collector nothing."""
        uid, version = self.uid.encode(), self.resource_version.encode()
        return b"%c%c%b%b%b" % (len(uid), len(version), uid, version, self.content)

    def object(self) -> Slim:
        """Return the object."""
        rest = unpack(self.content)
        identity = (self.namespace, self.name, self.uid, self.resource_version)
        return Slim({**rest, "metadata": {**rest["metadata"], **dict(zip(_IDENTITY, identity, strict=True))}})


def packed(obj: Slim, namespace: str, name: str, uid: str, version: str) -> Packed | None:
    """Return what stands for an object with this identity, or None for one that is too odd to be packed."""
    if max(len(uid.encode()), len(version.encode())) > _LONGEST or not namespace or "/" in namespace + name:
        return None
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _IDENTITY}
    content = pack({**obj, "metadata": metadata})
    return Packed(namespace, name, uid, version, content) if content is not None else None


def restored(key: str, stored: bytes) -> Packed:
    """Return what was stored under a key."""
    namespace, name = split_key(key)
    end_of_uid = 2 + stored[0]
    end = end_of_uid + stored[1]
    return Packed(namespace, name, stored[2:end_of_uid].decode(), stored[end_of_uid:end].decode(), stored[end:])


class Shelf(Generic[V]):
    """What a store holds, by key: views, and packed objects as they are stored. Not thread-safe."""

    def __init__(self) -> None:
        """Begin empty."""
        self._objects: dict[str, V | Unreadable | bytes] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def held(self, key: str) -> V | Unreadable | Packed | None:
        """Return what is held of an object, packed or not."""
        found = self._objects.get(key)
        return restored(key, found) if isinstance(found, bytes) else found

    def is_packed(self, key: str) -> bool:
        """Whether an object is there that nobody has asked for."""
        return isinstance(self._objects.get(key), bytes)

    def seen(self) -> Mapping[str, V | Unreadable]:
        """Return what is not packed."""
        return {key: view for key, view in self._objects.items() if not isinstance(view, bytes)}

    def put(self, key: str, view: V | Unreadable | Packed | None) -> None:
        """Hold something, or nothing any more."""
        if view is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = view.stored() if isinstance(view, Packed) else view
