"""What is served, as clients ask for it: groups, resources, and just enough OpenAPI for ``kubectl apply``."""

from collections.abc import Sequence
from typing import Any

from testbed.sandbox.api.kinds import Kind

Json = dict[str, Any]

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0+sandbox", "platform": "linux/amd64"}


def core_versions() -> Json:
    """Return what stands at /api."""
    return {"kind": "APIVersions", "versions": ["v1"]}


def groups(kinds: Sequence[Kind]) -> Json:
    """Return what stands at /apis."""
    names = dict.fromkeys(kind.group for kind in kinds if kind.group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(kinds, name) or {} for name in names]}


def group(kinds: Sequence[Kind], name: str) -> Json | None:
    """Return what stands at /apis/GROUP, or None."""
    versions = dict.fromkeys(version for kind in kinds if kind.group == name for version in kind.versions)
    if not versions:
        return None
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": listed, "preferredVersion": listed[0]}


def resources(kinds: Sequence[Kind], name: str, version: str) -> Json | None:
    """Return what stands at /apis/GROUP/VERSION or /api/v1, or None."""
    found = [kind for kind in kinds if kind.group == name and version in kind.versions]
    if not found:
        return None
    listed: list[Json] = []
    for kind in found:
        base = {"singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind}
        extra: Json = {"shortNames": list(kind.short_names)} if kind.short_names else {}
        if kind.categories:
            extra["categories"] = list(kind.categories)
        listed.append({"name": kind.plural, **base, "verbs": _VERBS, **extra})
        if kind.status:
            listed.append(
                {"name": f"{kind.plural}/status", **base, "singularName": "", "verbs": ["get", "patch", "update"]}
            )
        if kind.scale:
            scale = {"group": "autoscaling", "version": "v1", "kind": "Scale", "singularName": ""}
            listed.append({"name": f"{kind.plural}/scale", **base, **scale, "verbs": ["get", "patch", "update"]})
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{name}/{version}" if name else version,
        "resources": listed,
    }


def openapi_index(kinds: Sequence[Kind]) -> Json:
    """Return what stands at /openapi/v3."""
    paths = {_openapi_path(kind, version) for kind in kinds for version in kind.versions}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in sorted(paths)}}


def openapi(kinds: Sequence[Kind], path: str) -> Json | None:
    """Return one document: which kinds are patched, that the server validates fields itself, and custom schemas."""
    paths: Json = {}
    schemas: Json = {}
    for kind in kinds:
        for version in kind.versions:
            if _openapi_path(kind, version) != path:
                continue
            scope = "/namespaces/{namespace}" if kind.namespaced else ""
            gvk = {"group": kind.group, "version": version, "kind": kind.kind}
            names = ("fieldValidation", "dryRun")
            parameters = [{"name": n, "in": "query", "schema": {"type": "string"}} for n in names]
            operation = {"x-kubernetes-group-version-kind": gvk, "parameters": parameters, "responses": {}}
            paths[f"/{path}{scope}/{kind.plural}/{{name}}"] = {"patch": operation}
            if version in kind.schemas:
                name = ".".join([*reversed(kind.group.split(".")), version, kind.kind])
                schemas[name] = {**kind.schemas[version], "x-kubernetes-group-version-kind": [gvk]}
    if not paths:
        return None
    info = {"title": "Kubernetes", "version": "v1.32.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _openapi_path(kind: Kind, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"
