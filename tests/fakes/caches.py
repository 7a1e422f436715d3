"""A cache that a test fills."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from informers.types import Unreadable


class FakeCache:
    """Fulfils ``informers.types.Cache`` over a dict, with the write-through rules of contracts S19 and S20."""

    def __init__(
        self,
        views: Iterable[Any] = (),
        *,
        build: Callable[[Any, Any], Any] | None = None,
        indexes: Mapping[str, Callable[[Any], Iterable[str]]] | None = None,
        orders: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        self.known = {(view.namespace, view.name): view for view in views}
        self._build = build
        self._indexes = dict(indexes or {})
        self._orders = dict(orders or {})

    def get(self, namespace, name):
        return self.known.get((namespace, name))

    def views(self):
        return iter(self.known.values())

    def by_index(self, index, value):
        readable = (view for view in self.known.values() if not isinstance(view, Unreadable))
        return [view for view in readable if value in self._indexes[index](view)]

    def is_filed(self, index, value):
        return bool(self.by_index(index, value))

    def first(self, index, value):
        return min(self.by_index(index, value), key=self._orders[index], default=None)

    def write_through(self, obj):
        self.write_through_view(self._build(obj, None))

    def write_through_view(self, view):
        key = (view.namespace, view.name)
        if key in self.known and self.known[key].uid == view.uid:
            self.known[key] = view
