"""VirtualServices for tests."""

from typing import Any

from router.types import RouteRef

Json = dict[str, Any]

REF = RouteRef("test", "podinfo", "podinfo", "podinfo-canary")


def to(host: str, weight: int | None = None, **more: Any) -> Json:
    return {"destination": {"host": host, **more}, **({} if weight is None else {"weight": weight})}


def virtual_service(*routes: list[Json], **meta: Any) -> Json:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "7", **meta},
        "spec": {"hosts": ["podinfo"], "http": [{"route": route} for route in routes]},
    }


def pair(primary: int | None, canary: int | None) -> list[Json]:
    return [to("podinfo", primary), to("podinfo-canary", canary)]
