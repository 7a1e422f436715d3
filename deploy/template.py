"""Pod templates: what is compared of them, and the patch that copies one over another. Pure.

What tells the two sides apart is never copied: the labels that a workload or a Service selects by, and what parks one
(``deploy.parking``). Where the pod spec itself selects pods by such a label (affinities, spread constraints), the
canary's own value becomes the primary's; or the primary's pods would keep away from the canary's, and crowd on one
node.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from deploy.images import images_of
from deploy.parking import parked_like, unparked
from deploy.revision import fingerprint
from deploy.types import PROMOTED_ANNOTATION, Template
from informers.fields import items, labels, mapping, text
from informers.packing import pack, unpack

Json = dict[str, Any]
Rename = Callable[[str, str], str]  # from the key and the value of a label to another value

_EACH = "*"  # every entry of a list
_TERMS = (
    ("requiredDuringSchedulingIgnoredDuringExecution", _EACH),
    ("preferredDuringSchedulingIgnoredDuringExecution", _EACH, "podAffinityTerm"),
)
_SELECTORS = (
    *(("affinity", kind, *term, "labelSelector") for kind in ("podAffinity", "podAntiAffinity") for term in _TERMS),
    ("topologySpreadConstraints", _EACH, "labelSelector"),
)
"""Where a pod spec selects pods by their labels."""

_OPERATORS = ("In", "NotIn")  # with values; a tuple, for a list has no hash
_SET_APART = "*"  # stands for a value that is compared by itself; no label has this value


def template_later(deployment: Mapping[str, Any]) -> Template:
    """Return the same as ``template_of``, worked out when somebody asks for more than labels; it raises the same, now.

    Args:
        deployment: an object without ``NaN`` and the like (``informers.types.Slim``).
    """
    spec = deployment["spec"]
    template, selector = spec.get("template"), spec.get("selector")
    whole = (
        isinstance(template, Mapping) and isinstance(template.get("spec"), Mapping) and isinstance(selector, Mapping)
    )
    packed = pack({"template": template, "selector": selector}) if whole else None
    if packed is None:
        return template_of(deployment)
    meta = _metadata(template)
    _selector_keys(selector)
    return Template.of_packed(_labels(meta), packed, _worked_out)


def _worked_out(packed: bytes) -> Template:
    return template_of({"spec": unpack(packed)})


def template_of(deployment: Mapping[str, Any]) -> Template:
    """Return what is compared of a Deployment's pod template.

    Raises:
        KeyError, TypeError: the object has no pod template or no selector.
    """
    spec = deployment["spec"]
    template = spec["template"]
    meta = _metadata(template)
    keys = _selector_keys(spec["selector"])
    selected: list[tuple[str, str]] = []

    def set_apart(key: str, value: str) -> str:
        selected.append((key, value))
        return _SET_APART

    body = {"spec": _with_selectors(unparked(template["spec"]), set_apart), "annotations": meta.get("annotations")}
    return Template(
        revision=revision_of(template),
        body=fingerprint(body),
        labels=_labels(meta),
        selector=tuple(sorted(keys)),
        selected=tuple(selected),
        images=images_of(template["spec"]),
    )


def _metadata(template: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(template, "metadata", "spec.template.")


def _labels(meta: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels(meta, "labels", "spec.template.metadata.").items()))


def _selector_keys(selector: Mapping[str, Any]) -> set[str]:
    where = "spec.selector.matchExpressions: "
    expressions = [text(e, "key", where) for e in items(selector, "matchExpressions", "spec.selector.")]
    return {*mapping(selector, "matchLabels", "spec.selector."), *expressions}


def revision_of(template: Mapping[str, Any]) -> str:
    """Return the fingerprint of a pod template, wherever its pods may run now."""
    return fingerprint({**template, "spec": unparked(template["spec"])})


def promoted_labels(source: Template, target: Template, identity: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Return the labels that the target's template has after a promotion, sorted.

    The keys of either Deployment's selector are identity, not content: the target keeps what it has there. A label of
    the canary's selector on the primary's pods would put them behind the canary's service.

    Args:
        source: the canary's template.
        target: the primary's template.
        identity: further label keys that are identity: those of both Services' selectors.
    """
    keys = _identity(source, target, identity)
    copied = {key: value for key, value in source.labels if key not in keys}
    kept = {key: value for key, value in target.labels if key in keys}
    return tuple(sorted({**copied, **kept}.items()))


