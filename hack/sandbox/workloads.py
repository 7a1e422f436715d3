"""The deployment controller of the sandbox: turns Deployments into pods that take time to become ready.

It works in steps: each step looks at every Deployment and does what is due at that moment of the given clock. In a
running sandbox a thread steps it; a test steps it by hand.
"""

import json
import math
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hack.sandbox.api.kinds import BUILT_IN, Kind
from hack.sandbox.api.objects import Objects

Json = dict[str, Any]

DEPLOYMENTS = next(kind for kind in BUILT_IN if kind.kind == "Deployment")
BROKEN_TAGS = (":broken",)
HOLD = "sandbox/hold"  # an annotation of the pod template: its pods become ready only once they are released
_HELD = datetime.max.replace(tzinfo=UTC)
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(slots=True)
class _Pod:
    """One pod of a Deployment."""

    template: str  # hash of the template it was made from
    ready_at: datetime | None  # None: never; _HELD: once it is released


@dataclass(slots=True)
class _Workload:
    """What the controller knows of a Deployment besides the object."""

    pods: list[_Pod] = field(default_factory=list)
    progressed_at: datetime | None = None
    revision: int = 0
    template: str = ""
    first_look: bool = True


class WorkloadController:
    """Steps every Deployment of the sandbox. One thread at a time."""

    def __init__(
        self,
        objects: Objects,
        *,
        now: Callable[[], datetime],
        pod_delay: timedelta = timedelta(seconds=2),
        broken_tags: Sequence[str] = BROKEN_TAGS,
    ) -> None:
        """Take the objects and the pace.

        Args:
            objects: of the API server.
            now: clock.
            pod_delay: from a pod's creation until it is ready.
            broken_tags: ends of image names whose pods never become ready.
        """
        self._objects = objects
        self._now = now
        self.pod_delay = pod_delay
        self._broken_tags = tuple(broken_tags)
        self._workloads: dict[str, _Workload] = {}
        self._down: set[tuple[str, str]] = set()
        self._lock = threading.RLock()

    def take_down(self, namespace: str, name: str) -> None:
        """Make every pod of a workload unready, until ``bring_up``."""
        with self._lock:
            self._down.add((namespace, name))

    def bring_up(self, namespace: str, name: str) -> None:
        """End ``take_down``."""
        with self._lock:
            self._down.discard((namespace, name))

    def release(self, namespace: str, name: str, *, pods: int) -> int:
        """Let so many of a workload's held pods become ready; return how many there were."""
        with self._lock:
            deployment = self._objects.store.get((DEPLOYMENTS.group, DEPLOYMENTS.plural), (namespace, name))
            workload = self._workloads.get(deployment["metadata"]["uid"]) if deployment else None
            held = [pod for pod in workload.pods if pod.ready_at == _HELD] if workload else []
            for pod in held[:pods]:
                pod.ready_at = self._now() + self.pod_delay
            return len(held[:pods])

    def step(self) -> timedelta | None:
        """Do what is due; return the time until something else will be, or None."""
        with self._lock:
            deployments, _ = self._objects.store.list((DEPLOYMENTS.group, DEPLOYMENTS.plural))
            waits = [self._step(deployment) for deployment in deployments]
        return min((wait for wait in waits if wait is not None), default=None)

    def _step(self, deployment: Json) -> timedelta | None:
        meta, spec = deployment["metadata"], deployment["spec"]
        now = self._now()
        workload = self._workloads.setdefault(meta["uid"], _Workload())
        if not spec.get("paused") or workload.first_look:
            self._follow_template(workload, deployment, now)
        self._scale(workload, deployment, now)
        self._roll(workload, deployment, now)
        workload.first_look = False
        is_down = (meta["namespace"], meta["name"]) in self._down
        status = _status(deployment, workload, now, is_down=is_down, stamp=self._objects.stamp())
        self._write(deployment, status, workload.revision)
        soonest = [pod.ready_at - now for pod in workload.pods if pod.ready_at is not None and pod.ready_at > now]
        return min(soonest, default=None)

    def _follow_template(self, workload: _Workload, deployment: Json, now: datetime) -> None:
        template = _hash(deployment["spec"]["template"])
        if template != workload.template:
            workload.template = template
            workload.revision += 1
            workload.progressed_at = now

    def _scale(self, workload: _Workload, deployment: Json, now: datetime) -> None:
        """Remove what is too much (old pods first), add what is missing of the newest template."""
        spec = deployment["spec"]
        wanted = spec.get("replicas", 1)
        if wanted == 0:
            workload.pods.clear()
            return
        if len(workload.pods) < wanted:
            workload.progressed_at = now
        while len(workload.pods) < wanted:
            workload.pods.append(self._new_pod(workload, deployment, now))
        if not self._is_rolling(workload) and len(workload.pods) > wanted:
            del workload.pods[wanted:]

    def _roll(self, workload: _Workload, deployment: Json, now: datetime) -> None:
        """Replace old pods by new ones within ``maxUnavailable`` and ``maxSurge``."""
        spec = deployment["spec"]
        wanted = spec.get("replicas", 1)
        if not self._is_rolling(workload) or spec.get("paused"):
            return
        surge, unavailable = _limits(spec, wanted)
        old = [pod for pod in workload.pods if pod.template != workload.template]
        available = [pod for pod in workload.pods if pod.ready_at is not None and pod.ready_at <= now]
        removable = len(available) - (wanted - unavailable)
        while old and removable > 0:
            workload.pods.remove(old.pop(0))
            removable -= 1
            workload.progressed_at = now
        new = len(workload.pods) - len(old)
        while new < wanted and len(workload.pods) < wanted + surge:
            workload.pods.append(self._new_pod(workload, deployment, now))
            new += 1

    def _is_rolling(self, workload: _Workload) -> bool:
        return any(pod.template != workload.template for pod in workload.pods)

    def _new_pod(self, workload: _Workload, deployment: Json, now: datetime) -> _Pod:
        template = deployment["spec"]["template"]
        images = [container.get("image", "") for container in template["spec"].get("containers") or ()]
        if any(image.endswith(self._broken_tags) for image in images):
            return _Pod(workload.template, None)
        held = HOLD in ((template.get("metadata") or {}).get("annotations") or {})
        return _Pod(workload.template, _HELD if held else now + self.pod_delay)

    def _write(self, deployment: Json, status: Json, revision: int) -> None:
        meta = deployment["metadata"]
        if (deployment.get("status") or {}) != status:
            _patch(self._objects, DEPLOYMENTS, meta, lambda obj: {**obj, "status": status}, subresource="status")
        if (meta.get("annotations") or {}).get(_REVISION) != str(revision):

            def stamp(obj: Json) -> Json:
                obj["metadata"].setdefault("annotations", {})[_REVISION] = str(revision)
                return obj

            _patch(self._objects, DEPLOYMENTS, meta, stamp)


