"""Weights in the rules of a route object: finding them, and the patch of two numbers that changes them. Pure.

What the object is, a VirtualService or an HTTPRoute, is told by its view. Only rules that hold both hosts and nothing
but them are managed. Everything else of the object (matches, timeouts, retries, other rules, fields that we don't know)
is never read into a patch, so it cannot be lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.hosts import Host, normalise
from router.types import TOTAL, Route, RouteRef, Weights

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination of a rule."""

    host: Host
    weight: int  # share of the sum of its rule, with the default of the kind filled in


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind writes its rules."""

    rule: str  # what a rule is called: "HTTP route"
    weight: str  # JSON pointer of a weight, with ``{rule}`` and ``{index}``


@dataclass(frozen=True, slots=True)
class RouteView:
    """View of a route object: its rules in order, each a tuple of destinations."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    rules: tuple[tuple[Destination, ...], ...]
    form: Form
    only_for: tuple[str, ...] = ()  # as ``Route.only_for``


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the two destinations of a rule stand."""

    rule: int
    primary: int
    canary: int


def find(route: RouteView, ref: RouteRef) -> Route:
    """Return the weights of the managed rules, or what is missing or in the way."""
    primary, canary = _hosts(ref)
    spots = _managed(route, primary, canary)
    if not spots:
        sends = any(_destination(route, s.rule, s.canary).weight > 0 for s in _mixed(route, ref))
        return Route(None, _problem(route, ref), sends_to_canary=sends)
    pairs = {
        (
            _destination(route, spot.rule, spot.primary).weight,
            _destination(route, spot.rule, spot.canary).weight,
        )
        for spot in spots
    }
    to_primary, to_canary = next(iter(pairs))
    agreed = len(pairs) == 1 and min(to_primary, to_canary) >= 0 and to_primary + to_canary == TOTAL
    return Route(
        Weights(to_primary, to_canary) if agreed else None,
        sends_to_canary=any(canary > 0 for _, canary in pairs),
        sends_to_primary=agreed or any(primary > 0 for primary, _ in pairs),
        only_for=route.only_for,
    )


def patch(route: RouteView, ref: RouteRef, weights: Weights) -> Sequence[Json]:
    """Return the JSON patch that brings every managed rule to the weights; empty if nothing differs.

    Where no rule is managed any more because a third destination was put into all of them, the canary can still be
    drained: its share is given to the primary, and the third is left alone.
    """
    spots = _managed(route, *_hosts(ref))
    operations: list[Json] = []
    for spot in spots:
        operations += _set(route, spot, weights.primary, weights.canary)
    if not spots and weights.canary == 0:
        for spot in _mixed(route, ref):
            share = _destination(route, spot.rule, spot.canary).weight
            to_primary = _destination(route, spot.rule, spot.primary).weight + share
            operations += _set(route, spot, to_primary, 0)
    if not operations:
        return ()
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": route.resource_version}
    return (test, *operations)


def _set(route: RouteView, spot: _Spot, to_primary: int, to_canary: int) -> list[Json]:
    wanted = ((spot.primary, to_primary), (spot.canary, to_canary))
    return [
        # "add" on a member of an object replaces it, and works where the weight is left out
        {"op": "add", "path": route.form.weight.format(rule=spot.rule, index=index), "value": weight}
        for index, weight in wanted
        if _destination(route, spot.rule, index).weight != weight
    ]


def _hosts(ref: RouteRef) -> tuple[Host, Host]:
    return normalise(ref.primary_host, ref.namespace), normalise(ref.canary_host, ref.namespace)


def _destination(route: RouteView, rule: int, index: int) -> Destination:
    return route.rules[rule][index]


def _managed(route: RouteView, primary: Host, canary: Host) -> list[_Spot]:
    """Return the rules that hold each host once and nothing else."""
    wanted = sorted((primary, canary), key=str)
    spots = []
    for index, rule in enumerate(route.rules):
        hosts = [destination.host for destination in rule]
        if sorted(hosts, key=str) == wanted:
            spots.append(_Spot(index, hosts.index(primary), hosts.index(canary)))
    return spots


def _mixed(route: RouteView, ref: RouteRef) -> list[_Spot]:
    """Return the rules that hold both hosts among others."""
    primary, canary = _hosts(ref)
    spots = []
    for index, rule in enumerate(route.rules):
        hosts = [destination.host for destination in rule]
        if primary in hosts and canary in hosts:
            spots.append(_Spot(index, hosts.index(primary), hosts.index(canary)))
    return spots


def _problem(route: RouteView, ref: RouteRef) -> str:
    primary, canary = _hosts(ref)
    word = route.form.rule
    both = f"one {word} must hold {ref.primary_host} and {ref.canary_host} and nothing else"
    if not route.rules:
        return f"it has no {word}s, {both}"
    mixed = _mixed(route, ref)
    if mixed:
        hosts = [destination.host for destination in route.rules[mixed[0].rule]]
        third = next((host for host in hosts if host not in {primary, canary}), None)
        in_the_way = f"destination {_name(third)} is in the way" if third else "it has a host twice"
        return f"{word} {mixed[0].rule}: {in_the_way}, {both}"
    known = {destination.host for rule in route.rules for destination in rule}
    missing = [name for host, name in ((primary, ref.primary_host), (canary, ref.canary_host)) if host not in known]
    if missing:
        return f"no {word} holds host {' or '.join(missing)}, {both}"
    return f"no {word} holds both hosts, {both}"


def _name(host: Host) -> str:
    return f"{host.service}.{host.namespace}" if host.namespace else host.service
