"""What the verbs do to objects: metadata, generations, preconditions, finalizers, subresources."""

import copy
import itertools
import uuid
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from testbed.sandbox.api import checks, errors, schema
from testbed.sandbox.api.kinds import BUILT_IN, CRD_GROUP, Kind, from_crd
from testbed.sandbox.api.pages import Pages
from testbed.sandbox.api.store import Store

Json = dict[str, Any]
Change = Callable[[Json], Json]

_SERVER_OWNED = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "selfLink", "name", "namespace")
NAMESPACES = ("", "namespaces")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Objects:
    """Every kind that is served, and the verbs on its objects. Thread-safe."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self.store = store
        self.pages = Pages(store)
        self._now = now
        self._custom: dict[tuple[str, str], Kind] = {}
        self._names = itertools.count()

    def kinds(self) -> list[Kind]:
        """Return every kind that is served now."""
        with self.store.changed:
            return [*BUILT_IN, *self._custom.values()]

    def kind(self, group: str, version: str, plural: str) -> Kind:
        """Return a kind; ApiError 404 if it is not served."""
        for kind in self.kinds():
            if (kind.group, kind.plural) == (group, plural) and version in kind.versions:
                return kind
        raise errors.no_such_path()

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return an object; ApiError 404 if there is none."""
        found = self.store.get((kind.group, kind.plural), (namespace, name))
        if found is None:
            raise errors.not_found(kind.plural, kind.group, name)
        return found

    def create(self, kind: Kind, version: str, namespace: str, obj: Json, *, dry_run: bool = False) -> Json:
        """Store a new object."""
        obj = copy.deepcopy(obj)
        meta = obj.setdefault("metadata", {})
        if "name" not in meta and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{self._suffix()}"
        checks.check_new(kind, version, namespace, obj)
        name = meta["name"]
        with self.store.changed:
            self._check_namespace(kind, namespace, name)
            if self.store.get((kind.group, kind.plural), (namespace, name)) is not None:
                raise errors.already_exists(kind.plural, kind.group, name)
            if kind.namespaced:
                meta["namespace"] = namespace
            if kind.status and kind.kind != "Pod":
                obj.pop("status", None)
            obj = self._admitted(kind, version, obj, None)
            meta = obj["metadata"]
            meta.update(uid=str(uuid.uuid4()), creationTimestamp=self.stamp())
            if kind.generation:
                meta["generation"] = 1
            if dry_run:
                return obj
            stored = self.store.put((kind.group, kind.plural), (namespace, name), obj)
            if kind.group == CRD_GROUP:
                stored = self._establish(kind, stored)
            return stored

    def change(  # one write has these parts
        self,
        kind: Kind,
        version: str,
        namespace: str,
        name: str,
        change: Change,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Json:
        """Replace an object by what ``change`` makes of it, unless it makes no difference."""
        with self.store.changed:
            old = self.get(kind, namespace, name)
            served = as_version(kind, version, old)
            new = copy.deepcopy(change(copy.deepcopy(served)))
            checks.check_body(kind, version, new, name)
            self._check_precondition(kind, old, new)
            new = self._merged(kind, version, served, new, subresource)
            new["apiVersion"] = old["apiVersion"]
            if _same(old, new):
                return old
            if dry_run:
                return new
            meta = new["metadata"]
            if kind.generation and subresource != "status" and _spec(old) != _spec(new):
                meta["generation"] = old["metadata"].get("generation", 0) + 1
            if meta.get("deletionTimestamp") and not meta.get("finalizers"):
                return self._remove(kind, namespace, name, last=new)
            stored = self.store.put((kind.group, kind.plural), (namespace, name), new)
            if kind.group == CRD_GROUP and not subresource:
                stored = self._establish(kind, stored)
            return stored

    def delete(self, kind: Kind, namespace: str, name: str, preconditions: Json | None = None) -> tuple[Json, bool]:
        """Delete, or mark for deletion if a finalizer holds it; return the object and whether it is gone."""
        with self.store.changed:
            old = self.get(kind, namespace, name)
            wanted = preconditions or {}
            for field in ("uid", "resourceVersion"):
                if wanted.get(field) and wanted[field] != old["metadata"][field]:
                    raise errors.conflict(kind.plural, kind.group, name)
            if (kind.group, kind.plural) == NAMESPACES:
                return self._end_namespace(kind, old)
            if not old["metadata"].get("finalizers"):
                return self._remove(kind, namespace, name), True
            if old["metadata"].get("deletionTimestamp"):
                return old, False
            marked = copy.deepcopy(old)
            marked["metadata"]["deletionTimestamp"] = self.stamp()
            marked["metadata"]["deletionGracePeriodSeconds"] = 0
            if kind.generation:
                marked["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
            return self.store.put((kind.group, kind.plural), (namespace, name), marked), False

    def stamp(self) -> str:
        """Return the time as objects carry it."""
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _merged(self, kind: Kind, version: str, old: Json, new: Json, subresource: str) -> Json:
        """Return what a write may change of the object: a subresource its part, the main resource the rest."""
        for field in _SERVER_OWNED:
            for meta in (new["metadata"],):
                if field in old["metadata"]:
                    meta[field] = old["metadata"][field]
                else:
                    meta.pop(field, None)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if subresource == "status":
            kept = {key: value for key, value in old.items() if key != "status"}
            new = {**kept, **({"status": new["status"]} if "status" in new else {})}
        elif kind.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        return self._admitted(kind, version, new, old)

    def _admitted(self, kind: Kind, version: str, obj: Json, old: Json | None) -> Json:
        obj = schema.defaulted(kind, version, {**obj, "kind": kind.kind, "apiVersion": kind.api_version(version)})
        fixed = checks.immutable_problems(kind, obj, old)
        found = [*checks.metadata_problems(obj, old), *fixed, *schema.problems(kind, version, obj, old)]
        if found:
            raise errors.invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), found)
        return obj

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.store.get(NAMESPACES, ("", namespace))
        if found is None:
            raise errors.not_found("namespaces", "", namespace)
        if found["metadata"].get("deletionTimestamp"):
            raise errors.namespace_terminating(kind.plural, kind.group, name, namespace)

    def _check_precondition(self, kind: Kind, old: Json, new: Json) -> None:
        wanted = new["metadata"].get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise errors.conflict(kind.plural, kind.group, old["metadata"]["name"])
        uid = new["metadata"].get("uid")
        if uid and uid != old["metadata"]["uid"]:
            cause = ("metadata.uid", "FieldValueInvalid", f'Invalid value: "{uid}": field is immutable')
            raise errors.invalid(kind.kind, kind.group, old["metadata"]["name"], [cause])

    def _establish(self, kind: Kind, crd: Json) -> Json:
        """Serve the kind of a CustomResourceDefinition, and say so in its status."""
        try:
            custom = from_crd(crd, self.store.version)
        except (KeyError, TypeError) as error:
            name = crd["metadata"]["name"]
            raise errors.invalid(
                "CustomResourceDefinition", CRD_GROUP, name, [("spec", "Invalid", str(error))]
            ) from error
        self._custom[(custom.group, custom.plural)] = custom
        conditions = [
            {"type": t, "status": "True", "reason": r, "message": "", "lastTransitionTime": self.stamp()}
            for t, r in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
        ]
        status = {
            "conditions": conditions,
            "acceptedNames": crd["spec"]["names"],
            "storedVersions": [custom.versions[0]],
        }
        key = ("", crd["metadata"]["name"])
        return self.store.put((kind.group, kind.plural), key, {**crd, "status": status})

    def _end_namespace(self, kind: Kind, namespace: Json) -> tuple[Json, bool]:
        """Delete what is in a namespace; it goes with the last object that a finalizer held."""
        name = namespace["metadata"]["name"]
        marked = copy.deepcopy(namespace)
        marked["metadata"].setdefault("deletionTimestamp", self.stamp())
        marked["status"] = {"phase": "Terminating"}
        marked = self.store.put(NAMESPACES, ("", name), marked)
        for inner in self.kinds():
            for obj in self.store.list((inner.group, inner.plural), name)[0] if inner.namespaced else ():
                self.delete(inner, name, obj["metadata"]["name"])
        if self.store.get(NAMESPACES, ("", name)) is None:
            return marked, False
        if self._is_empty(name):
            self._remove(kind, "", name)
        return marked, False

    def _is_empty(self, namespace: str) -> bool:
        kinds = [kind for kind in self.kinds() if kind.namespaced]
        return not any(self.store.list((kind.group, kind.plural), namespace)[0] for kind in kinds)

    def _remove(self, kind: Kind, namespace: str, name: str, *, last: Json | None = None) -> Json:
        last = self.store.remove((kind.group, kind.plural), (namespace, name), last=last)
        if kind.group == CRD_GROUP:
            self._custom.pop((last["spec"]["group"], last["spec"]["names"]["plural"]), None)
        around = self.store.get(NAMESPACES, ("", namespace)) if namespace else None
        if around and around["metadata"].get("deletionTimestamp") and self._is_empty(namespace):
            self.store.remove(NAMESPACES, ("", namespace))
        return last

    def _suffix(self) -> str:
        number, letters = next(self._names) + len(_SUFFIX) ** 4, ""
        for _ in range(5):
            number, index = divmod(number, len(_SUFFIX))
            letters = _SUFFIX[index] + letters
        return letters


