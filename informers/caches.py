"""One cache over informers of one kind in several namespaces (``--namespace``)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic

from informers.informer import Informer
from informers.types import Json, Unreadable, V


class Informers(Generic[V]):
    """Fulfils ``informers.types.Cache``. One informer for all namespaces, or one for each."""

    def __init__(self, informers: dict[str, Informer[V]]) -> None:
        """Take the informers by namespace; "" watches all."""
        self.all = tuple(informers.values())
        self._by_namespace = informers

    def __len__(self) -> int:
        return sum(len(informer) for informer in self.all)

    def by_namespace(self) -> Iterable[tuple[str, Informer[V]]]:
        """Return every informer after its namespace, "" for all."""
        return self._by_namespace.items()

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None."""
        informer = self.of(namespace)
        return informer.get(namespace, name) if informer is not None else None

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value, in all namespaces; KeyError for an unknown index."""
        return [view for informer in self.all for view in informer.by_index(index, value)]

    def is_filed(self, index: str, value: str) -> bool:
        """Return whether anything is filed under a value, in any namespace; KeyError for an unknown index."""
        return any(informer.is_filed(index, value) for informer in self.all)

    def views(self) -> Iterator[V | Unreadable]:
        """Yield everything."""
        for informer in self.all:
            yield from informer.views()

    def first(self, index: str, value: str) -> V | None:
        """Return the first of what is filed under a value that names a namespace."""
        found = [view for informer in self.all if (view := informer.first(index, value)) is not None]
        return found[0] if found else None

    def write_through(self, obj: Json) -> None:
        """Take the whole object that our own write was answered with."""
        informer = self.of(obj["metadata"].get("namespace") or "")
        if informer is not None:
            informer.write_through(obj)

    def write_through_view(self, view: V) -> None:
        """Take a view that was amended by what our own write was answered with."""
        informer = self.of(view.namespace)
        if informer is not None:
            informer.write_through_view(view)

    def of(self, namespace: str) -> Informer[V] | None:
        """Return the informer of a namespace, or None if it is not watched."""
        of_all = self._by_namespace.get("")  # an informer has a length, so that an empty one is false
        return of_all if of_all is not None else self._by_namespace.get(namespace)
