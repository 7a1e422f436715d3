"""Which informers there are, and which keys their changes wake. Handlers add keys to the queue and do nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from controller.core.canary import Canary, CanarySpec, State
from controller.core.world import Unseen, WhyUnseen, seniority
from controller.echoes import Echoes
from controller.gather import OVERLAP_INDEX, PARTS_INDEX, kinds_of, overlap_keys, part_key, parts_keys
from controller.kinds import CANARY, Kinds
from controller.watched import Watched
from informers.caches import Informers
from informers.change import Change
from informers.client import KubeClient
from informers.discovery import ServedVersion
from informers.informer import Informer
from informers.keys import key_of
from informers.kinds import WatchedKind
from informers.kube_source import KubeSource
from informers.namespaces import NamespaceView, OneNamespaceSource
from informers.namespaces import view as namespace_view
from informers.outage import Outage
from informers.resources import Resource
from router.services import SERVICES

NAMESPACE_INDEX = "namespace"
KINDS_INDEX = "kinds"
ALWAYS = (SERVICES.kind,)
"""What every canary is made of."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def _namespace_of(canary: Canary) -> Sequence[str]:
    return (canary.namespace,)


def _last_round(canary: Canary) -> datetime:
    return canary.status.last_check_time or _NEVER


def kinds_keys(canary: Canary) -> Sequence[str]:
    """Return the kinds that a canary names: index function of the canary cache."""
    return kinds_of(canary.spec) if isinstance(canary.spec, CanarySpec) else ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The informers of everything that a decision is made from."""

    kinds: Kinds
    canaries: Informers[Canary]
    of_kind: Mapping[str, Informers[Any]]  # of every part
    watched: Watched  # which of them run
    versions: Mapping[str, Callable[[], Resource]]  # by kind, what returns it at the version that is served
    namespaces: Mapping[
        str, Informer[NamespaceView]
    ]  # empty where all are watched: there our rights outlive any of them
    outage: Outage  # that all of them share

    @property
    def all(self) -> Sequence[Informer[Any]]:
        """Every informer, whether or not it runs."""
        parts = (informer for informers in self.of_kind.values() for informer in informers.all)
        return (*self._own, *parts)

    @property
    def _own(self) -> Sequence[Informer[Any]]:
        """Those that run from the beginning."""
        return (*self.canaries.all, *self.namespaces.values())

    def start(self) -> None:
        """Watch canaries, and from then on each kind that one of them names."""
        for canaries in self.canaries.all:
            canaries.add_handler(self._named)
        for informer in self._own:
            informer.start()
        self.watched.need(ALWAYS)

    def settle(self) -> bool:
        """Watch what the canaries name that are there; return whether all that everybody waits for has been seen."""
        if not all(canaries.has_synced for canaries in self.canaries.all):
            return False
        self.watched.need(kind for kind in self.of_kind if self.canaries.is_filed(KINDS_INDEX, kind))
        return all(informer.has_synced for _, _, informer in self.watched.required())

    def stop(self) -> None:
        """Stop watching."""
        self.watched.end()
        for informer in self._own:
            informer.stop()

    def needed(self) -> Mapping[str, Informer[Any]]:
        """Return every informer without which nothing can be decided now, by name."""
        parts = (informer for _, _, informer in self.watched.required())
        return {informer.name: informer for informer in (*self.canaries.all, *parts)}

    def by_resource(self) -> Iterator[tuple[str, str, Informer[Any]]]:
        """Yield what is watched, each after its resource and its namespace ("" for all)."""
        yield from ((CANARY.api.plural, namespace, informer) for namespace, informer in self.canaries.by_namespace())
        for kind, namespace, informer in self.watched.by_namespace():
            yield self.kinds.parts[kind].api.plural, namespace, informer

    def wake(self, add: Callable[[str], None], echoes: Echoes) -> None:
        """Have every change add the keys of the canaries that it concerns, unless it is our own.

        All are added at first, since each is a change to who knows none. Rollouts come before what is at rest, and the
        one first whose last round is longest ago: whoever takes over from a leader holds each round that is due.
        """
        running = [c for c in self.canaries.views() if isinstance(c, Canary) and c.status.state is State.RUNNING]
        for canary in sorted(running, key=_last_round):
            add(key_of(canary.namespace, canary.name))
        for canaries in self.canaries.all:
            canaries.add_handler(partial(_unless_ours, echoes, CANARY.api.plural, partial(self._canary_changed, add)))
        self.watched.each(partial(self._join, add, echoes))
        for namespace in self.namespaces.values():
            namespace.add_handler(partial(self._namespace_changed, add))

    def unseen(self, kind: str, namespace: str) -> Unseen | None:
        """Return why what is known of a kind says nothing of the cluster, or None if it does (contracts R26, S7)."""
        if self.outage.is_doubtful():
            return Unseen(kind, WhyUnseen.NOT_LISTED_YET)
        return self.watched.unseen(kind, namespace)

    def is_terminating(self, namespace: str) -> bool:
        """Return whether a namespace is being deleted, as far as is known."""
        informer = self.namespaces.get(namespace)
        found = informer.get("", namespace) if informer is not None else None
        return isinstance(found, NamespaceView) and found.terminating

    def _named(self, change: Change[Canary]) -> None:
        if isinstance(change.new, Canary) and isinstance(change.new.spec, CanarySpec):
            self.watched.need(kinds_of(change.new.spec))

    def _join(self, add: Callable[[str], None], echoes: Echoes, kind: str, informer: Informer[Any]) -> None:
        handle = partial(self._part_changed, add, kind)
        plural = self.kinds.parts[kind].api.plural
        # Not of what is there: all canaries are queued when the workers start, and look at their parts then.
        informer.add_handler(partial(_unless_ours, echoes, plural, handle), present=False)

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


def make_parts(client: KubeClient, namespaces: Sequence[str], kinds: Kinds) -> Parts:
    """Return the informers of these kinds, for these namespaces or for all if there are none; nothing is started."""
    outage = Outage()
    maker = _Maker(client, outage, tuple(namespaces) or ("",))
    indexes = {
        OVERLAP_INDEX: overlap_keys,
        PARTS_INDEX: parts_keys,
        NAMESPACE_INDEX: _namespace_of,
        KINDS_INDEX: kinds_keys,
    }
    versions = {name: served_version(client, kind) for name, kind in kinds.parts.items()}
    own = kinds.canary
    canaries = maker.make(own, served_version(client, own), indexes=indexes, orders={OVERLAP_INDEX: seniority})
    of_kind = {
        name: maker.make(kind, versions[name], wanted=partial(_is_named, canaries, name))
        for name, kind in kinds.parts.items()
    }
    return Parts(
        kinds=kinds,
        canaries=canaries,
        of_kind=of_kind,
        watched=Watched(of_kind, kinds.parts),
        versions=versions,
        namespaces={
            name: Informer(OneNamespaceSource(client, name), namespace_view, outage=outage) for name in namespaces
        },
        outage=outage,
    )


def _is_named(canaries: Informers[Canary], kind: str, namespace: str, name: str) -> bool:
    """Whether a canary names a part. Whoever begins to is reconciled after it is filed, and looks at the part then."""
    return canaries.is_filed(PARTS_INDEX, part_key(kind, namespace, name))


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
    outage: Outage
    namespaces: tuple[str, ...]  # ("",) for all

    def make(self, kind: WatchedKind[Any], version: Callable[[], Resource], **filed: Any) -> Informers[Any]:  # noqa: ANN401  # indexes, orders and what is wanted of an informer
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
                        shape=kind.shape,
                        forget=forget,
                    ),
                    kind.view,
                    outage=self.outage,
                    **filed,
                )
                for namespace in self.namespaces
            }
        )


def _nothing() -> None:
    """Forget nothing: the version is the only one."""
