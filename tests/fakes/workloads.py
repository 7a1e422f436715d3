"""Podinfo's Deployments as workloads of another kind."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]


def as_stateful_set(deployment: Json) -> Json:
    """Return a StatefulSet with the name, the replicas and the pods of a Deployment."""
    meta, spec = deployment["metadata"], copy.deepcopy(deployment["spec"])
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
        "spec": {
            "replicas": spec.get("replicas", 1),
            "selector": spec["selector"],
            "template": spec["template"],
            "serviceName": meta["name"],
        },
    }


def as_daemon_set(deployment: Json) -> Json:
    """Return a DaemonSet with the name and the pods of a Deployment, for every node by a selector of its own."""
    meta, spec = deployment["metadata"], copy.deepcopy(deployment["spec"])
    spec["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
        "spec": {"selector": spec["selector"], "template": spec["template"]},
    }


AS_KIND: Mapping[str, Callable[[Json], Json]] = {
    "Deployment": lambda obj: obj,
    "StatefulSet": as_stateful_set,
    "DaemonSet": as_daemon_set,
}
"""What makes a workload of a kind of one of podinfo's Deployments, by ``spec.targetKind``."""
