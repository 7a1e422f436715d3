"""A simple HorizontalPodAutoscaler: scales by load, as far as the load of the mesh tells."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from testbed.sandbox.api.kinds import built_in
from testbed.sandbox.api.objects import Objects

Json = dict[str, Any]

AUTOSCALERS = built_in("HorizontalPodAutoscaler")
DEPLOYMENTS = built_in("Deployment")

Load = Callable[[str, str], float]
"""Returns how many pods the load of a workload (namespace, name) would keep busy."""


def step(objects: Objects, load: Load) -> None:
    """Bring every autoscaled Deployment to what its load needs; one that is scaled to zero is left alone."""
    autoscalers, _ = objects.store.list((AUTOSCALERS.group, AUTOSCALERS.plural))
    for autoscaler in autoscalers:
        spec, meta = autoscaler["spec"], autoscaler["metadata"]
        name = spec["scaleTargetRef"]["name"]
        deployment = objects.store.get((DEPLOYMENTS.group, DEPLOYMENTS.plural), (meta["namespace"], name))
        if deployment is None:
            continue
        current = deployment["spec"].get("replicas", 1)
        if current:
            lowest = spec.get("minReplicas", 1)
            wanted = min(max(math.ceil(load(meta["namespace"], name)), lowest), spec["maxReplicas"])
            if wanted != current:
                _set_replicas(objects, meta["namespace"], name, wanted)
                current = wanted
        status = {"currentReplicas": current, "desiredReplicas": current}
        if (autoscaler.get("status") or {}) != status:
            objects.change(
                AUTOSCALERS,
                AUTOSCALERS.versions[0],
                meta["namespace"],
                meta["name"],
                partial(_with_status, status),
                subresource="status",
            )


def _with_status(status: Json, obj: Json) -> Json:
    return {**obj, "status": status}


def _set_replicas(objects: Objects, namespace: str, name: str, replicas: int) -> None:
    def change(obj: Json) -> Json:
        obj["spec"]["replicas"] = replicas
        return obj

    objects.change(DEPLOYMENTS, DEPLOYMENTS.versions[0], namespace, name, change)
