"""The Gateway API's HTTPRoute: how its weights are seen. Pure.

Source: the HTTPRoute reference of gateway.networking.k8s.io/v1, ``backendRefs``.
"""

from collections.abc import Mapping
from typing import Any

from informers.fields import HIGHEST_INT32, items, mapping, text, whole
from informers.interned import interned
from informers.shapes import Shape
from router.hosts import Host
from router.weighted import Destination, Form, RouteView

FORM = Form(rule="rule", weight="/spec/rules/{rule}/backendRefs/{index}/weight")
SHAPE = Shape(spec=("rules",))
_WHERE = "spec.rules.backendRefs: "
_SERVICE = "Service"


def view(obj: Mapping[str, Any], _previous: RouteView | None) -> RouteView:
    """Return the cached view of an HTTPRoute.

    Raises:
        FieldError: a field is not what it must be.
        KeyError: the object is not an HTTPRoute.
    """
    meta = obj["metadata"]
    namespace = interned(meta["namespace"])
    rules = items(mapping(obj, "spec", ""), "rules", "spec.")
    return RouteView(
        namespace=namespace,
        name=interned(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        rules=tuple(
            tuple(_destination(ref, namespace) for ref in items(rule, "backendRefs", "spec.rules: ")) for rule in rules
        ),
        form=FORM,
    )


def _destination(ref: Mapping[str, Any], namespace: str) -> Destination:
    return Destination(
        host=_host(ref, namespace),
        weight=whole(ref, "weight", _WHERE, default=1, lowest=-HIGHEST_INT32, highest=HIGHEST_INT32),
    )


def _host(ref: Mapping[str, Any], namespace: str) -> Host:
    """Return the service that is meant; a reference to another kind is a host that no canary can name."""
    name, kind = text(ref, "name", _WHERE), text(ref, "kind", _WHERE) or _SERVICE
    if kind != _SERVICE or text(ref, "group", _WHERE):
        return Host(f"{kind} {name}", "")
    return Host(name, text(ref, "namespace", _WHERE) or namespace)
