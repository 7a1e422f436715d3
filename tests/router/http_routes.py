"""HTTPRoutes of the Gateway API for tests."""

from typing import Any

Json = dict[str, Any]


def ref(name: str, weight: int | None = None, **more: Any) -> Json:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def refs(primary: int | None, canary: int | None) -> list[Json]:
    return [ref("podinfo", primary), ref("podinfo-canary", canary)]


def http_route(*rules: list[Json], **meta: Any) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "7", **meta},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "podinfo"}],
            "rules": [{"backendRefs": rule} for rule in rules],
        },
    }
