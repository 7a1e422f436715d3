"""Lists canary objects and their parts, each kind once, and gathers worlds as the controller does.

What is not allowed is not tried, so that a check leaves no denied requests in the audit log.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from controller.check.answers import told
from controller.check.facts import Access, Objects, Unknown, Unlisted
from controller.core.canary import Canary
from controller.core.world import NOTHING_REMEMBERED, World, seniority
from controller.gather import OVERLAP_INDEX, Gatherer, overlap_keys
from controller.parts import canary_view
from deploy.deployments import view as deployment_view
from deploy.registry import DEPLOYERS
from informers.client import KubeClient
from informers.errors import ExpiredError, KindNotServedError, NotFoundError
from informers.kube_source import KubeSource
from informers.reflector import PAGE
from informers.resources import CANARIES, DEPLOYMENTS, SERVICES, VIRTUAL_SERVICE_VERSIONS, Resource, virtual_services
from informers.stop import Stop
from informers.store import Build, Store
from informers.types import IdentityError, Json, Unreadable, View
from router.registry import ROUTERS
from router.services import view as service_view
from router.virtualservice import view as virtual_service_view

V = TypeVar("V", bound=View)
_ROUTES = virtual_services(VIRTUAL_SERVICE_VERSIONS[0])


class ObjectAsker:
    """Lists into stores, which are caches without a watch."""

    def __init__(
        self,
        client: KubeClient,
        versions: Mapping[str, Callable[[], Resource]],
        access: Sequence[Access],
        namespaces: Sequence[str],
    ) -> None:
        """Take whom to ask, and what.

        Args:
            client: of the API server.
            versions: by plural, what finds the served version of a custom kind.
            access: what is known to be allowed.
            namespaces: to look into; "" for all.
        """
        self._client = client
        self._versions = versions
        self._denied = {
            (a.permission.resource, a.namespace) for a in access if a.permission.verb == "list" and a.allowed is False
        }
        self._namespaces = namespaces
        self._unlisted: list[Unlisted] = []

    def ask(self, now: Callable[[], datetime], default_interval: timedelta) -> Objects:
        """Return every canary object with its world."""
        canaries = Store(
            canary_view,
            indexes={OVERLAP_INDEX: overlap_keys},
            orders={OVERLAP_INDEX: seniority},
            listener=lambda _change: None,
        )
        self._list(canaries, CANARIES)
        deployments = self._listed(DEPLOYMENTS, deployment_view)
        routes = self._listed(_ROUTES, virtual_service_view)
        services = self._listed(SERVICES, service_view)
        router = ROUTERS["istio"](routes, services, self._client, self._versions[_ROUTES.plural])
        deployers = {kind: make(deployments, self._client) for kind, make in DEPLOYERS.items()}
        gatherer = Gatherer(canaries, router, deployers, now, default_interval)
        found: list[Canary | Unreadable] = []
        canaries.snapshot(lambda objects: found.extend(objects[key] for key in sorted(objects)))
        looks: list[World | Unreadable] = [
            canary if isinstance(canary, Unreadable) else gatherer.gather(canary, NOTHING_REMEMBERED)
            for canary in found
        ]
        return Objects(tuple(looks), tuple(self._unlisted))

    def _listed(self, resource: Resource, build: Build[V]) -> Store[V]:
        store: Store[V] = Store(build, indexes={}, listener=lambda _change: None)
        self._list(store, resource)
        return store

    def _list(self, store: Store[V], resource: Resource) -> None:
        for namespace in self._namespaces:
            why = self._fill(store, resource, namespace)
            if why is not None:
                self._unlisted.append(Unlisted(resource.plural, namespace, why))

    def _fill(self, store: Store[V], resource: Resource, namespace: str) -> str | None:
        """List into a store; return why that was not possible ("" if it is known anyway), or None."""
        if (resource.plural, namespace) in self._denied:
            return ""
        version = self._versions.get(resource.plural, lambda: resource)
        source = KubeSource(self._client, version, kind=resource.kind, plural=resource.plural, namespace=namespace)
        try:
            answer = told(partial(_list_all, source, partial(_put, store)))
        except KindNotServedError:
            return ""
        except NotFoundError as error:
            return str(error)
        return answer.why if isinstance(answer, Unknown) else None


def _list_all(source: KubeSource, take: Callable[[Json], None]) -> None:
    """Read page by page; all at once if the pages have expired in between, as the reflector does."""
    stop = Stop()
    token = ""
    try:
        while True:
            page = source.list(resource_version="", limit=PAGE, continue_token=token, take=take, stop=stop)
            token = page.continue_token
            if not token:
                return
    except ExpiredError:
        source.list(resource_version="", limit=0, continue_token="", take=take, stop=stop)


def _put(store: Store[V], obj: Json) -> None:
    with suppress(IdentityError):
        store.put(store.view(obj))
