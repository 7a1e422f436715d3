"""Istio's VirtualService: how its weights are seen. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from informers.fields import HIGHEST_INT32, items, mapping, text, texts, whole
from informers.interned import interned
from informers.shapes import Shape
from informers.types import FieldError
from router.hosts import normalise
from router.types import TOTAL
from router.weighted import Destination, Form, RouteView

FORM = Form(rule="HTTP route", weight="/spec/http/{rule}/route/{index}/weight")
SHAPE = Shape(spec=("hosts", "gateways", "http"))
_WHERE = "spec.http.route: "
_MESH = "mesh"


def view(obj: Mapping[str, Any], _previous: RouteView | None) -> RouteView:
    """Return the cached view of a VirtualService.

    Raises:
        FieldError: a field is not what it must be.
        KeyError: the object is not a VirtualService.
    """
    meta = obj["metadata"]
    namespace = interned(meta["namespace"])
    routes = items(mapping(obj, "spec", ""), "http", "spec.")
    return RouteView(
        namespace=namespace,
        name=interned(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        rules=tuple(_destinations(items(route, "route", "spec.http: "), namespace) for route in routes),
        form=FORM,
        only_for=_only_for(mapping(obj, "spec", ""), namespace),
    )


def _only_for(spec: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
    """Return the hosts if none is a service or a pattern, and no gateway brings requests for them.

    Source: Istio's VirtualService reference, ``hosts`` and ``gateways``: without gateways, the mesh.
    """
    try:
        hosts, gateways = texts(spec, "hosts", "spec."), texts(spec, "gateways", "spec.")
    except FieldError:
        return ()  # no weight depends on it
    if set(gateways) - {_MESH}:
        return ()
    return () if any("*" in host or normalise(host, namespace).namespace for host in hosts) else hosts


def _destinations(route: Sequence[Mapping[str, Any]], namespace: str) -> tuple[Destination, ...]:
    default = TOTAL if len(route) == 1 else 0  # Istio's: a single destination gets everything, one of several nothing
    return tuple(
        Destination(
            host=normalise(text(entry["destination"], "host", f"{_WHERE}destination."), namespace),
            weight=whole(entry, "weight", _WHERE, default=default, lowest=-HIGHEST_INT32, highest=HIGHEST_INT32),
        )
        for entry in route
    )
