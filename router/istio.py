"""The Istio router: weights in the HTTP routes of a VirtualService."""

from collections.abc import Callable
from dataclasses import dataclass

from informers.errors import NotFoundError
from informers.resources import Resource
from informers.types import Cache, Unreadable, Writer
from router import services
from router.hosts import normalise
from router.types import Backend, Route, RouteRef, Service, Weights
from router.virtualservice import VirtualServiceView, find, patch

FENCE_ANNOTATION = "flagger.app/fenced-version"


@dataclass(frozen=True, slots=True)
class IstioRouter:
    """Fulfils ``router.types.Router`` for Istio VirtualServices."""

    virtual_services: Cache[VirtualServiceView]
    services: Cache[Service]
    writer: Writer
    resource: Callable[[], Resource]  # at the version that the API server serves

    def look(self, ref: RouteRef) -> Route | None:
        """Return the route as the cache has it, or None if there is no such VirtualService."""
        found = self.virtual_services.get(ref.namespace, ref.name)
        if isinstance(found, Unreadable):
            return Route(None, f"it cannot be read: {found.reason}", unreadable=True)
        return find(found, ref) if found is not None else None

    def backend(self, namespace: str, host: str) -> Backend:
        """Return what stands behind ``host``; it should be a ClusterIP service of the namespace with an HTTP port."""
        meant = normalise(host, namespace)
        if meant.namespace != namespace:
            return Backend(f"host {host} is not a service of namespace {namespace}")
        found = self.services.get(namespace, meant.service)
        if found is None:
            return Backend(f"service {meant.service}.{namespace} not found, create it or correct the host", gone=True)
        if isinstance(found, Unreadable):
            return Backend(f"service {meant.service}.{namespace} cannot be read: {found.reason}")
        return services.backend(found)

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
