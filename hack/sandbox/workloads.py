"""The deployment controller of the sandbox: turns Deployments into pods that take time to become ready.

It works in steps: each step looks at every Deployment and does what is due at that moment of the given clock. In a
running sandbox a thread steps it; a test steps it by hand. As in kube-controller-manager two parties take turns until
there is nothing left to do: the Deployment says what its ReplicaSets want, and writes its status; then pods are created
and removed. Hence a new generation is observed with 0 updated pods before there is one.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from hack.sandbox import conditions, quotas
from hack.sandbox.api.errors import ApiError
from hack.sandbox.api.kinds import BUILT_IN
from hack.sandbox.api.objects import Objects
from hack.sandbox.replica_sets import HELD, HOLD, ReplicaSet, limits, name_of, roll, scale

__all__ = ["BROKEN_TAGS", "DEPLOYMENTS", "HOLD", "WorkloadController"]

Json = dict[str, Any]

DEPLOYMENTS = next(kind for kind in BUILT_IN if kind.kind == "Deployment")
BROKEN_TAGS = (":broken",)
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(slots=True)
class _Workload:
    """What the controller knows of a Deployment besides the object."""

    namespace: str
    name: str
    sets: list[ReplicaSet] = field(default_factory=list)  # the oldest first
    newest: ReplicaSet | None = None  # of the Deployment's template; a paused one may lack it
    revision: int = 0
    wanted: int = 0  # replicas that the sets were last brought to
    is_down: bool = False
    settled: str = ""  # the version of the Deployment for which there is nothing left to do

    @property
    def pods(self) -> int:
        return sum(len(one.pods) for one in self.sets)

    @property
    def wants(self) -> Sequence[int]:
        return [one.wanted for one in self.sets]

    def available(self, now: datetime, one: ReplicaSet) -> int:
        return 0 if self.is_down else one.available(now)


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
            sets = workload.sets if workload else ()
            held = [pod for one in sets for pod in one.pods if pod.ready_at == HELD]
            for pod in held[:pods]:
                pod.ready_at = self._now() + self.pod_delay
            return len(held[:pods])

    def step(self) -> timedelta | None:
        """Do what is due; return the time until something else will be, or None."""
        with self._lock:
            deployments, _ = self._objects.store.list((DEPLOYMENTS.group, DEPLOYMENTS.plural))
            there = {deployment["metadata"]["uid"] for deployment in deployments}
            self._workloads = {uid: workload for uid, workload in self._workloads.items() if uid in there}
            waits = [self._step(deployment) for deployment in deployments if not self._is_settled(deployment)]
            quotas.step(self._objects, self._used())
        return min((wait for wait in waits if wait is not None), default=None)

    def _used(self) -> Counter[str]:
        """Return how many pods each namespace has."""
        used: Counter[str] = Counter()
        for workload in self._workloads.values():
            used[workload.namespace] += workload.pods
        return used

    def _is_settled(self, deployment: Json) -> bool:
        """Whether only a change could give it something to do: of thousands most are like that most of the time."""
        meta = deployment["metadata"]
        workload = self._workloads.get(meta["uid"])
        if workload is None or workload.settled != meta["resourceVersion"]:
            return False
        return workload.is_down == ((workload.namespace, workload.name) in self._down)

    def _step(self, deployment: Json) -> timedelta | None:
        meta, now = deployment["metadata"], self._now()
        key = (meta["namespace"], meta["name"])
        workload = self._workloads.setdefault(meta["uid"], _Workload(*key))
        workload.is_down = key in self._down
        try:
            while True:
                wants = workload.wants
                deployment = self._sync(deployment, workload, now)
                if not self._manage(workload, now) and wants == workload.wants:
                    break
        except ApiError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None  # deleted meanwhile
        times = [pod.ready_at for one in workload.sets for pod in one.pods if pod.ready_at is not None]
        soonest = [time - now for time in (*times, conditions.deadline(deployment)) if time is not None and time > now]
        stored = self._objects.store.get((DEPLOYMENTS.group, DEPLOYMENTS.plural), key)
        is_unwritten = stored is not None and stored["metadata"]["resourceVersion"] == meta["resourceVersion"]
        waits = bool(soonest) or any(one.failure for one in workload.sets)
        workload.settled = meta["resourceVersion"] if is_unwritten and not waits else ""
        return min(soonest, default=None)

    def _sync(self, deployment: Json, workload: _Workload, now: datetime) -> Json:
        """Decide what each ReplicaSet wants, and return the Deployment with its status."""
        spec, stamp = deployment["spec"], self._objects.stamp()
        turned = conditions.paused_or_resumed(deployment, stamp)
        deployment = self._written(deployment, turned)
        begun = self._follow_template(deployment, workload)
        if not turned:  # as the real controller, whose second write at a time is a conflict and comes to nothing
            deployment = self._written(deployment, begun, workload.revision)
        newest, wanted = workload.newest, spec.get("replicas", 1)
        is_scaled = workload.wanted != wanted and any(one.wanted for one in workload.sets)
        if newest is None or spec.get("paused") or is_scaled:
            scale(workload.sets, newest, spec, workload.wanted)
            status = conditions.status(deployment, self._counts(workload, spec, now), stamp)
        else:
            roll(workload.sets, newest, spec, partial(workload.available, now))
            status = conditions.status(deployment, self._counts(workload, spec, now), stamp)
            status = conditions.with_progress(status, deployment, newest.name, now)
            failures = [one.failure for one in (newest, *workload.sets) if one.failure]
            status = conditions.with_failure(status, failures[0] if failures else "", stamp)
        workload.wanted = wanted
        return self._written(deployment, status, workload.revision)

    def _follow_template(self, deployment: Json, workload: _Workload) -> Json | None:
        """Find the ReplicaSet of the template, or create it unless paused; return the status that says so, if any."""
        spec, stamp = deployment["spec"], self._objects.stamp()
        name = name_of(workload.name, spec["template"])
        known = next((one for one in workload.sets if one.name == name), None)
        newest = known or (None if spec.get("paused") else ReplicaSet(name, spec["template"]))
        if newest is not None and newest is not workload.newest:
            workload.revision += 1
        workload.newest = newest
        if newest is None:
            return None
        if known:
            return conditions.found(deployment, name, stamp)
        workload.sets.append(newest)
        return conditions.created(deployment, name, stamp)

    def _counts(self, workload: _Workload, spec: Json, now: datetime) -> conditions.Counts:
        wanted = spec.get("replicas", 1)
        return conditions.Counts(
            replicas=workload.pods,
            updated=len(workload.newest.pods) if workload.newest else 0,
            available=sum(workload.available(now, one) for one in workload.sets),
            wanted=sum(one.wanted for one in workload.sets),
            least=wanted - limits(spec, wanted)[1],
        )

    def _manage(self, workload: _Workload, now: datetime) -> bool:
        """Create and remove pods; return whether there is anything to tell the Deployment."""

        def refusal(pod: str) -> str:
            return quotas.refusal(self._objects, workload.namespace, pod, used=self._used)

        # Those that shrink come first: what they leave can be used by those that grow.
        sets = sorted(workload.sets, key=lambda one: one.wanted - len(one.pods))
        changed = [one.manage(now, delay=self._delay(one), refusal=refusal) for one in sets]
        return any(changed)

    def _delay(self, one: ReplicaSet) -> timedelta | None:
        images = [container.get("image", "") for container in one.template["spec"].get("containers") or ()]
        return None if any(image.endswith(self._broken_tags) for image in images) else self.pod_delay

    def _written(self, deployment: Json, status: Json | None, revision: int = 0) -> Json:
        """Write status and revision, if they are others; return the Deployment as it was looked at, with both."""
        meta = deployment["metadata"]

        def with_status(obj: Json) -> Json:
            return {**obj, "status": status} if obj["metadata"]["uid"] == meta["uid"] else obj

        def with_revision(obj: Json) -> Json:
            if obj["metadata"]["uid"] == meta["uid"]:
                obj["metadata"].setdefault("annotations", {})[_REVISION] = str(revision)
            return obj

        change = partial(self._objects.change, DEPLOYMENTS, DEPLOYMENTS.versions[0], meta["namespace"], meta["name"])
        if status is not None and (deployment.get("status") or {}) != status:
            change(with_status, subresource="status")
            deployment = {**deployment, "status": status}
        annotations = meta.get("annotations") or {}
        if revision and annotations.get(_REVISION) != str(revision):
            change(with_revision)
            deployment = {**deployment, "metadata": {**meta, "annotations": {**annotations, _REVISION: str(revision)}}}
        return deployment
