"""Pod templates: what is compared of them, and the patch that copies one over another. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.revision import fingerprint
from deploy.types import PROMOTED_ANNOTATION, Template

Json = dict[str, Any]


def template_of(deployment: Mapping[str, Any]) -> Template:
    """Return what is compared of a Deployment's pod template.

    Raises:
        KeyError, TypeError: the object has no pod template or no selector.
    """
    spec = deployment["spec"]
    template = spec["template"]
    meta = template.get("metadata") or {}
    selector = spec["selector"]
    keys = set(selector.get("matchLabels") or {}) | {e["key"] for e in selector.get("matchExpressions") or ()}
    body = {"spec": template["spec"], "annotations": meta.get("annotations")}
    return Template(
        revision=fingerprint(template),
        body=fingerprint(body),
        labels=tuple(sorted((meta.get("labels") or {}).items())),
        selector=tuple(sorted(keys)),
    )


def promoted_labels(source: Template, target: Template) -> tuple[tuple[str, str], ...]:
    """Return the labels that the target's template has after a promotion, sorted.

    The keys of either selector are identity, not content: the target keeps what it has there. A label of the canary's
    selector on the primary's pods would put them behind the canary's service.
    """
    identity = set(source.selector) | set(target.selector)
    copied = {key: value for key, value in source.labels if key not in identity}
    kept = {key: value for key, value in target.labels if key in identity}
    return tuple(sorted({**copied, **kept}.items()))


def would_change_nothing(source: Template, target: Template) -> bool:
    """Whether a promotion would leave the target's template as it is."""
    return source.body == target.body and promoted_labels(source, target) == target.labels


def copy_operations(source: Json, target: Json, stamp: str) -> Sequence[Json]:
    """Return the JSON patch that copies the pod template of one Deployment to another and stamps it.

    Pod spec, annotations and labels are taken as they are, unknown fields and nulls included. The tests make the
    patch fail if the target's spec has changed since it was read; its status may change as it likes.
    """
    labels = dict(promoted_labels(template_of(source), template_of(target)))
    template = source["spec"]["template"]
    old_meta = target["spec"]["template"].get("metadata") or {}
    meta = {**old_meta, "labels": labels, "annotations": (template.get("metadata") or {}).get("annotations") or {}}
    return (
        {"op": "test", "path": "/metadata/uid", "value": target["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/generation", "value": target["metadata"]["generation"]},
        {"op": "add", "path": "/spec/template/metadata", "value": meta},
        {"op": "replace", "path": "/spec/template/spec", "value": template["spec"]},
        _stamp_operation(target, stamp),
    )


def _stamp_operation(target: Json, stamp: str) -> Json:
    """Return an ``add`` of the one annotation, or of the map where there is none: others' annotations stay theirs."""
    if not target["metadata"].get("annotations"):
        return {"op": "add", "path": "/metadata/annotations", "value": {PROMOTED_ANNOTATION: stamp}}
    key = PROMOTED_ANNOTATION.replace("/", "~1")
    return {"op": "add", "path": f"/metadata/annotations/{key}", "value": stamp}