def as_version(kind: Kind, version: str, obj: Json) -> Json:
    """Return an object as a version of its API shows it; all versions of a kind share one schema here."""
    return {**obj, "kind": kind.kind, "apiVersion": kind.api_version(version)}


def scale_of(deployment: Json) -> Json:
    """Return the Scale of a workload."""
    meta = deployment["metadata"]
    labels = ((deployment["spec"].get("selector") or {}).get("matchLabels")) or {}
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = deployment["spec"].get("replicas", 1)  # zero is left out, as the zero values of Go are
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: meta[field] for field in fields if field in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": (deployment.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def scaled(change: Change) -> Change:
    """Return a change of a workload from a change of its Scale."""

    def apply(deployment: Json) -> Json:
        scale = change(scale_of(deployment))
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if not isinstance(replicas, int) or replicas < 0:
            text = f"spec.replicas must be a number of at least 0, not {replicas!r}"
            raise errors.ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", text)
        deployment["spec"]["replicas"] = replicas
        version = scale["metadata"].get("resourceVersion")
        if version:
            deployment["metadata"]["resourceVersion"] = version
        return deployment

    return apply


def _spec(obj: Json) -> Json:
    return {key: value for key, value in obj.items() if key not in {"metadata", "status", "apiVersion", "kind"}}


def _same(old: Json, new: Json) -> bool:
    return _spec(old) == _spec(new) and old["metadata"] == new["metadata"] and old.get("status") == new.get("status")
