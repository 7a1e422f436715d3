"""What the sandbox says of a Deployment in its status, and in which words.

The rules are those of kube-controller-manager (``pkg/controller/deployment``: ``sync.go``, ``progress.go``,
``util/deployment_util.go``), the surprising ones above all: a Deployment that was complete, and whose template has not
changed since, is never timed again, however often it is scaled and whatever becomes of its pods; and one whose
template changes while it has no pods is complete at once, 0 of 0. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]

NO_DEADLINE = 2**31 - 1
STAMP = "%Y-%m-%dT%H:%M:%SZ"

_PROGRESSING, _AVAILABLE, _FAILURE = "Progressing", "Available", "ReplicaFailure"
_CREATED, _FOUND, _UPDATED = "NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"
_COMPLETE, _EXCEEDED = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
_PAUSED, _RESUMED = "DeploymentPaused", "DeploymentResumed"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pods a Deployment has."""

    replicas: int
    updated: int  # of the newest template
    available: int
    wanted: int  # by its ReplicaSets, whether they are there or not
    least: int  # that must be available


def status(deployment: Json, counts: Counts, stamp: str) -> Json:
    """Return the status with new counts and ``Available``; all other conditions stay."""
    enough = counts.available >= counts.least
    words = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    numbers = {
        "replicas": counts.replicas,
        "updatedReplicas": counts.updated,
        "readyReplicas": counts.available,
        "availableReplicas": counts.available,
        "unavailableReplicas": max(0, counts.wanted - counts.available),
    }
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{key: number for key, number in numbers.items() if number},
        "conditions": _with(_conditions(deployment), _AVAILABLE, str(enough), reason, words, stamp),
    }


def paused_or_resumed(deployment: Json, stamp: str) -> Json | None:
    """Return the status that says that a Deployment has just been paused or resumed, or None.

    The deadline counts anew from there. One that has been exceeded is not overwritten.
    """
    known = _find(_conditions(deployment), _PROGRESSING)
    reason, paused = known.get("reason"), bool(deployment["spec"].get("paused"))
    if not _is_timed(deployment) or reason == _EXCEEDED or paused == (reason == _PAUSED):
        return None
    new, words = (_PAUSED, "Deployment is paused") if paused else (_RESUMED, "Deployment is resumed")
    return _replaced(deployment, _with(_conditions(deployment), _PROGRESSING, "Unknown", new, words, stamp))


def created(deployment: Json, replica_set: str, stamp: str) -> Json | None:
    """Return the status that says that there is a new ReplicaSet, or None if there is no deadline."""
    return _begun(deployment, _CREATED, f'Created new replica set "{replica_set}"', stamp)


def found(deployment: Json, replica_set: str, stamp: str) -> Json | None:
    """Return the status that says that the newest ReplicaSet was there already, or None if progress is known of."""
    known = _find(_conditions(deployment), _PROGRESSING)
    return None if known else _begun(deployment, _FOUND, f'Found new replica set "{replica_set}"', stamp)


def with_progress(new: Json, deployment: Json, replica_set: str, now: datetime) -> Json:
    """Return a new status with ``Progressing``.

    Args:
        new: the status, as ``status`` returns it.
        deployment: with the status until now.
        replica_set: name of the newest one.
        now: the time.
    """
    before, conditions, stamp = deployment.get("status") or {}, new["conditions"], now.strftime(STAMP)
    if not _is_timed(deployment):
        return {**new, "conditions": _without(conditions, _PROGRESSING)}
    known = _find(conditions, _PROGRESSING)
    if known.get("reason") == _COMPLETE and _number(new, "replicas") == _number(new, "updatedReplicas"):
        return new
    if _is_complete(new, deployment["spec"].get("replicas", 1)):
        words = f'ReplicaSet "{replica_set}" has successfully progressed.'
        conditions = _with(conditions, _PROGRESSING, "True", _COMPLETE, words, stamp)
    elif _has_progressed(before, new):
        words = f'ReplicaSet "{replica_set}" is progressing.'
        conditions = _anew(conditions, _PROGRESSING, "True", _UPDATED, words, stamp)
    elif (until := _deadline(known, deployment)) is not None and now >= until:
        words = f'ReplicaSet "{replica_set}" has timed out progressing.'
        conditions = _with(conditions, _PROGRESSING, "False", _EXCEEDED, words, stamp)
    return {**new, "conditions": conditions}


