"""The StatefulSet controller of the sandbox: pods by ordinal, updated one after the other.

Source: ``defaultStatefulSetControl`` of kube-controller-manager.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from testbed.sandbox.api.kinds import built_in
from testbed.sandbox.pods import Pod, PodController
from testbed.sandbox.replica_sets import name_of

Json = dict[str, Any]


@dataclass(slots=True)
class _Set:
    """What the controller knows of a StatefulSet besides the object."""

    current: str  # the revision of the last rolling update that was through
    pods: list[Pod] = field(default_factory=list)  # by ordinal
    is_down: bool = False

    def is_ready(self, pod: Pod, now: datetime) -> bool:
        return not self.is_down and pod.is_ready(now)


class StatefulSetController(PodController[_Set]):
    """Steps every StatefulSet of the sandbox. One thread at a time."""

    kind = built_in("StatefulSet")

    def _pods(self, known: _Set) -> Iterable[Pod]:
        return known.pods

    def _step(self, obj: Json) -> timedelta | None:
        meta, spec, now = obj["metadata"], obj["spec"], self._now()
        update = name_of(meta["name"], spec["template"])
        known = self._known.setdefault(meta["uid"], _Set(current=update))
        known.is_down = (meta["namespace"], meta["name"]) in self._down
        while self._moves(known, spec, update, now):
            pass
        ready = [pod for pod in known.pods if known.is_ready(pod, now)]
        if len(ready) == spec["replicas"] and all(pod.revision == update for pod in known.pods):
            known.current = update
        self._write_status(obj, self._status(obj, known, update, len(ready)))
        return self._soonest(known, now)

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
            known.pods.append(Pod(self._ready_at(spec["template"], now), revision))
            return True
        if strategy["type"] != "RollingUpdate" or not are_ready:
            # Whatever is not ready is waited for, a broken pod too: kubernetes/kubernetes#67250.
            return False
        old = [at for at, pod in enumerate(known.pods) if at >= partition and pod.revision != update]
        if old:
            known.pods[old[-1]] = Pod(self._ready_at(spec["template"], now), update)
        return bool(old)

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
