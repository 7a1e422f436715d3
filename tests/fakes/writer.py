"""A writer that notes what it was asked, and answers as an API server would."""

import copy
from typing import Any

import jsonpatch

from informers.errors import ConflictError, NotFoundError

Json = dict[str, Any]


class FakeWriter:
    """Fulfils ``informers.types.Writer`` over objects by (plural, name)."""

    def __init__(self, *objects: tuple[str, Json]) -> None:
        self.objects = {(plural, obj["metadata"]["name"]): copy.deepcopy(obj) for plural, obj in objects}
        self.requests: list[tuple[str, str, str, str, Any]] = []  # verb, plural, name, subresource, body
        self.errors: list[Exception | None] = []  # raised by the next requests, one each

    def get(self, resource, namespace, name):
        self._note("get", resource, name, "", None)
        return copy.deepcopy(self._found(resource, namespace, name))

    def json_patch(self, resource, namespace, name, operations, *, subresource=""):
        self._note("json_patch", resource, name, subresource, list(operations))
        obj = self._found(resource, namespace, name)
        try:
            changed = jsonpatch.apply_patch(copy.deepcopy(obj), list(operations))
        except jsonpatch.JsonPatchTestFailed as error:
            raise ConflictError(str(error)) from error
        return self._store(resource, name, changed)

    def merge_patch(self, resource, namespace, name, patch, *, subresource=""):
        self._note("merge_patch", resource, name, subresource, patch)
        obj = self._found(resource, namespace, name)
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in {None, obj["metadata"]["resourceVersion"]}:
            raise ConflictError(f"{name}: version {version} is not the newest")
        return self._store(resource, name, _merged(obj, patch))

    def _note(self, verb, resource, name, subresource, body):
        self.requests.append((verb, resource.plural, name, subresource, body))
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def _found(self, resource, namespace, name) -> Json:
        obj = self.objects.get((resource.plural, name))
        if obj is None or obj["metadata"]["namespace"] != namespace:
            raise NotFoundError(f"{resource.plural} {name} not found")
        return obj

    def _store(self, resource, name, obj) -> Json:
        version = int(obj["metadata"]["resourceVersion"]) + 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}
        self.objects[(resource.plural, name)] = obj
        return copy.deepcopy(obj)


def _merged(obj: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
