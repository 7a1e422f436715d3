"""The DaemonSet controller of the sandbox: one pod on each of a few nodes.

Pods are numbers and not objects, as those of ReplicaSets are, and so are nodes. Of what a pod spec asks of a node, its
node selector is all that is looked at.

Source: ``pkg/controller/daemon`` of kube-controller-manager, without ``maxSurge``.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from hack.sandbox.api.errors import ApiError
from hack.sandbox.api.kinds import BUILT_IN
from hack.sandbox.api.objects import Objects
from hack.sandbox.replica_sets import HELD, HOLD, name_of

Json = dict[str, Any]

NODES: Mapping[str, Mapping[str, str]] = {
    name: {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"} for name in ("node-0", "node-1", "node-2")
}
"""Labels by name, as ``hack.cluster`` has them."""
DAEMON_SETS = next(kind for kind in BUILT_IN if kind.kind == "DaemonSet")
_STORED = (DAEMON_SETS.group, DAEMON_SETS.plural)


@dataclass(slots=True)
class _Pod:
    revision: str
    ready_at: datetime | None  # None: never; HELD: once it is released


@dataclass(slots=True)
class _Set:
    """What the controller knows of a DaemonSet besides the object."""

    pods: dict[str, _Pod] = field(default_factory=dict)  # by node
    is_down: bool = False

    def is_ready(self, pod: _Pod, now: datetime) -> bool:
        return not self.is_down and pod.ready_at is not None and pod.ready_at <= now


class DaemonSetController:
    """Steps every DaemonSet of the sandbox. One thread at a time."""

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
        """Make every pod of a DaemonSet unready, until ``bring_up``."""
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
            held = [pod for pod in (known.pods.values() if known else ()) if pod.ready_at == HELD]
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
        meta, now = obj["metadata"], self._now()
        known = self._sets.setdefault(meta["uid"], _Set())
        known.is_down = (meta["namespace"], meta["name"]) in self._down
        # As with Deployments a change is observed before anything follows from it.
        obj = self._written(obj, known, now)
        while self._manage(obj, known, now) or self._roll(obj, known, now):
            obj = self._written(obj, known, now)
        times = [pod.ready_at - now for pod in known.pods.values() if pod.ready_at not in {None, HELD}]
        return min((time for time in times if time > timedelta()), default=None)

    def _manage(self, obj: Json, known: _Set, now: datetime) -> bool:
        """Create the pods that nodes lack, and remove those of nodes that don't fit; return whether there were any."""
        wanted, spec = fitting(obj), obj["spec"]
        missing = [node for node in wanted if node not in known.pods]
        known.pods = {node: pod for node, pod in known.pods.items() if node in wanted} | {
            node: _Pod(name_of(obj["metadata"]["name"], spec["template"]), self._ready_at(spec, now))
            for node in missing
        }
        return bool(missing)

    def _roll(self, obj: Json, known: _Set, now: datetime) -> bool:
        """Remove the old pods that may go: those that are not ready, and of the others as many as may be missing."""
        strategy = obj["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return False
        update = name_of(obj["metadata"]["name"], obj["spec"]["template"])
        old = {node: pod for node, pod in known.pods.items() if pod.revision != update}
        useless = [node for node, pod in old.items() if not known.is_ready(pod, now)]
        missing = sum(not known.is_ready(pod, now) for pod in known.pods.values())
        most = _pods(strategy["rollingUpdate"]["maxUnavailable"], len(known.pods))
        others = [node for node in old if node not in useless][: max(0, most - missing)]
        for node in (*useless, *others):
            del known.pods[node]
        return bool(useless or others)

    def _ready_at(self, spec: Json, now: datetime) -> datetime | None:
        template = spec["template"]
        images = [container.get("image", "") for container in template["spec"].get("containers") or ()]
        if any(image.endswith(self._broken_tags) for image in images):
            return None
        return HELD if HOLD in (template["metadata"].get("annotations") or {}) else now + self.pod_delay

    def _written(self, obj: Json, known: _Set, now: datetime) -> Json:
        """Write the status if it is another, and return the DaemonSet with it."""
        meta, status = obj["metadata"], _status(obj, known, now)

        def with_status(stored: Json) -> Json:
            return {**stored, "status": status} if stored["metadata"]["uid"] == meta["uid"] else stored

        if obj.get("status") == status:
            return obj
        version = DAEMON_SETS.versions[0]
        try:
            self._objects.change(
                DAEMON_SETS, version, meta["namespace"], meta["name"], with_status, subresource="status"
            )
        except ApiError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
        return {**obj, "status": status}


def fitting(obj: Json) -> Sequence[str]:
    """Return the nodes that fit the pods of a DaemonSet."""
    wanted = obj["spec"]["template"]["spec"].get("nodeSelector") or {}
    return [name for name, labels in NODES.items() if wanted.items() <= labels.items()]


def _status(obj: Json, known: _Set, now: datetime) -> Json:
    update, wanted = name_of(obj["metadata"]["name"], obj["spec"]["template"]), fitting(obj)
    there = [pod for node, pod in known.pods.items() if node in wanted]
    ready = sum(known.is_ready(pod, now) for pod in there)
    counts = {
        "updatedNumberScheduled": sum(pod.revision == update for pod in there),
        "numberAvailable": ready,
        "numberUnavailable": len(wanted) - ready,
    }
    return {
        "observedGeneration": obj["metadata"]["generation"],
        "currentNumberScheduled": len(there),
        "numberMisscheduled": len(known.pods) - len(there),
        "desiredNumberScheduled": len(wanted),
        "numberReady": ready,
        **{key: count for key, count in counts.items() if count},
    }


def _pods(value: int | str, wanted: int) -> int:
    """Return a number of pods, rounded up if it is a share."""
    return math.ceil(wanted * int(value[:-1]) / 100) if isinstance(value, str) else value
