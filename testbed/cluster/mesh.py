"""The mesh of the sandbox beside a real control plane, whose objects it reads by informers."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from deploy.registry import CODED
from informers.client import KubeClient
from informers.credentials import find_login
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.resources import Resource
from informers.types import Unreadable
from router.gateway import HTTP_ROUTES
from router.istio import VIRTUAL_SERVICES
from router.services import SERVICES
from testbed.processes import ProcessError
from testbed.sandbox.admin import AdminServer, switch_mesh
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.mesh import Mesh
from testbed.sandbox.routes import as_virtual_service

Json = dict[str, Any]

_SYNC_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Whole:
    """A view that leaves nothing out."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    obj: Json


def whole(obj: Json, _previous: Whole | None) -> Whole:
    """Return the view of an object."""
    meta = obj["metadata"]
    return Whole(meta.get("namespace", ""), meta["name"], meta["uid"], meta["resourceVersion"], obj)


def _everywhere(_view: object) -> Sequence[str]:
    return ("",)


def _namespace(view: Whole) -> Sequence[str]:
    return (view.namespace,)


class MeshOfCluster:
    """Counts the requests of a cluster's routes, and serves them at /metrics. Use it as a context manager."""

    def __init__(self, kubeconfig: Path) -> None:
        """Take the way to the cluster; nothing is read yet."""
        self._client = KubeClient(find_login(str(kubeconfig), None), user_agent="mesh", pool_size=4)
        self._virtual_services = self._informer(VIRTUAL_SERVICES.newest)
        self._http_routes = self._informer(HTTP_ROUTES.newest)
        self._services = self._informer(SERVICES.newest)
        self._workloads = [self._informer(kind.watched.api.newest) for kind in CODED.values()]
        self.mesh = Mesh(self)
        self._server = AdminServer(partial(switch_mesh, self.mesh), pages={"/metrics": self._scraped})

    @property
    def url(self) -> str:
        """Base address of /metrics and of the switches."""
        return self._server.url

    def __enter__(self) -> Self:
        """Start."""
        for informer in self._informers:
            informer.start()
        for informer in self._informers:
            if not informer.wait_for_sync(_SYNC_SECONDS):
                raise ProcessError(f"the mesh cannot read {informer.name}: {informer.problem}")
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()
        for informer in self._informers:
            informer.stop()
        self._client.close()

    def at_one_moment(self) -> AbstractContextManager[object]:
        """Each kind is watched for itself, so there is no such moment; a drain is longer than they differ."""
        return nullcontext()

    def routes(self) -> Sequence[Json]:
        """Return every VirtualService, and every HTTPRoute as one."""
        return [*_all_of(self._virtual_services), *map(as_virtual_service, _all_of(self._http_routes))]

    def service(self, namespace: str, name: str) -> Json | None:
        """Return a Service."""
        found = self._services.get(namespace, name)
        return found.obj if isinstance(found, Whole) else None

    def workloads_of(self, namespace: str) -> Sequence[Json]:
        """Return the workloads of a namespace, of every kind."""
        found = [view for informer in self._workloads for view in informer.by_index("namespace", namespace)]
        return [view.obj for view in found if not isinstance(view, Unreadable)]

    @property
    def _informers(self) -> Sequence[Informer[Whole]]:
        return (self._virtual_services, self._http_routes, self._services, *self._workloads)

    def _informer(self, resource: Resource) -> Informer[Whole]:
        source = KubeSource(self._client, lambda: resource, kind=resource.kind, plural=resource.plural)
        return Informer(source, whole, indexes={"all": _everywhere, "namespace": _namespace})

    def _scraped(self) -> str:
        """Send the requests of the time since the last scrape, and return what Prometheus reads."""
        self.mesh.tick(wall_clock())
        return self.mesh.exposition()


def _all_of(informer: Informer[Whole]) -> Sequence[Json]:
    return [view.obj for view in informer.by_index("all", "") if not isinstance(view, Unreadable)]
