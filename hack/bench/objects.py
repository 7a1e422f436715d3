"""The objects of the benchmarks: a canary whose rounds are measured, and a tenant with many that are broken. Pure.

They are made from podinfo's files, renamed.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

Json = dict[str, Any]

VICTIM = "victim"
TENANT = "tenant"
"""The namespaces."""

NAME = "podinfo"
INTERVAL = "1s"

_WORKLOADS = Path(__file__).parents[2] / "artifacts" / "workloads"
_ROLLOUT = Path(__file__).parents[2] / "artifacts" / "rollouts" / "podinfo.yaml"
_PARTS = ("primary-deployment", "primary-service", "canary-deployment", "canary-service", "virtual-service")
_SIDES = ("primary", "canary")


def namespace(name: str) -> Json:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def parts(where: str) -> Iterator[Json]:
    """Yield podinfo's Deployments, services and VirtualService."""
    for name in _PARTS:
        yield _in(where, _read(_WORKLOADS / f"{name}.yaml"))


def canary(where: str, name: str = NAME, *, suffix: str = "") -> Json:
    """Return a canary object with rounds of a second.

    Args:
        where: its namespace.
        name: of the object.
        suffix: of the names of the Deployments and the VirtualService that it is about.
    """
    obj = _in(where, _read(_ROLLOUT))
    obj["metadata"]["name"] = name
    spec = obj["spec"]
    spec["virtualService"]["name"] += suffix
    for side in _SIDES:
        spec[side]["name"] += suffix
    analysis = spec["canaryAnalysis"]
    analysis.update(interval=INTERVAL, maxWeight=100, stepWeight=1, drainSeconds=0)
    for metric in analysis["metrics"]:
        metric["interval"] = INTERVAL
    return obj


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which all canaries of a tenant are broken."""

    what: str  # completes "beside 1,000 canaries that …"
    parts: Callable[[int], Iterator[Json]]  # of so many canaries; there before them
    canary: Callable[[int], Json]  # the n-th
    fault: Json | None = None  # that the API server answers the tenant's requests with
    touched: str = ""  # a Deployment that somebody writes to all the time
    gets_traffic: bool = False  # thousands of routes would keep the mesh busy


def _rival(number: int) -> Json:
    return canary(TENANT, f"broken-{number}")


def _with_own_parts(number: int) -> Json:
    return canary(TENANT, f"broken-{number}", suffix=f"-{number}")


def _parts_of_rivals(_count: int) -> Iterator[Json]:
    return parts(TENANT)


def _own_parts(count: int, *, with_workloads: bool = True) -> Iterator[Json]:
    """Yield a VirtualService and two Deployments for each; the services can be shared, as the pods look the same.

    The weights are such that a rollout begins with a write to the route.
    """
    for kind in parts(TENANT):
        if kind["kind"] == "Service":
            yield kind
            continue
        if kind["kind"] == "Deployment" and not with_workloads:
            continue
        for number in range(count):
            obj = copy.deepcopy(kind)
            obj["metadata"]["name"] += f"-{number}"
            if obj["kind"] == "VirtualService":
                for destination in obj["spec"]["http"][0]["route"]:
                    destination["weight"] = 50
            yield obj


def _routes_only(count: int) -> Iterator[Json]:
    return _own_parts(count, with_workloads=False)


WAYS = MappingProxyType(
    {
        "rivals": Way(
            what="all name the same parts, one of which is written to every half second",
            parts=_parts_of_rivals,
            canary=_rival,
            touched="podinfo-canary",
            gets_traffic=True,
        ),
        "refused": Way(
            what="may not write their routes (403)",
            parts=_own_parts,
            canary=_with_own_parts,
            fault={
                "verb": "patch",
                "resource": "virtualservices",
                "namespace": TENANT,
                "user_agent": "flagger",
                "code": 403,
                "count": -1,
            },
        ),
        "missing": Way(what="name Deployments that do not exist", parts=_routes_only, canary=_with_own_parts),
    }
)


@cache
def _text(path: Path) -> Any:  # noqa: ANN401  # YAML
    return yaml.safe_load(path.read_text())


def _read(path: Path) -> Json:
    obj: Json = copy.deepcopy(_text(path))
    return obj


def _in(where: str, obj: Json) -> Json:
    obj["metadata"]["namespace"] = where
    return obj
