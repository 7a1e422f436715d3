"""Weights in an Istio VirtualService: finding them, and the patch of two numbers that changes them. Pure.

Only routes that hold both hosts and nothing but them are managed. Everything else of the object (matches, timeouts,
retries, other routes, fields that we don't know) is never read into a patch, so it cannot be lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from informers.fields import HIGHEST_INT32, items, mapping, text, whole
from router.hosts import Host, normalise
from router.types import TOTAL, Route, RouteRef, Weights

Json = dict[str, Any]
_WHERE = "spec.http.route: "


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination of an HTTP route."""

    host: Host
    weight: int  # share of the sum of its route, with Istio's default filled in


@dataclass(frozen=True, slots=True)
class VirtualServiceView:
    """View of a VirtualService: its HTTP routes in order, each a tuple of destinations."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    routes: tuple[tuple[Destination, ...], ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the two destinations of a route stand."""

    route: int
    primary: int
    canary: int


def view(obj: Mapping[str, Any], _previous: VirtualServiceView | None) -> VirtualServiceView:
    """Return the cached view of a VirtualService.

    Raises:
        FieldError: a field is not what it must be.
        KeyError: the object is not a VirtualService.
    """
    meta = obj["metadata"]
    namespace = meta["namespace"]
    routes = items(mapping(obj, "spec", ""), "http", "spec.")
    return VirtualServiceView(
        namespace=namespace,
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        routes=tuple(_destinations(items(route, "route", "spec.http: "), namespace) for route in routes),
    )


def find(virtual_service: VirtualServiceView, ref: RouteRef) -> Route:
    """Return the weights of the managed routes, or what is missing or in the way."""
    primary, canary = _hosts(ref)
    spots = _managed(virtual_service, primary, canary)
    if not spots:
        sends = any(_destination(virtual_service, s.route, s.canary).weight > 0 for s in _mixed(virtual_service, ref))
        return Route(None, _problem(virtual_service, ref), sends_to_canary=sends)
    pairs = {
        (
            _destination(virtual_service, spot.route, spot.primary).weight,
            _destination(virtual_service, spot.route, spot.canary).weight,
        )
        for spot in spots
    }
    to_primary, to_canary = next(iter(pairs))
    agreed = len(pairs) == 1 and min(to_primary, to_canary) >= 0 and to_primary + to_canary == TOTAL
    return Route(
        Weights(to_primary, to_canary) if agreed else None,
        sends_to_canary=any(canary > 0 for _, canary in pairs),
        sends_to_primary=agreed or any(primary > 0 for primary, _ in pairs),
    )


def patch(virtual_service: VirtualServiceView, ref: RouteRef, weights: Weights) -> Sequence[Json]:
    """Return the JSON patch that brings every managed route to the weights; empty if nothing differs.

    Where no route is managed any more because a third destination was put into all of them, the canary can still be
    drained: its share is given to the primary, and the third is left alone.
    """
    spots = _managed(virtual_service, *_hosts(ref))
    operations: list[Json] = []
    for spot in spots:
        operations += _set(virtual_service, spot, weights.primary, weights.canary)
    if not spots and weights.canary == 0:
        for spot in _mixed(virtual_service, ref):
            share = _destination(virtual_service, spot.route, spot.canary).weight
            to_primary = _destination(virtual_service, spot.route, spot.primary).weight + share
            operations += _set(virtual_service, spot, to_primary, 0)
    if not operations:
        return ()
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": virtual_service.resource_version}
    return (test, *operations)


def _set(virtual_service: VirtualServiceView, spot: _Spot, to_primary: int, to_canary: int) -> list[Json]:
    wanted = ((spot.primary, to_primary), (spot.canary, to_canary))
    return [
        # "add" on a member of an object replaces it, and works where the weight is left out
        {"op": "add", "path": f"/spec/http/{spot.route}/route/{index}/weight", "value": weight}
        for index, weight in wanted
        if _destination(virtual_service, spot.route, index).weight != weight
    ]


def _destinations(route: Sequence[Mapping[str, Any]], namespace: str) -> tuple[Destination, ...]:
    default = TOTAL if len(route) == 1 else 0  # Istio's: a single destination gets everything, one of several nothing
    return tuple(
        Destination(
            host=normalise(text(entry["destination"], "host", f"{_WHERE}destination."), namespace),
            weight=whole(entry, "weight", _WHERE, default=default, lowest=-HIGHEST_INT32, highest=HIGHEST_INT32),
        )
        for entry in route
    )


def _hosts(ref: RouteRef) -> tuple[Host, Host]:
    return normalise(ref.primary_host, ref.namespace), normalise(ref.canary_host, ref.namespace)


def _destination(virtual_service: VirtualServiceView, route: int, index: int) -> Destination:
    return virtual_service.routes[route][index]


def _managed(virtual_service: VirtualServiceView, primary: Host, canary: Host) -> list[_Spot]:
    """Return the routes that hold each host once and nothing else."""
    wanted = sorted((primary, canary), key=str)
    spots = []
    for index, route in enumerate(virtual_service.routes):
        hosts = [destination.host for destination in route]
        if sorted(hosts, key=str) == wanted:
            spots.append(_Spot(index, hosts.index(primary), hosts.index(canary)))
    return spots


def _mixed(virtual_service: VirtualServiceView, ref: RouteRef) -> list[_Spot]:
    """Return the routes that hold both hosts among others."""
    primary, canary = _hosts(ref)
    spots = []
    for index, route in enumerate(virtual_service.routes):
        hosts = [destination.host for destination in route]
        if primary in hosts and canary in hosts:
            spots.append(_Spot(index, hosts.index(primary), hosts.index(canary)))
    return spots


def _problem(virtual_service: VirtualServiceView, ref: RouteRef) -> str:
    primary, canary = _hosts(ref)
    both = f"one HTTP route must hold {ref.primary_host} and {ref.canary_host} and nothing else"
    if not virtual_service.routes:
        return f"it has no HTTP routes, {both}"
    mixed = _mixed(virtual_service, ref)
    if mixed:
        hosts = [destination.host for destination in virtual_service.routes[mixed[0].route]]
        third = next((host for host in hosts if host not in {primary, canary}), None)
        in_the_way = f"destination {_name(third)} is in the way" if third else "a host stands there twice"
        return f"HTTP route {mixed[0].route}: {in_the_way}, {both}"
    known = {destination.host for route in virtual_service.routes for destination in route}
    missing = [name for host, name in ((primary, ref.primary_host), (canary, ref.canary_host)) if host not in known]
    if missing:
        return f"no HTTP route holds host {' or '.join(missing)}, {both}"
    return f"no HTTP route holds both hosts, {both}"


def _name(host: Host) -> str:
    return f"{host.service}.{host.namespace}" if host.namespace else host.service
