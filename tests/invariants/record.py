"""What happened to the objects of a namespace, in order, and who did it: what the invariants are judged by.

The API server is the witness: a change is what it stored, not what the controller says that it did. On the sandbox
every change is taken as it is stored; of a real API server it is what watches showed (``watching.py``).
"""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from testbed.sandbox.api.store import Entry, Store

Json = dict[str, Any]
Objects = Mapping[tuple[str, str], Json]  # by plural and name

WORKLOADS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
"""Plurals by ``spec.targetKind``."""
WATCHED = {
    "canaries": "flagger.app",
    **dict.fromkeys(WORKLOADS.values(), "apps"),
    "services": "",
    "virtualservices": "networking.istio.io",
    "httproutes": "gateway.networking.k8s.io",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One object was stored, or removed."""

    at: float  # seconds
    resource: str  # plural
    name: str
    before: Json | None  # None: created
    after: Json | None  # None: removed
    ours: bool = False  # the controller did it
    version: int = 0

    def __str__(self) -> str:
        """Return it as a line: what became of which part of the object."""
        who = "controller" if self.ours else "somebody else"
        return f"#{self.version} at {self.at:.3f}: {who} {self._what()} {self.resource}/{self.name}"

    def _what(self) -> str:
        if self.before is None or self.after is None:
            return "removed" if self.after is None else "created"
        parts = sorted(_differing(self.before, self.after))
        return f"changed {', '.join(parts) or 'nothing'} of"


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that happened between two moments."""

    changes: Sequence[Change]
    able: Sequence[tuple[float, bool]] = ((0.0, True),)
    """From when on a controller ran unhindered, and from when on not: only in between it owes anything in time."""
    ends_at: float = 0.0
    namespace: str = "test"


@dataclass(slots=True)
class Recorder:
    """Takes down what happens. Thread-safe."""

    namespace: str
    now: Callable[[], float]
    _changes: list[Change] = field(default_factory=list)
    _able: list[tuple[float, bool]] = field(default_factory=lambda: [(0.0, False)])
    _hindrances: int = 1  # no controller runs
    _went_back: int = 0  # by how many versions, in all
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen_to(self, store: Store, agent: str) -> None:
        """Take every change of a sandbox, in the moment in which it is stored."""

        def heard(entry: Entry) -> None:
            if entry.object["metadata"].get("namespace") == self.namespace and entry.resource[1] in WATCHED:
                self.take(self._change_of(entry, agent))

        store.listen(heard)

    def take(self, change: Change) -> None:
        """Take one change. Routes of all kinds are taken down in one form."""
        if change.resource == "httproutes":
            before, after = (obj and as_virtual_service(obj) for obj in (change.before, change.after))
            change = replace(change, resource="virtualservices", before=before, after=after)
        with self._lock:
            self._changes.append(change)

    def goes_back(self, versions: int) -> None:
        """Note that the store is about to be restored, and goes on from a version that is so much lower."""
        with self._lock:
            self._went_back += max(0, versions + 1)

    def hindered(self) -> None:
        """Note that from now on a controller can't do what it should: it is away, or cut off."""
        self._hinder(1)

    def unhindered(self) -> None:
        """Note that one hindrance has gone."""
        self._hinder(-1)

    def record(self) -> Record:
        """Return what has happened until now."""
        with self._lock:
            ordered = sorted(self._changes, key=lambda change: change.version)
            return Record(tuple(ordered), tuple(self._able), self.now(), self.namespace)

    def _hinder(self, by: int) -> None:
        with self._lock:
            self._hindrances += by
            self._able.append((self.now(), self._hindrances <= 0))  # below 0: two replicas

    def _change_of(self, entry: Entry, agent: str) -> Change:
        after = None if entry.type == "DELETED" else entry.object
        name = entry.object["metadata"]["name"]
        ours = entry.by.startswith(f"{agent.partition('/')[0]}/")
        return Change(
            self.now(), entry.resource[1], name, entry.old, after, ours=ours, version=self._went_back + entry.version
        )


def _differing(before: Json, after: Json) -> set[str]:
    found = set()
    for part in ("metadata", "spec", "status"):
        old, new = copy.copy(before.get(part) or {}), copy.copy(after.get(part) or {})
        keys = {key for key in {**old, **new} if old.get(key) != new.get(key)}
        found |= {f"{part}.{key}" for key in keys - {"resourceVersion", "generation", "managedFields"}}
    return found


def as_virtual_service(http_route: Json) -> Json:
    """Return an HTTPRoute in the form of a VirtualService: nothing is left out."""
    spec = {**(http_route.get("spec") or {})}
    rules = spec.pop("rules", None) or ()
    spec["http"] = [{**rule, "route": [_destination(ref) for ref in rule.get("backendRefs") or ()]} for rule in rules]
    for rule in spec["http"]:
        rule.pop("backendRefs", None)
    return {**http_route, "spec": spec}


def _destination(ref: Json) -> Json:
    return {**ref, "destination": {"host": ref.get("name", "")}}
