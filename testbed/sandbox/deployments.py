"""The Deployment controller of the sandbox.

As in kube-controller-manager two parties take turns until there is nothing left to do: the Deployment says what its
ReplicaSets want, and writes its status; then pods are created and removed. Hence a new generation is observed with 0
updated pods before there is one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from testbed.sandbox import conditions, quotas
from testbed.sandbox.api.kinds import built_in
from testbed.sandbox.pods import Pod, PodController
from testbed.sandbox.replica_sets import ReplicaSet, limits, name_of, roll, scale

Json = dict[str, Any]

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


class DeploymentController(PodController[_Workload]):
    """Steps every Deployment of the sandbox. One thread at a time."""

    kind = built_in("Deployment")

    def step(self) -> timedelta | None:
        """Do what is due, and count what the quotas allow."""
        with self._lock:
            soonest = super().step()
            quotas.step(self._objects, self._used())
        return soonest

    def _pods(self, known: _Workload) -> Iterable[Pod]:
        return chain.from_iterable(one.pods for one in known.sets)

    def _used(self) -> Counter[str]:
        """Return how many pods each namespace has."""
        used: Counter[str] = Counter()
        for workload in self._known.values():
            used[workload.namespace] += workload.pods
        return used

    def _is_settled(self, deployment: Json) -> bool:
        """Whether only a change could give it something to do: of thousands most are like that most of the time."""
        meta = deployment["metadata"]
        workload = self._known.get(meta["uid"])
        if workload is None or workload.settled != meta["resourceVersion"]:
            return False
        return workload.is_down == ((workload.namespace, workload.name) in self._down)

    def _step(self, deployment: Json) -> timedelta | None:
        if self._is_settled(deployment):
            return None
        meta, now = deployment["metadata"], self._now()
        key = (meta["namespace"], meta["name"])
        workload = self._known.setdefault(meta["uid"], _Workload(*key))
        workload.is_down = key in self._down
        while True:
            wants = workload.wants
            deployment = self._sync(deployment, workload, now)
            if not self._manage(workload, now) and wants == workload.wants:
                break
        soonest = self._soonest(workload, now, conditions.deadline(deployment))
        stored = self._objects.store.get(self._stored, key)
        is_unwritten = stored is not None and stored["metadata"]["resourceVersion"] == meta["resourceVersion"]
        waits = soonest is not None or any(one.failure for one in workload.sets)
        workload.settled = meta["resourceVersion"] if is_unwritten and not waits else ""
        return soonest

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
        changed = [one.manage(now, ready_at=self._ready_at(one.template, now), refusal=refusal) for one in sets]
        return any(changed)

    def _written(self, deployment: Json, status: Json | None, revision: int = 0) -> Json:
        """Write status and revision, if they are others; return the Deployment as it was looked at, with both."""
        meta = deployment["metadata"]

        def with_revision(obj: Json) -> Json:
            if obj["metadata"]["uid"] == meta["uid"]:
                obj["metadata"].setdefault("annotations", {})[_REVISION] = str(revision)
            return obj

        if status is not None:
            deployment = self._write_status(deployment, status)
        annotations = meta.get("annotations") or {}
        if revision and annotations.get(_REVISION) != str(revision):
            self._change(deployment, with_revision)
            deployment = {**deployment, "metadata": {**meta, "annotations": {**annotations, _REVISION: str(revision)}}}
        return deployment
