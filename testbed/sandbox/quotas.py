"""Quotas of pods in the sandbox: ``spec.hard.pods`` of a ResourceQuota, as a whole number, and no other limits."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from testbed.sandbox.api.kinds import built_in
from testbed.sandbox.api.objects import Objects

Json = dict[str, Any]

QUOTAS = built_in("ResourceQuota")


def refusal(objects: Objects, namespace: str, pod: str, *, used: Callable[[], Mapping[str, int]]) -> str:
    """Return in the API server's words why a namespace takes no other pod, or "" if it does.

    Args:
        objects: the quotas among others.
        namespace: of the pod.
        pod: its name.
        used: counts the pods of each namespace; asked only if there is a quota.
    """
    for quota, hard in _limits(objects, namespace):
        pods = used()[namespace]
        if pods >= hard:
            numbers = f"requested: pods=1, used: pods={pods}, limited: pods={hard}"
            return f'pods "{pod}" is forbidden: exceeded quota: {quota["metadata"]["name"]}, {numbers}'
    return ""


def step(objects: Objects, used: dict[str, int]) -> None:
    """Write into the status of each quota how many pods its namespace has."""
    for quota, hard in _limits(objects):
        meta = quota["metadata"]
        status = {"hard": {"pods": str(hard)}, "used": {"pods": str(used.get(meta["namespace"], 0))}}
        if (quota.get("status") or {}) != status:
            _write(objects, meta, status)


def _write(objects: Objects, meta: Json, status: Json) -> None:
    def change(obj: Json) -> Json:
        return {**obj, "status": status}

    objects.change(QUOTAS, QUOTAS.versions[0], meta["namespace"], meta["name"], change, subresource="status")


def _limits(objects: Objects, namespace: str = "") -> Iterator[tuple[Json, int]]:
    """Yield each quota of pods with its limit."""
    for quota in objects.store.list((QUOTAS.group, QUOTAS.plural), namespace)[0]:
        hard = str(((quota.get("spec") or {}).get("hard") or {}).get("pods", ""))
        if hard.isdigit():
            yield quota, int(hard)
