"""The DaemonSet controller of the sandbox: one pod on each of a few nodes.

Nodes are numbers and not objects, as pods are. Of what a pod spec asks of a node, its node selector is all that is
looked at.

Source: ``pkg/controller/daemon`` of kube-controller-manager, without ``maxSurge``.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from testbed.sandbox.api.kinds import built_in
from testbed.sandbox.pods import Pod, PodController
from testbed.sandbox.replica_sets import name_of

Json = dict[str, Any]

NODES: Mapping[str, Mapping[str, str]] = {
    name: {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"} for name in ("node-0", "node-1", "node-2")
}
"""Labels by name, as ``testbed.cluster`` has them."""


@dataclass(slots=True)
class _Set:
    """What the controller knows of a DaemonSet besides the object."""

    pods: dict[str, Pod] = field(default_factory=dict)  # by node
    is_down: bool = False

    def is_ready(self, pod: Pod, now: datetime) -> bool:
        return not self.is_down and pod.is_ready(now)


class DaemonSetController(PodController[_Set]):
    """Steps every DaemonSet of the sandbox. One thread at a time."""

    kind = built_in("DaemonSet")

    def _pods(self, known: _Set) -> Iterable[Pod]:
        return known.pods.values()

    def _step(self, obj: Json) -> timedelta | None:
        meta, now = obj["metadata"], self._now()
        known = self._known.setdefault(meta["uid"], _Set())
        known.is_down = (meta["namespace"], meta["name"]) in self._down
        # As with Deployments a change is observed before anything follows from it.
        obj = self._write_status(obj, _status(obj, known, now))
        while self._manage(obj, known, now) or self._roll(obj, known, now):
            obj = self._write_status(obj, _status(obj, known, now))
        return self._soonest(known, now)

    def _manage(self, obj: Json, known: _Set, now: datetime) -> bool:
        """Create the pods that nodes lack, and remove those of nodes that don't fit; return whether there were any."""
        wanted, template = fitting(obj), obj["spec"]["template"]
        missing = [node for node in wanted if node not in known.pods]
        known.pods = {node: pod for node, pod in known.pods.items() if node in wanted} | {
            node: Pod(self._ready_at(template, now), name_of(obj["metadata"]["name"], template)) for node in missing
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
