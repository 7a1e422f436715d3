"""The Istio router: weights in the HTTP routes of a VirtualService."""

from collections.abc import Callable
from dataclasses import dataclass

from informers.errors import NotFoundError
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind, Resource
from informers.types import Cache, Unreadable, Writer
from router.kinds import RouteKind
from router.types import Route, RouteRef, Weights
from router.virtualservice import VirtualServiceView, find, patch, view

VIRTUAL_SERVICES = ApiKind("networking.istio.io", ("v1", "v1beta1", "v1alpha3"), "virtualservices", "VirtualService")
FENCE_ANNOTATION = "flagger.app/fenced-version"


@dataclass(frozen=True, slots=True)
class IstioRouter:
    """Fulfils ``router.types.Router`` for Istio VirtualServices."""

    virtual_services: Cache[VirtualServiceView]
    writer: Writer
    resource: Callable[[], Resource]  # at the version that the API server serves

    def look(self, ref: RouteRef) -> Route | None:
        """Return the route as the cache has it, or None if there is no such VirtualService."""
        found = self.virtual_services.get(ref.namespace, ref.name)
        if isinstance(found, Unreadable):
            return Route(None, f"it cannot be read: {found.reason}", unreadable=True)
        return find(found, ref) if found is not None else None

    def fence(self, ref: RouteRef) -> None:
        """Note the version that was read in an annotation, which gives the object another; see ``Router.fence``."""
        found = self.virtual_services.get(ref.namespace, ref.name)
        if found is None:
            return
        metadata = {
            "resourceVersion": found.resource_version,
            "annotations": {FENCE_ANNOTATION: found.resource_version},
        }
        answer = self.writer.merge_patch(self.resource(), ref.namespace, ref.name, {"metadata": metadata})
        self.virtual_services.write_through(answer)

    def shift(self, ref: RouteRef, weights: Weights) -> None:
        """Write the weights in one patch; see ``Router.shift``. Nothing is sent if nothing differs."""
        found = self.virtual_services.get(ref.namespace, ref.name)
        if not isinstance(found, VirtualServiceView):
            raise NotFoundError(f"virtual service {ref.name}.{ref.namespace} is gone or cannot be read")
        operations = patch(found, ref, weights)
        if operations:
            answer = self.writer.json_patch(self.resource(), ref.namespace, ref.name, operations)
            self.virtual_services.write_through(answer)


VIRTUAL_SERVICE = RouteKind(WatchedKind(VIRTUAL_SERVICES, view, verbs={"": (*READ, "patch")}), IstioRouter)
