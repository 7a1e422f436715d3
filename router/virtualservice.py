"""Istio's VirtualService: how its weights are seen. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from informers.fields import HIGHEST_INT32, items, mapping, text, whole
from router.hosts import normalise
from router.types import TOTAL
from router.weighted import Destination, Form, RouteView

FORM = Form(rule="HTTP route", weight="/spec/http/{rule}/route/{index}/weight")
_WHERE = "spec.http.route: "


def view(obj: Mapping[str, Any], _previous: RouteView | None) -> RouteView:
    """Return the cached view of a VirtualService.

    Raises:
        FieldError: a field is not what it must be.
        KeyError: the object is not a VirtualService.
    """
    meta = obj["metadata"]
    namespace = meta["namespace"]
    routes = items(mapping(obj, "spec", ""), "http", "spec.")
    return RouteView(
        namespace=namespace,
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        rules=tuple(_destinations(items(route, "route", "spec.http: "), namespace) for route in routes),
        form=FORM,
    )


def _destinations(route: Sequence[Mapping[str, Any]], namespace: str) -> tuple[Destination, ...]:
    default = TOTAL if len(route) == 1 else 0  # Istio's: a single destination gets everything, one of several nothing
    return tuple(
        Destination(
            host=normalise(text(entry["destination"], "host", f"{_WHERE}destination."), namespace),
            weight=whole(entry, "weight", _WHERE, default=default, lowest=-HIGHEST_INT32, highest=HIGHEST_INT32),
        )
        for entry in route
    )
