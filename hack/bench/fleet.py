"""Many canaries in the middle of their rollouts, as objects. Pure.

Each has a namespace of its own. Their pods, services and routes are those that a rollout has after its first step, so
that all there is to do is to hold rounds.
"""

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from controller.core.canary import CanaryStatus, Stage, State
from controller.core.status_json import to_json
from controller.core.world import FINALIZER
from deploy.deployments import view
from hack.bench import objects
from hack.bench.objects import NAME

Json = dict[str, Any]

INTERVAL = timedelta(seconds=10)
WITHOUT_CHECKS = 20
"""Every so many canaries has no metrics: what Prometheus does is nothing to it."""

_FIRST_WEIGHT = 1
_PODS = 2
_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def namespace(number: int) -> str:
    """Return the namespace of the n-th canary."""
    return f"load-{number:05}"


def has_checks(number: int) -> bool:
    """Whether the n-th canary asks Prometheus."""
    return number % WITHOUT_CHECKS != 0


def members(number: int, count: int, now: datetime) -> Iterator[Json]:
    """Yield the objects of the n-th canary of so many, statuses included; uids and generations are as they are given.

    Args:
        number: which, from 0.
        count: of all, whose rounds are spread evenly over an interval.
        now: the time.
    """
    where = namespace(number)
    yield objects.namespace(where)
    for obj in objects.parts(where):
        if obj["kind"] == "Deployment":
            obj["spec"]["replicas"] = _PODS
            obj["status"] = dict.fromkeys(_COUNTS, _PODS)
            obj["status"]["observedGeneration"] = 1
        if obj["kind"] == "VirtualService":
            for side, weight in zip(obj["spec"]["http"][0]["route"], (99, _FIRST_WEIGHT), strict=True):
                side["weight"] = weight
        yield obj
    yield _canary(number, where, now - INTERVAL * (number / count))


def _canary(number: int, where: str, last_check: datetime) -> Json:
    obj = objects.canary(where)
    obj["metadata"]["finalizers"] = [FINALIZER]
    analysis = obj["spec"]["canaryAnalysis"]
    analysis.update(interval=f"{INTERVAL.total_seconds():g}s", maxWeight=100, stepWeight=1, inconclusiveLimit=1000)
    if not has_checks(number):
        analysis["metrics"] = []
    began = last_check - timedelta(hours=1)
    obj["status"] = to_json(
        CanaryStatus(
            state=State.RUNNING,
            stage=Stage.PROGRESSING,
            canary_revision=_revision(where),
            canary_replicas=_PODS,
            canary_weight=_FIRST_WEIGHT,
            start_time=began,
            traffic_start_time=began,
            last_check_time=last_check,
            last_transition_time=began,
        )
    )
    return obj


def _revision(where: str) -> str:
    """Return the fingerprint of the template that is rolled out."""
    deployment = next(obj for obj in objects.parts(where) if obj["metadata"]["name"] == f"{NAME}-canary")
    seen = copy.deepcopy(deployment)
    seen["metadata"] |= {"uid": "any", "resourceVersion": "1", "generation": 1}
    return view(seen, None).template.revision
