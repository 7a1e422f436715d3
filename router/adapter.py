"""The router of every kind whose weights stand in rules: reads from a cache, writes two numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from informers.errors import NotFoundError
from informers.resources import Resource
from informers.types import Cache, Unreadable, Writer
from router.types import Route, RouteRef, Weights
from router.weighted import RouteView, find, patch

FENCE_ANNOTATION = "flagger.app/fenced-version"


@dataclass(frozen=True, slots=True)
class WeightedRouter:
    """Fulfils ``router.types.Router`` for a kind of which ``router.weighted`` has a view."""

    routes: Cache[RouteView]
    writer: Writer
    resource: Callable[[], Resource]  # at the version that the API server serves

    def get(self, ref: RouteRef) -> Route | None:
        """Return the route as the cache has it, or None if there is no such object."""
        found = self.routes.get(ref.namespace, ref.name)
        if isinstance(found, Unreadable):
            return Route(None, f"it cannot be read: {found.reason}", unreadable=True)
        return find(found, ref) if found is not None else None

    def fence(self, ref: RouteRef) -> None:
        """Note the version that was read in an annotation, which gives the object another; see ``Router.fence``."""
        found = self.routes.get(ref.namespace, ref.name)
        if found is None:
            return
        metadata = {
            "resourceVersion": found.resource_version,
            "annotations": {FENCE_ANNOTATION: found.resource_version},
        }
        answer = self.writer.merge_patch(self.resource(), ref.namespace, ref.name, {"metadata": metadata})
        self.routes.write_through(answer)

    def shift(self, ref: RouteRef, weights: Weights) -> None:
        """Write the weights in one patch; see ``Router.shift``. Nothing is sent if nothing differs."""
        found = self.routes.get(ref.namespace, ref.name)
        if not isinstance(found, RouteView):
            raise NotFoundError(f"{self.resource().plural} {ref.name}.{ref.namespace} is gone or cannot be read")
        operations = patch(found, ref, weights)
        if operations:
            answer = self.writer.json_patch(self.resource(), ref.namespace, ref.name, operations)
            self.routes.write_through(answer)