def would_change_nothing(source: Template, target: Template, identity: Collection[str] = ()) -> bool:
    """Whether a promotion would leave the target's template as it is; for ``identity`` see ``promoted_labels``."""
    rename = _promoted_values(source, target, identity)
    return (
        source.body == target.body
        and tuple((key, rename(key, value)) for key, value in source.selected) == target.selected
        and promoted_labels(source, target, identity) == target.labels
    )


def copy_operations(source: Json, target: Json, stamp: str, identity: Collection[str] = ()) -> Sequence[Json]:
    """Return the JSON patch that copies the pod template of one Deployment to another and stamps it.

    Pod spec, annotations and labels are taken as they are, unknown fields and nulls included, but for what is identity
    (``promoted_labels``). The test makes the patch fail if anything of the target has changed since it was read.
    """
    ours, theirs = template_of(source), template_of(target)
    labels = dict(promoted_labels(ours, theirs, identity))
    template = source["spec"]["template"]
    old_meta = target["spec"]["template"].get("metadata") or {}
    meta = {**old_meta, "labels": labels, "annotations": (template.get("metadata") or {}).get("annotations") or {}}
    spec = parked_like(template["spec"], target["spec"]["template"]["spec"])
    spec = _with_selectors(spec, _promoted_values(ours, theirs, identity))
    return (
        {"op": "test", "path": "/metadata/resourceVersion", "value": target["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/spec/template/metadata", "value": meta},
        {"op": "replace", "path": "/spec/template/spec", "value": spec},
        stamp_operation(target, stamp),
    )


def _identity(source: Template, target: Template, more: Collection[str]) -> set[str]:
    return {*source.selector, *target.selector, *more}


def _promoted_values(source: Template, target: Template, identity: Collection[str]) -> Rename:
    """Return what a selector's value becomes on the target: the source's own is replaced by the target's own."""
    keys = _identity(source, target, identity)
    theirs = dict(target.labels)
    own = {(key, value): theirs[key] for key, value in source.labels if key in keys and key in theirs}
    return lambda key, value: own.get((key, value), value)


def _with_selectors(spec: Any, rename: Rename) -> Any:  # noqa: ANN401  # JSON
    """Return a pod spec with other values in its label selectors; the one given is left alone."""
    for path in _SELECTORS:
        spec = _at(spec, path, lambda selector: _renamed(selector, rename))
    return spec


def _at(value: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:  # noqa: ANN401  # JSON
    """Return JSON data with a change of what stands at a path, if something does."""
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if step == _EACH:
        return [_at(item, rest, change) for item in value] if isinstance(value, list) else value
    if not isinstance(value, Mapping) or step not in value:
        return value
    return {**value, step: _at(value[step], rest, change)}


def _renamed(selector: Any, rename: Rename) -> Any:  # noqa: ANN401  # JSON
    """Return a label selector with other values, taken in an order that doesn't depend on the order of the keys."""
    if not isinstance(selector, Mapping):
        return selector
    renamed = dict(selector)
    if isinstance(labels := selector.get("matchLabels"), Mapping):
        renamed["matchLabels"] = {key: _value(key, labels[key], rename) for key in sorted(labels)}
    if isinstance(expressions := selector.get("matchExpressions"), list):
        renamed["matchExpressions"] = [_renamed_expression(expression, rename) for expression in expressions]
    return renamed


def _renamed_expression(expression: Any, rename: Rename) -> Any:  # noqa: ANN401  # JSON
    if not isinstance(expression, Mapping) or expression.get("operator") not in _OPERATORS:
        return expression
    key, values = expression.get("key"), expression.get("values")
    if not isinstance(values, list):
        return expression
    return {**expression, "values": [_value(key, value, rename) for value in values]}


def _value(key: Any, value: Any, rename: Rename) -> Any:  # noqa: ANN401  # JSON
    return rename(key, value) if isinstance(key, str) and isinstance(value, str) else value


def stamp_operation(target: Json, stamp: str) -> Json:
    """Return an ``add`` of the one annotation, or of the map where there is none: others' annotations stay theirs."""
    if not target["metadata"].get("annotations"):
        return {"op": "add", "path": "/metadata/annotations", "value": {PROMOTED_ANNOTATION: stamp}}
    key = PROMOTED_ANNOTATION.replace("/", "~1")
    return {"op": "add", "path": f"/metadata/annotations/{key}", "value": stamp}
