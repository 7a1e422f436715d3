"""The patch kinds of the API server: JSON patch, merge patch, strategic merge patch."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from testbed.sandbox.api.errors import bad_request, unprocessable_patch

Json = dict[str, Any]

# Lists that a strategic merge patch merges by a key instead of replacing them. Source: the patchMergeKey tags of the
# Kubernetes API types.
_MERGE_KEYS: Mapping[str, Sequence[str]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "conditions": ("type",),
    "imagePullSecrets": ("name",),
    "ports": ("containerPort", "port"),
    "ownerReferences": ("uid",),
}
_PRIMITIVE_MERGE = frozenset({"finalizers"})


def apply_json_patch(obj: Json, operations: Any) -> Json:  # noqa: ANN401  # JSON
    """Return the patched copy; ApiError 422 if an operation or a test fails."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    try:
        patched: Json = jsonpatch.JsonPatch(operations).apply(copy.deepcopy(obj))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError) as error:
        raise unprocessable_patch(str(error)) from error
    return patched


def apply_merge_patch(target: Any, patch: Any) -> Any:  # noqa: ANN401  # JSON
    """Return the merged value (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged: Json = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_merge_patch(merged.get(key), value)
    return merged


def apply_strategic_patch(target: Any, patch: Any, key: str = "") -> Any:  # noqa: ANN401  # JSON
    """Return the merged value, with lists of known fields merged by their key."""
    if isinstance(patch, dict):
        return _merge_objects(target if isinstance(target, dict) else {}, patch)
    if isinstance(patch, list) and isinstance(target, list):
        merge_key = _merge_key(key, patch)
        if merge_key:
            return _merge_lists(target, patch, merge_key)
        if key in _PRIMITIVE_MERGE:
            return [*target, *(item for item in patch if item not in target)]
    return copy.deepcopy(patch)


def _merge_objects(target: Json, patch: Json) -> Json:
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merged = dict(target)
    for key, value in patch.items():
        if key.startswith("$setElementOrder/") or key in {"$patch", "$retainKeys"}:
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [item for item in merged.get(field, []) if item not in value]
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_strategic_patch(merged.get(key), value, key)
    retained = patch.get("$retainKeys")
    return {key: value for key, value in merged.items() if key in retained} if retained else merged


def _merge_key(field: str, items: Sequence[Any]) -> str | None:
    candidates = _MERGE_KEYS.get(field, ())
    objects = [item for item in items if "$patch" not in item] or list(items)
    return next((key for key in candidates if all(key in item for item in objects)), None)


def _merge_lists(target: Sequence[Json], patch: Sequence[Json], merge_key: str) -> list[Json]:
    merged = [copy.deepcopy(item) for item in target]
    for item in patch:
        at = next((i for i, known in enumerate(merged) if known.get(merge_key) == item.get(merge_key)), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(copy.deepcopy(item))
        else:
            merged[at] = _merge_objects(merged[at], item)
    return merged
