"""What an API server checks of every object, whatever its kind."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from testbed.sandbox.api import errors
from testbed.sandbox.api.kinds import Kind
from testbed.sandbox.api.rules import Cause

Json = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"  # whose names may be anything that fits into a path
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_STANDARD_FINALIZERS = {"orphan", "foregroundDeletion", "kubernetes"}


def check_new(kind: Kind, version: str, namespace: str, obj: Json) -> None:
    """Refuse a new object that cannot be stored; ApiError."""
    check_body(kind, version, obj)
    meta = obj["metadata"]
    name = meta.get("name")
    if not name:
        cause = ("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
        raise errors.invalid(kind.kind, kind.group, "", [cause])
    if kind.group != _RBAC and (len(name) > _LONGEST_NAME or not _NAME.fullmatch(name)):
        text = f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of letters, digits, "-" and "."'
        raise errors.invalid(kind.kind, kind.group, name, [("metadata.name", "FieldValueInvalid", text)])
    if meta.get("resourceVersion"):
        text = "resourceVersion should not be set on objects to be created"
        raise errors.ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "", text)
    if meta.get("namespace") and kind.namespaced and meta["namespace"] != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_body(kind: Kind, version: str, obj: Json, name: str = "") -> None:
    """A body must be about what its path says."""
    if obj.get("kind", kind.kind) != kind.kind:
        raise errors.bad_request(f"{obj['kind']} in version {version!r} cannot be handled as a {kind.kind}")
    if obj.get("apiVersion", kind.api_version(version)) != kind.api_version(version):
        raise errors.bad_request(
            f"the API version in the data ({obj['apiVersion']}) does not match the expected API version "
            f"({kind.api_version(version)})"
        )
    named = (obj.get("metadata") or {}).get("name", name)
    if name and named != name:
        raise errors.bad_request(f"the name of the object ({named}) does not match the name on the URL ({name})")


def metadata_problems(obj: Json, old: Json | None) -> Sequence[Cause]:
    """Return what every kind is checked for."""
    meta = obj["metadata"]
    finalizers = meta.get("finalizers") or []
    causes: list[Cause] = [
        ("metadata.finalizers", "FieldValueInvalid", f'Invalid value: "{name}": name is not fully qualified')
        for name in finalizers
        if "/" not in name and name not in _STANDARD_FINALIZERS
    ]
    if (
        old
        and old["metadata"].get("deletionTimestamp")
        and set(finalizers) - set(old["metadata"].get("finalizers") or [])
    ):
        text = "Forbidden: no new finalizers can be added if the object is being deleted"
        causes.append(("metadata.finalizers", "FieldValueForbidden", text))
    about = obj.get("involvedObject") if obj["kind"] == "Event" else None
    if about is not None and about.get("namespace") != meta.get("namespace", about.get("namespace")):
        text = f'Invalid value: "{about.get("namespace")}": does not match event.namespace'
        causes.append(("involvedObject.namespace", "FieldValueInvalid", text))
    return causes


def immutable_problems(kind: Kind, obj: Json, old: Json | None) -> Sequence[Cause]:
    """Return which fields of the spec have changed that never may."""
    before, after = (old or {}).get("spec") or {}, obj.get("spec") or {}
    changed = [field for field in kind.immutable if old and before.get(field) != after.get(field)]
    return [(f"spec.{field}", "FieldValueInvalid", "Invalid value: field is immutable") for field in changed]
