"""The StatefulSet controller of the sandbox: pods by ordinal, updated one after the other.

Pods are numbers and not objects, as those of ReplicaSets are.

Source: ``defaultStatefulSetControl`` of kube-controller-manager.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from hack.sandbox.api.errors import ApiError
from hack.sandbox.api.kinds import BUILT_IN
from hack.sandbox.api.objects import Objects
from hack.sandbox.replica_sets import HELD, HOLD, name_of

Json = dict[str, Any]

STATEFUL_SETS = next(kind for kind in BUILT_IN if kind.kind == "StatefulSet")
_STORED = (STATEFUL_SETS.group, STATEFUL_SETS.plural)


@dataclass(slots=True)
class _Pod:
    revision: str
    ready_at: datetime | None  # None: never; HELD: once it is released


@dataclass(slots=True)
class _Set:
    """What the controller knows of a StatefulSet besides the object."""

    current: str  # the revision of the last rolling update that was through
    pods: list[_Pod] = field(default_factory=list)  # by ordinal
    is_down: bool = False

    def is_ready(self, pod: _Pod, now: datetime) -> bool:
        return not self.is_down and pod.ready_at is not None and pod.ready_at <= now


class StatefulSetController:
    """Steps every StatefulSet of the sandbox. One thread at a time."""

    def __init__(
        self, objects: Objects, *, now: Callable[[], datetime], pod_delay: timedelta, broken_tags: Sequence[str]
    ) -> None:
        """Take the objects and the pace; see ``WorkloadController``."""
        self._objects = objects
        self._now = now
        self.pod_delay = pod_delay
        self._broken_tags = tuple(broken_tags)
        self._sets: dict[str, _Set] = {}
        self._down: set[tuple[str, str]] = set()
        self._lock = threading.RLock()

    def take_down(self, namespace: str, name: str) -> None:
        """Make every pod of a StatefulSet unready, until ``bring_up``."""
        with self._lock:
            self._down.add((namespace, name))

    def bring_up(self, namespace: str, name: str) -> None:
        """End ``take_down``."""
        with self._lock:
            self._down.discard((namespace, name))

    def release(self, namespace: str, name: str, *, pods: int) -> int:
        """Let so many held pods become ready; return how many there were."""
        with self._lock:
            obj = self._objects.store.get(_STORED, (namespace, name))
            known = self._sets.get(obj["metadata"]["uid"]) if obj else None
            held = [pod for pod in (known.pods if known else ()) if pod.ready_at == HELD]
            for pod in held[:pods]:
                pod.ready_at = self._now() + self.pod_delay
            return len(held[:pods])

    def step(self) -> timedelta | None:
        """Do what is due; return the time until something else will be, or None."""
        with self._lock:
            objects, _ = self._objects.store.list(_STORED)
            there = {obj["metadata"]["uid"] for obj in objects}
            self._sets = {uid: known for uid, known in self._sets.items() if uid in there}
            waits = [self._step(obj) for obj in objects]
        return min((wait for wait in waits if wait is not None), default=None)

    def _step(self, obj: Json) -> timedelta | None:
        meta, spec, now = obj["metadata"], obj["spec"], self._now()
        update = name_of(meta["name"], spec["template"])
        known = self._sets.setdefault(meta["uid"], _Set(current=update))
        known.is_down = (meta["namespace"], meta["name"]) in self._down
        while self._moves(known, spec, update, now):
            pass
        ready = [pod for pod in known.pods if known.is_ready(pod, now)]
        if len(ready) == spec["replicas"] and all(pod.revision == update for pod in known.pods):
            known.current = update
        self._write(obj, self._status(obj, known, update, len(ready)))
        times = [pod.ready_at - now for pod in known.pods if pod.ready_at not in {None, HELD}]
        return min((time for time in times if time > timedelta()), default=None)

    def _moves(self, known: _Set, spec: Json, update: str, now: datetime) -> bool:
        """Create, remove or replace one pod; return whether there was anything to do now."""
        strategy = spec["updateStrategy"]
        partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
        if len(known.pods) > spec["replicas"]:
            known.pods.pop()
            return True
        are_ready = all(known.is_ready(pod, now) for pod in known.pods)
        if len(known.pods) < spec["replicas"] and (are_ready or spec["podManagementPolicy"] == "Parallel"):
            revision = known.current if len(known.pods) < partition else update
            known.pods.append(_Pod(revision, self._ready_at(spec, now)))
            return True
        if strategy["type"] != "RollingUpdate" or not are_ready:
            # Whatever is not ready is waited for, a broken pod too: kubernetes/kubernetes#67250.
            return False
        old = [at for at, pod in enumerate(known.pods) if at >= partition and pod.revision != update]
        if old:
            known.pods[old[-1]] = _Pod(update, self._ready_at(spec, now))
        return bool(old)

    def _ready_at(self, spec: Json, now: datetime) -> datetime | None:
        template = spec["template"]
        images = [container.get("image", "") for container in template["spec"].get("containers") or ()]
        if any(image.endswith(self._broken_tags) for image in images):
            return None
        return HELD if HOLD in (template["metadata"].get("annotations") or {}) else now + self.pod_delay

    def _status(self, obj: Json, known: _Set, update: str, ready: int) -> Json:
        return {
            **(obj.get("status") or {}),
            "observedGeneration": obj["metadata"]["generation"],
            "replicas": len(known.pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": sum(pod.revision == known.current for pod in known.pods),
            "updatedReplicas": sum(pod.revision == update for pod in known.pods),
            "currentRevision": known.current,
            "updateRevision": update,
            "collisionCount": 0,
        }

    def _write(self, obj: Json, status: Json) -> None:
        meta = obj["metadata"]

        def with_status(stored: Json) -> Json:
            return {**stored, "status": status} if stored["metadata"]["uid"] == meta["uid"] else stored

        if obj.get("status") == status:
            return
        try:
            self._objects.change(
                STATEFUL_SETS,
                STATEFUL_SETS.versions[0],
                meta["namespace"],
                meta["name"],
                with_status,
                subresource="status",
            )
        except ApiError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
