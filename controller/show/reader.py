"""Asks the API server for canaries, their parts and their events. What may not be read is said, and is no error."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from controller.core.canary import Canary, CanarySpec
from controller.core.parse import parse_canary
from controller.core.world import World
from controller.gather import route_ref
from controller.kinds import BUILT_IN
from controller.parts import served_version
from controller.resources import CANARIES, EVENTS
from controller.show.facts import Json, Snapshot, Told, time_of
from informers.client import READ_SECONDS, KubeClient
from informers.errors import ForbiddenError, KindNotServedError, NotFoundError
from informers.kinds import WatchedKind
from informers.resources import Resource
from informers.store import Store
from informers.types import IdentityError, View
from router.hosts import normalise
from router.registry import ROUTES
from router.services import SERVICE, backend

V = TypeVar("V", bound=View)

_PAGE = 250
_INTERVAL = timedelta(seconds=10)  # where the object names none, and the status no next round: of the flag's default


class Reader:
    """Reads through one client. Remembers which versions of kinds are served."""

    def __init__(self, client: KubeClient, now: Callable[[], datetime]) -> None:
        """Take the client, and the wall clock."""
        self._client = client
        self._now = now
        self._versions: dict[str, Callable[[], Resource]] = {}

    def canaries(self, namespace: str) -> list[Json]:
        """Return the Canary objects of a namespace; "" for all namespaces."""
        items = self._list(CANARIES, namespace, {})
        return [{"apiVersion": CANARIES.api_version, "kind": CANARIES.kind, **item} for item in items]

    def canary(self, namespace: str, name: str) -> Json:
        """Return one Canary object."""
        return self._client.get(CANARIES, namespace, name)

    def snapshot(self, namespace: str, name: str, *, events: bool = True) -> Snapshot:
        """Return a Canary object with its parts, and with its events unless nobody wants them.

        Raises:
            informers.errors.ApiError: the object itself could not be read.
        """
        obj = self.canary(namespace, name)
        now, unread = self._now(), list[str]()
        try:
            canary = parse_canary(obj, kinds=None, routes=ROUTES)
        except (KeyError, TypeError, ValueError) as error:
            return Snapshot(obj, now, unread=(f"the canary object cannot be read: {error}",))
        world = self._world(canary, now, unread)
        told = tuple(self._events(namespace, name, unread)) if events else ()
        return Snapshot(obj, now, world, tuple(dict.fromkeys(unread)), told)

    def _world(self, canary: Canary, now: datetime, unread: list[str]) -> World:
        """Return what the controller would see of it; what may not be read is noted, and seems to be missing."""
        spec, ns = canary.spec, canary.namespace
        services = _store(SERVICE)
        world = World(
            now=now,
            canary=canary,
            primary=None,
            canary_workload=None,
            route=None,
            primary_backend=backend(services, ns, canary.name),
            canary_backend=backend(services, ns, canary.name),
            rivals=(),
            default_interval=_INTERVAL,
        )
        if not isinstance(spec, CanarySpec):
            return world
        found: dict[str, Any] = {}
        kind = BUILT_IN.workloads.get(spec.target_kind)
        if kind is None:
            unread.append(f"kind {spec.target_kind} is declared to the controller alone, its objects are not shown")
        else:
            workloads = self._filled(kind.watched, ns, (spec.primary.name, spec.canary.name), unread)
            deployer = kind.make(workloads, self._client, self._version(kind.watched))
            found["primary"] = deployer.get(ns, spec.primary.name)
            found["canary_workload"] = deployer.get(ns, spec.canary.name)
        route_kind = ROUTES[spec.route_kind]
        routes = self._filled(route_kind.watched, ns, (spec.route_name,), unread)
        router = route_kind.make(routes, self._client, self._version(route_kind.watched))
        hosts = (spec.primary.host, spec.canary.host)
        services = self._filled(SERVICE, ns, [normalise(host, ns).service for host in hosts], unread)
        return World(
            now=now,
            canary=canary,
            primary=found.get("primary"),
            canary_workload=found.get("canary_workload"),
            route=router.get(route_ref(canary, spec)),
            primary_backend=backend(services, ns, spec.primary.host),
            canary_backend=backend(services, ns, spec.canary.host),
            rivals=(),
            default_interval=_INTERVAL,
        )

    def _filled(self, kind: WatchedKind[V], namespace: str, names: Iterable[str], unread: list[str]) -> Store[V]:
        store = _store(kind)
        for name in names:
            try:
                obj = self._client.get(self._version(kind)(), namespace, name)
            except ForbiddenError:
                unread.append(f"{kind.api.plural} may not be read with this login")
                continue
            except KindNotServedError as error:
                unread.append(str(error))
                continue
            except NotFoundError:
                continue
            try:
                store.put(store.view(obj))
            except IdentityError as error:
                unread.append(f"{kind.api.plural} {name}: {error}")
        return store

    def _version(self, kind: WatchedKind[Any]) -> Callable[[], Resource]:
        if kind.api.kind not in self._versions:
            self._versions[kind.api.kind] = served_version(self._client, kind)
        return self._versions[kind.api.kind]

    def _events(self, namespace: str, name: str, unread: list[str]) -> Iterator[Told]:
        """Yield the events about an object, oldest first."""
        selector = f"involvedObject.kind={CANARIES.kind},involvedObject.name={name}"
        try:
            items = list(self._list(EVENTS, namespace, {"fieldSelector": selector}))
        except ForbiddenError:
            unread.append("events may not be read with this login")
            return
        told = [(at, item) for item in items if (at := _when(item)) is not None]
        for at, item in sorted(told, key=lambda pair: (pair[0], str(pair[1]["metadata"].get("name")))):
            count = item.get("count")
            text = str(item.get("message") or "")
            yield Told(at, item.get("type") == "Warning", text, count if isinstance(count, int) else 1)

    def _list(self, resource: Resource, namespace: str, query: dict[str, object]) -> Iterator[dict[str, Any]]:
        token, what = "", f"list {resource.plural}"
        while True:
            asked = {**query, "limit": _PAGE, **({"continue": token} if token else {})}
            answer = self._client.open("list", resource, resource.path(namespace), asked, read_seconds=READ_SECONDS)
            page = self._client.read(what, answer)
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return


def _store(kind: WatchedKind[V]) -> Store[V]:
    return Store(kind.view, indexes={}, listener=lambda _change: None)


def _when(event: dict[str, Any]) -> datetime | None:
    times = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((at for at in map(time_of, times) if at is not None), None)
