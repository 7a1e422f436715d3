"""A made-up kind: its definition, its declaration, and objects of it."""

import copy
from typing import Any

from deploy.declaration import Declaration
from informers.resources import ApiKind

Json = dict[str, Any]

WIDGET = Declaration(
    ApiKind("example.com", ("v1", "v1beta1"), "widgets", "Widget"),
    fields=(("spec", "image"), ("spec", "settings")),
    identity=(("spec", "settings", "name"),),
    paused=("spec", "hold"),
    conditions=("Ready",),
)
WIDGETS = ("example.com", "widgets")

_ANYTHING: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(group: str, plural: str, kind: str, *versions: str) -> Json:
    """Return a CustomResourceDefinition with a status subresource, which takes whatever it is given."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "subresources": {"status": {}},
                    "schema": schema,
                }
                for version in versions
            ],
        },
    }


WIDGET_CRD = definition("example.com", "widgets", "Widget", "v1")


def widget(name: str = "podinfo", image: str = "app:1", *, ready: bool = True, **spec: Any) -> Json:
    """Return a Widget as an API server would send it."""
    settings = {"name": name, "level": 3}
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"namespace": "test", "name": name, "uid": f"{name}-uid", "resourceVersion": "7", "generation": 2},
        "spec": {"image": image, "settings": settings, "size": 5, **spec},
        "status": {
            "observedGeneration": 2,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "Playing"}],
        },
    }
    return copy.deepcopy(obj)
