"""Which informers there are, and which keys their changes wake. Handlers add keys to the queue and do nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from controller.core.canary import Canary, State
from controller.core.world import seniority
from controller.echoes import Echoes
from controller.gather import OVERLAP_INDEX, PARTS_INDEX, overlap_keys, part_key, parts_keys
from controller.kinds import CANARY, PARTS
from informers.caches import Informers
from informers.client import KubeClient
from informers.discovery import ServedVersion
from informers.informer import Informer
from informers.keys import key_of
from informers.kinds import WatchedKind
from informers.kube_source import KubeSource
from informers.namespaces import NamespaceView, OneNamespaceSource
from informers.namespaces import view as namespace_view
from informers.resources import Resource
from informers.store import Change

NAMESPACE_INDEX = "namespace"


def _namespace_of(canary: Canary) -> Sequence[str]:
    return (canary.namespace,)


@dataclass(frozen=True, slots=True)
class Parts:
    """The informers of everything that a decision is made from."""

    canaries: Informers[Canary]
    of_kind: Mapping[str, Informers[Any]]  # of every part
    versions: Mapping[str, Callable[[], Resource]]  # by kind, what returns it at the version that is served
    namespaces: Mapping[
        str, Informer[NamespaceView]
    ]  # empty where all are watched: there our rights outlive any of them

    @property
    def all(self) -> Sequence[Informer[Any]]:
        """Every informer without which nothing can be decided."""
        return (*self.canaries.all, *(informer for informers in self.of_kind.values() for informer in informers.all))

    def by_resource(self) -> Iterator[tuple[str, str, Informer[Any]]]:
        """Yield every informer after the resource and the namespace ("" for all) that it watches."""
        caches: list[tuple[str, Informers[Any]]] = [(CANARY.api.plural, self.canaries)]
        caches += [(PARTS[name].api.plural, informers) for name, informers in self.of_kind.items()]
        for plural, informers in caches:
            yield from ((plural, namespace, informer) for namespace, informer in informers.by_namespace())

    def wake(self, add: Callable[[str], None], echoes: Echoes) -> None:
        """Have every change add the keys of the canaries that it concerns, unless it is our own."""
        for canaries in self.canaries.all:
            canaries.add_handler(partial(_unless_ours, echoes, CANARY.api.plural, partial(self._canary_changed, add)))
        for kind, informers in self.of_kind.items():
            changed = partial(_unless_ours, echoes, PARTS[kind].api.plural, partial(self._part_changed, add, kind))
            for informer in informers.all:
                informer.add_handler(changed)
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


def make_parts(client: KubeClient, namespaces: Sequence[str]) -> Parts:
    """Return the informers for these namespaces, or for all if there are none; nothing is started."""
    maker = _Maker(client, tuple(namespaces) or ("",))
    indexes = {OVERLAP_INDEX: overlap_keys, PARTS_INDEX: parts_keys, NAMESPACE_INDEX: _namespace_of}
    versions = {name: served_version(client, kind) for name, kind in PARTS.items()}
    return Parts(
        canaries=maker.make(CANARY, served_version(client, CANARY), indexes=indexes, orders={OVERLAP_INDEX: seniority}),
        of_kind={name: maker.make(kind, versions[name]) for name, kind in PARTS.items()},
        versions=versions,
        namespaces={name: Informer(OneNamespaceSource(client, name), namespace_view) for name in namespaces},
    )


def served_version(client: KubeClient, kind: WatchedKind[Any]) -> Callable[[], Resource]:
    """Return what returns a kind at the version that the API server serves, or the one that there is."""
    return ServedVersion(client, kind.api) if kind.discovered else partial(kind.api.at, kind.api.versions[0])


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

    def make(self, kind: WatchedKind[Any], version: Callable[[], Resource], **filed: Any) -> Informers[Any]:  # noqa: ANN401  # indexes and orders of an informer
        forget = version.forget if isinstance(version, ServedVersion) else _nothing
        return Informers(
            {
                namespace: Informer(
                    KubeSource(
                        self.client,
                        version,
                        kind=kind.api.kind,
                        plural=kind.api.plural,
                        namespace=namespace,
                        forget=forget,
                    ),
                    kind.view,
                    **filed,
                )
                for namespace in self.namespaces
            }
        )


def _nothing() -> None:
    """Forget nothing: the version is the only one."""
