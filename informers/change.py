"""What a store is told, and what it tells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic

from informers.types import Unreadable, V

Index = Callable[[V], Iterable[str]]
"""Returns under which values a view is filed: several, one or none."""

Order = Callable[[V], Any]
"""Returns what views under one value are compared by."""


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """What happened to one key: added (no ``old``), updated, or deleted (no ``new``)."""

    key: str
    old: V | Unreadable | None
    new: V | Unreadable | None
    initial: bool = False  # part of the state that a handler was added to

    @property
    def is_sync(self) -> bool:
        """Whether a relist found the object unchanged."""
        return self.old is not None and self.new is not None and self.old.resource_version == self.new.resource_version


Listener = Callable[[Change[V]], None]

Wanted = Callable[[str, str], bool]
"""Whether somebody wants to hear of an object, by its namespace and name. May change at any time from no to yes,
provided that whoever wants it looks at the store afterwards."""