def _limits(spec: Json, wanted: int) -> tuple[int, int]:
    """Return maxSurge (rounded up) and maxUnavailable (rounded down) as numbers of pods, never both zero."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}
    surge = _pods(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    unavailable = _pods(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    return (surge, unavailable) if surge or unavailable else (1, 0)


def _pods(value: int | str, wanted: int, to_whole: Callable[[float], int]) -> int:
    return to_whole(wanted * int(value[:-1]) / 100) if isinstance(value, str) else value


def _patch(objects: Objects, kind: Kind, meta: Json, change: Callable[[Json], Json], *, subresource: str = "") -> None:
    objects.change(kind, kind.versions[0], meta["namespace"], meta["name"], change, subresource=subresource)


def _status(deployment: Json, workload: _Workload, now: datetime, *, is_down: bool, stamp: str) -> Json:
    meta, spec = deployment["metadata"], deployment["spec"]
    wanted = spec.get("replicas", 1)
    new = [pod for pod in workload.pods if pod.template == workload.template]
    ready = 0 if is_down else sum(pod.ready_at is not None and pod.ready_at <= now for pod in workload.pods)
    complete = len(new) == wanted == len(workload.pods) and ready >= wanted
    overdue = workload.progressed_at is not None and now - workload.progressed_at >= timedelta(
        seconds=spec.get("progressDeadlineSeconds", 600)
    )
    old = {c["type"]: c for c in (deployment.get("status") or {}).get("conditions") or ()}
    conditions = [
        _condition(old, "Available", "True" if ready >= wanted else "False", "MinimumReplicasAvailable", stamp),
        _progressing(old, complete=complete, overdue=overdue, is_down=is_down, stamp=stamp),
    ]
    counts = {
        "replicas": len(workload.pods),
        "updatedReplicas": len(new),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, len(workload.pods) - ready),
    }
    return {
        "observedGeneration": meta.get("generation", 1),
        **{key: count for key, count in counts.items() if count},
        "conditions": conditions,
    }


def _progressing(old: dict[str, Json], *, complete: bool, overdue: bool, is_down: bool, stamp: str) -> Json:
    known = old.get("Progressing")
    # A rollout that was complete stays so when its pods are lost: the deadline is about rolling out, not about health.
    if complete or (is_down and known and known["reason"] == "NewReplicaSetAvailable"):
        return _condition(old, "Progressing", "True", "NewReplicaSetAvailable", stamp)
    if overdue:
        return _condition(old, "Progressing", "False", "ProgressDeadlineExceeded", stamp)
    return _condition(old, "Progressing", "True", "ReplicaSetUpdated", stamp)


def _condition(old: dict[str, Json], kind: str, status: str, reason: str, stamp: str) -> Json:
    known = old.get(kind)
    since = known["lastTransitionTime"] if known and known["status"] == status else stamp
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": since}


def _hash(template: Json) -> str:
    return f"{zlib.crc32(json.dumps(template, sort_keys=True).encode()):08x}"
