"""Deployments for tests."""

from typing import Any

Json = dict[str, Any]


def deployment(name: str = "podinfo-canary", *, image: str = "podinfo:1.2.1", **template_meta: Any) -> Json:
    labels = {"app": name, "tier": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "test", "name": name, "uid": f"{name}-uid", "resourceVersion": "5", "generation": 3},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels, **template_meta},
                "spec": {"containers": [{"name": "podinfod", "image": image}]},
            },
        },
        "status": {
            "observedGeneration": 3,
            "replicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": 2,
        },
    }
