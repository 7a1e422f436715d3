"""What the view of a workload of any kind takes from its metadata. Pure."""

from collections.abc import Mapping
from typing import Any, TypedDict

from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION
from informers.fields import mapping, text, whole
from informers.interned import interned

ANNOTATIONS = (PROMOTED_ANNOTATION, FENCE_ANNOTATION)
"""Those that are read."""


class Metadata(TypedDict):
    """Fields of ``deploy.types.Workload``."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    promoted: str
    fenced: str


def metadata(obj: Mapping[str, Any]) -> Metadata:
    """Return what a view takes from the metadata of an object.

    Raises:
        FieldError: a field is not what it must be.
        KeyError, TypeError: the object has no identity.
    """
    meta = obj["metadata"]
    annotations = mapping(meta, "annotations", "metadata.")
    return {
        "namespace": interned(meta["namespace"]),
        "name": interned(meta["name"]),
        "uid": meta["uid"],
        "resource_version": meta["resourceVersion"],
        "generation": whole(meta, "generation", "metadata."),
        "promoted": text(annotations, PROMOTED_ANNOTATION, "metadata.annotations."),
        "fenced": text(annotations, FENCE_ANNOTATION, "metadata.annotations."),
    }