def with_failure(new: Json, failure: str, stamp: str) -> Json:
    """Return a new status with ``ReplicaFailure``, which is there as long as pods cannot be created."""
    if not failure:
        return {**new, "conditions": _without(new["conditions"], _FAILURE)}
    return {**new, "conditions": _with(new["conditions"], _FAILURE, "True", "FailedCreate", failure, stamp)}


def deadline(deployment: Json) -> datetime | None:
    """Return when a Deployment will exceed its deadline if nothing happens, or None if it will not."""
    if not _is_timed(deployment) or deployment["spec"].get("paused"):
        return None
    return _deadline(_find(_conditions(deployment), _PROGRESSING), deployment)


def _deadline(known: Json, deployment: Json) -> datetime | None:
    if not known or known["reason"] in {_COMPLETE, _EXCEEDED}:
        return None
    since = datetime.strptime(known["lastUpdateTime"], f"{STAMP[:-1]}%z")
    return since + timedelta(seconds=deployment["spec"].get("progressDeadlineSeconds", 600))


def _is_timed(deployment: Json) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", 600) != NO_DEADLINE)


def _is_complete(new: Json, wanted: int) -> bool:
    return all(_number(new, key) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas"))


def _has_progressed(before: Json, new: Json) -> bool:
    """Whether there are more updated or ready pods, or fewer old ones."""
    if any(_number(new, key) > _number(before, key) for key in ("updatedReplicas", "readyReplicas")):
        return True
    return _old(new) < _old(before)


def _old(of: Json) -> int:
    return _number(of, "replicas") - _number(of, "updatedReplicas")


def _number(of: Json, key: str) -> int:
    return int(of.get(key, 0))


def _conditions(deployment: Json) -> Sequence[Json]:
    return (deployment.get("status") or {}).get("conditions") or ()


def _find(conditions: Sequence[Json], kind: str) -> Json:
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _without(conditions: Sequence[Json], kind: str) -> list[Json]:
    return [condition for condition in conditions if condition["type"] != kind]


def _with(conditions: Sequence[Json], kind: str, status: str, reason: str, words: str, stamp: str) -> list[Json]:
    """Return conditions with one more; one of the same status and reason stays as it is, words included."""
    known = _find(conditions, kind)
    if (known.get("status"), known.get("reason")) == (status, reason):
        return list(conditions)
    return _anew(conditions, kind, status, reason, words, stamp)


def _anew(conditions: Sequence[Json], kind: str, status: str, reason: str, words: str, stamp: str) -> list[Json]:
    """Return conditions with one that was updated now; its transition is older if the status is what it was."""
    known = _find(conditions, kind)
    since = known["lastTransitionTime"] if known.get("status") == status else stamp
    times = {"lastUpdateTime": stamp, "lastTransitionTime": since}
    return [
        *_without(conditions, kind),
        {"type": kind, "status": status, **times, "reason": reason, "message": words},
    ]


def _begun(deployment: Json, reason: str, words: str, stamp: str) -> Json | None:
    if not _is_timed(deployment):
        return None
    return _replaced(deployment, _with(_conditions(deployment), _PROGRESSING, "True", reason, words, stamp))


def _replaced(deployment: Json, conditions: list[Json]) -> Json:
    """Return the status with other conditions; its counts are still those of the generation that it has observed."""
    return {**(deployment.get("status") or {}), "conditions": conditions}
