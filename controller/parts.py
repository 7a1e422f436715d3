"""Which informers there are, and which keys their changes wake. Handlers add keys to the queue and do nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from controller.core.canary import Canary, State
from controller.core.parse import parse_canary
from controller.core.world import seniority
from controller.echoes import Echoes
from controller.gather import OVERLAP_INDEX, PARTS_INDEX, ROUTE, SERVICE, overlap_keys, part_key, parts_keys
from deploy.deployments import view as deployment_view
from deploy.registry import DEPLOYERS
from deploy.types import Workload
from informers.caches import Informers
from informers.client import KubeClient
from informers.discovery import ServedVersion
from informers.informer import Informer
from informers.keys import key_of
from informers.kube_source import KubeSource
from informers.namespaces import NamespaceView, OneNamespaceSource
from informers.namespaces import view as namespace_view
from informers.resources import (
    CANARIES,
    DEPLOYMENTS,
    SERVICES,
    VIRTUAL_SERVICE_GROUP,
    VIRTUAL_SERVICE_VERSIONS,
    Resource,
    virtual_services,
)
from informers.store import Build, Change, Index, Order
from informers.types import Json, V
from router.services import view as service_view
from router.types import Service
from router.virtualservice import VirtualServiceView
from router.virtualservice import view as virtual_service_view


def canary_view(obj: Json, _previous: Canary | None) -> Canary:
    """Return the cached view of a Canary object."""
    return parse_canary(obj, kinds=DEPLOYERS.keys())


NAMESPACE_INDEX = "namespace"


def _namespace_of(canary: Canary) -> Sequence[str]:
    return (canary.namespace,)


@dataclass(frozen=True, slots=True)
class Parts:
    """The informers of everything that a decision is made from."""

    canaries: Informers[Canary]
    deployments: Informers[Workload]
    virtual_services: Informers[VirtualServiceView]
    services: Informers[Service]
    namespaces: Mapping[
        str, Informer[NamespaceView]
    ]  # empty where all are watched: there our rights outlive any of them
    virtual_service_version: Callable[[], Resource]

    @property
    def all(self) -> Sequence[Informer[Any]]:
        """Every informer without which nothing can be decided."""
        return (*self.canaries.all, *self.deployments.all, *self.virtual_services.all, *self.services.all)

    def by_resource(self) -> Iterator[tuple[str, str, Informer[Any]]]:
        """Yield every informer after the resource and the namespace ("" for all) that it watches."""
        for resource, informers in (
            (CANARIES, self.canaries),
            (DEPLOYMENTS, self.deployments),
            (virtual_services(VIRTUAL_SERVICE_VERSIONS[0]), self.virtual_services),
            (SERVICES, self.services),
        ):
            yield from ((resource.plural, namespace, informer) for namespace, informer in informers.by_namespace())

    def wake(self, add: Callable[[str], None], echoes: Echoes) -> None:
        """Have every change add the keys of the canaries that it concerns, unless it is our own."""
        parts: Mapping[str, Callable[[Change[Any]], None]] = {
            CANARIES.plural: partial(self._canary_changed, add),
            DEPLOYMENTS.plural: partial(self._part_changed, add, DEPLOYMENTS.kind),
            virtual_services(VIRTUAL_SERVICE_VERSIONS[0]).plural: partial(self._part_changed, add, ROUTE),
            SERVICES.plural: partial(self._part_changed, add, SERVICE),
        }
        for resource, _, informer in self.by_resource():
            informer.add_handler(partial(_unless_ours, echoes, resource, parts[resource]))
        for namespace in self.namespaces.values():
            namespace.add_handler(partial(self._namespace_changed, add))

    def is_terminating(self, namespace: str) -> bool:
        """Return whether a namespace is being deleted, as far as is known."""
        informer = self.namespaces.get(namespace)
        found = informer.get("", namespace) if informer is not None else None
        return isinstance(found, NamespaceView) and found.terminating

    def _canary_changed(self, add: Callable[[str], None], change: Change[Canary]) -> None:
        add(change.key)
        for value in _given_up(change):  # whoever stood back for it may go on
            self._add_all(add, OVERLAP_INDEX, value)

    def _namespace_changed(self, add: Callable[[str], None], change: Change[NamespaceView]) -> None:
        if isinstance(change.new, NamespaceView) and change.new.terminating:
            self._add_all(add, NAMESPACE_INDEX, change.new.name)

    def _part_changed(self, add: Callable[[str], None], kind: str, change: Change[Any]) -> None:
        view = change.new or change.old
        if view is not None:
            for canary in self.canaries.by_index(PARTS_INDEX, part_key(kind, view.namespace, view.name)):
                if isinstance(canary, Canary) and not self._stands_back(canary):
                    add(key_of(canary.namespace, canary.name))

    def _stands_back(self, canary: Canary) -> bool:
        """Whether it rests behind an older one: then it waits for that one's end, whatever becomes of the parts.

        Thousands of objects that name the same parts would otherwise be reconciled for each change of one of them.
        """
        if canary.status.state is State.RUNNING:
            return False
        firsts = (self.canaries.first(OVERLAP_INDEX, value) for value in overlap_keys(canary))
        return any(first is not None and first.uid != canary.uid for first in firsts)

    def _add_all(self, add: Callable[[str], None], index: str, value: str) -> None:
        for canary in self.canaries.by_index(index, value):
            add(key_of(canary.namespace, canary.name))


def _unless_ours(echoes: Echoes, resource: str, handle: Callable[[Change[Any]], None], change: Change[Any]) -> None:
    if change.is_sync:
        return
    if change.new is None:
        handle(change)
        return
    echoes.unless_ours(resource, change.key, change.new.resource_version, partial(handle, change))


def _given_up(change: Change[Canary]) -> Collection[str]:
    """Return what a canary named and names no more, or only as a younger one: it was created anew between two lists."""
    old, new = change.old, change.new
    if not isinstance(old, Canary):
        return ()
    same = isinstance(new, Canary) and new.uid == old.uid
    return set(overlap_keys(old)) - set(overlap_keys(new) if same and isinstance(new, Canary) else ())


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes informers over one client."""

    client: KubeClient
    namespaces: tuple[str, ...]  # ("",) for all

    def make(
        self,
        resource: Resource,
        build: Build[V],
        indexes: Mapping[str, Index[V]] | None = None,
        orders: Mapping[str, Order[V]] | None = None,
    ) -> Informers[V]:
        return self.of_version(lambda: resource, lambda: None, resource, build, indexes, orders)

    def of_version(
        self,
        version: Callable[[], Resource],
        forget: Callable[[], None],
        any_version: Resource,
        build: Build[V],
        indexes: Mapping[str, Index[V]] | None = None,
        orders: Mapping[str, Order[V]] | None = None,
    ) -> Informers[V]:
        return Informers(
            {
                namespace: Informer(
                    KubeSource(
                        self.client,
                        version,
                        kind=any_version.kind,
                        plural=any_version.plural,
                        namespace=namespace,
                        forget=forget,
                    ),
                    build,
                    indexes=indexes,
                    orders=orders,
                )
                for namespace in self.namespaces
            }
        )


def make_parts(client: KubeClient, namespaces: Sequence[str]) -> Parts:
    """Return the informers for these namespaces, or for all if there are none; nothing is started."""
    maker = _Maker(client, tuple(namespaces) or ("",))
    newest = VIRTUAL_SERVICE_VERSIONS[0]
    served = ServedVersion(client, VIRTUAL_SERVICE_GROUP, VIRTUAL_SERVICE_VERSIONS, virtual_services)
    return Parts(
        canaries=maker.make(
            CANARIES,
            canary_view,
            {OVERLAP_INDEX: overlap_keys, PARTS_INDEX: parts_keys, NAMESPACE_INDEX: _namespace_of},
            {OVERLAP_INDEX: seniority},
        ),
        deployments=maker.make(DEPLOYMENTS, deployment_view),
        virtual_services=maker.of_version(served, served.forget, virtual_services(newest), virtual_service_view),
        services=maker.make(SERVICES, service_view),
        namespaces={name: Informer(OneNamespaceSource(client, name), namespace_view) for name in namespaces},
        virtual_service_version=served,
    )
