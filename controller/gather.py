"""Gather: from a key to the world that a decision is made from. Reads caches only; costs the API server nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from controller.core.canary import Canary, CanarySpec, InvalidSpec
from controller.core.world import Memory, Unseen, WhyUnseen, World
from controller.kinds import Kinds
from deploy.types import Deployer, Workload
from informers.interned import interned
from informers.resources import Resource
from informers.types import Cache, Unreadable, Writer
from metrics.metric_template import METRIC_TEMPLATES, MetricTemplate, resolved, unusable
from metrics.types import AnyCheck, OwnCheck
from router.hosts import normalise
from router.services import SERVICES
from router.types import Backend, Route, Router, RouteRef

NO_BACKEND = Backend(problem=None, gone=True)
OVERLAP_INDEX = "overlap"
PARTS_INDEX = "parts"


def parts_keys(canary: Canary) -> Sequence[str]:
    """Return what a canary is made of, so that a change of a part finds it: index function of the canary cache."""
    spec = canary.spec
    if isinstance(spec, InvalidSpec):
        return ()
    sides = (spec.primary, spec.canary)
    return (
        *(part_key(spec.target_kind, canary.namespace, side.name) for side in sides),
        *(part_key(SERVICES.kind, canary.namespace, normalise(side.host, canary.namespace).service) for side in sides),
        part_key(spec.route_kind, canary.namespace, spec.route_name),
        *(part_key(METRIC_TEMPLATES.kind, canary.namespace, name) for name in _templates(spec)),
    )


def part_key(kind: str, namespace: str, name: str) -> str:
    """Return the value under which the canaries of a part are filed."""
    return interned(f"{kind}/{namespace}/{name}")  # two indexes of the canaries hold it


def overlap_keys(canary: Canary) -> Sequence[str]:
    """Return what no two canary objects may have in common: index function of the canary cache."""
    if isinstance(canary.spec, InvalidSpec):
        return ()
    return tuple(_overlap_keys(canary.namespace, canary.spec))


def _overlap_keys(namespace: str, spec: CanarySpec) -> Iterator[str]:
    for side in (spec.primary, spec.canary):
        yield part_key(spec.target_kind, namespace, side.name)
        host = normalise(side.host, namespace)
        yield f"{spec.route_kind}/{namespace}/{spec.route_name}/{host.service}.{host.namespace}"


def route_ref(canary: Canary, spec: CanarySpec) -> RouteRef:
    """Return which route object of the canary, and which hosts in it."""
    return RouteRef(canary.namespace, spec.route_name, spec.primary.host, spec.canary.host)


def kinds_of(spec: CanarySpec) -> tuple[str, ...]:
    """Return the kinds that a canary names: of its workloads and its route, and of templates if it names some."""
    return (spec.target_kind, spec.route_kind, *((METRIC_TEMPLATES.kind,) if _templates(spec) else ()))


def _templates(spec: CanarySpec) -> Sequence[str]:
    return [check.template for check in spec.checks if isinstance(check, OwnCheck) and check.template]


def _hidden(spec: CanarySpec, unseen: Sequence[Unseen]) -> Route | None:
    """Return what stands for a route that may be there, if we may not look: it is no missing one."""
    found = next((u for u in unseen if (u.kind, u.why) == (spec.route_kind, WhyUnseen.FORBIDDEN)), None)
    return Route(None, f"it cannot be read: {found.what}", unreadable=True) if found else None


def _cannot_be_seen(kind: str, unseen: Sequence[Unseen]) -> bool:
    """Whether what a cache may hold of a kind is too old to be believed. A list that is to come is waited for."""
    return any(u.kind == kind and u.why is not WhyUnseen.NOT_LISTED_YET for u in unseen)


@dataclass(frozen=True, slots=True)
class Adapters:
    """What reads and writes the parts of canaries, by kind."""

    deployers: Mapping[str, Deployer]  # by spec.targetKind
    routers: Mapping[str, Router]


def make_adapters(
    kinds: Kinds, caches: Mapping[str, Cache[Any]], writer: Writer, version: Callable[[str], Callable[[], Resource]]
) -> Adapters:
    """Return the adapters of every kind.

    Args:
        kinds: that there are.
        caches: by kind.
        writer: what changes objects.
        version: returns, of a kind, what returns it at the version that is served.
    """
    return Adapters(
        deployers={name: kind.make(caches[name], writer, version(name)) for name, kind in kinds.workloads.items()},
        routers={name: kind.make(caches[name], writer, version(name)) for name, kind in kinds.routes.items()},
    )


@dataclass(frozen=True, slots=True)
class Gatherer:
    """The caches and adapters that a world comes from."""

    canaries: Cache[Canary]
    backend: Callable[[str, str], Backend]  # what stands behind a host of a namespace
    adapters: Adapters
    now: Callable[[], datetime]
    default_interval: timedelta
    templates: Cache[MetricTemplate]
    servers: Collection[str]  # addresses that templates may name
    is_terminating: Callable[[str], bool] = lambda _namespace: False
    unseen: Callable[[str, str], Unseen | None] = lambda _kind, _namespace: None
    not_stored: Callable[[], str] = lambda: ""  # see World

    def gather(self, canary: Canary, memory: Memory) -> World:
        """Return the world of a canary as the caches have it now, its checks with the queries of their templates."""
        if isinstance(canary.spec, CanarySpec) and _templates(canary.spec):
            canary = replace(canary, spec=self._with_queries(canary.namespace, canary.spec))
        spec = canary.spec
        primary: Workload | Unreadable | None = None
        workload: Workload | Unreadable | None = None
        route: Route | None = None
        backends = NO_BACKEND, NO_BACKEND
        unseen: tuple[Unseen, ...] = ()
        if not isinstance(spec, InvalidSpec):
            unseen = tuple(self._unseen(canary.namespace, spec))
            if not _cannot_be_seen(spec.target_kind, unseen):
                deployer = self.adapters.deployers[spec.target_kind]
                primary = deployer.get(canary.namespace, spec.primary.name)
                workload = deployer.get(canary.namespace, spec.canary.name)
            if _cannot_be_seen(spec.route_kind, unseen):
                route = _hidden(spec, unseen)
            else:
                route = self.adapters.routers[spec.route_kind].get(route_ref(canary, spec))
            backends = (
                self.backend(canary.namespace, spec.primary.host),
                self.backend(canary.namespace, spec.canary.host),
            )
        return World(
            now=self.now(),
            canary=canary,
            primary=primary,
            canary_workload=workload,
            route=route,
            primary_backend=backends[0],
            canary_backend=backends[1],
            rivals=self._rivals(canary),
            default_interval=self.default_interval,
            memory=memory,
            namespace_terminating=self.is_terminating(canary.namespace),
            unseen=unseen,
            not_stored=self.not_stored(),
        )

    def _unseen(self, namespace: str, spec: CanarySpec) -> Iterator[Unseen]:
        """Yield which kinds cannot be seen. A template that cannot is a matter of its check alone: see below."""
        for kind in kinds_of(spec):
            found = self.unseen(kind, namespace)
            if found is not None and (kind != METRIC_TEMPLATES.kind or found.why is WhyUnseen.NOT_LISTED_YET):
                yield found

    def _with_queries(self, namespace: str, spec: CanarySpec) -> CanarySpec:
        """Return the spec with each query that stands in a template, or with the reason why it cannot be asked.

        Traffic is judged by all other checks meanwhile, and one without a query is no evidence, as any without data.
        """
        unseen = self.unseen(METRIC_TEMPLATES.kind, namespace)

        def of(check: AnyCheck) -> AnyCheck:
            if not isinstance(check, OwnCheck) or not check.template:
                return check
            if unseen is not None:
                return unusable(check, namespace, unseen.what)
            return resolved(check, self.templates.get(namespace, check.template), namespace, self.servers)

        return replace(spec, checks=tuple(of(check) for check in spec.checks))

    def _rivals(self, canary: Canary) -> tuple[Canary, ...]:
        """Return the oldest of those who name what we name: however many more there are, they bear on nothing."""
        firsts = (self.canaries.first(OVERLAP_INDEX, key) for key in overlap_keys(canary))
        others = {other.uid: other for other in firsts if other is not None and other.uid != canary.uid}
        return tuple(others.values())
