"""A promotion as a record, step by step, so that tests can tell it wrong in one place."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.invariants.record import Change, Json, Record

Edit = Callable[[Json], object]


@dataclass(frozen=True)
class Step:
    """One write."""

    at: float
    resource: str
    name: str
    edit: Edit  # of the object as it was
    ours: bool = True


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def status(**fields) -> Edit:
    return lambda obj: obj.setdefault("status", {}).update(fields)


def shift(canary: int) -> Edit:
    def edit(obj: Json) -> None:
        primary, other = obj["spec"]["http"][0]["route"]
        primary["weight"], other["weight"] = 100 - canary, canary

    return edit


def image(tag: str) -> Edit:
    def edit(obj: Json) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = tag

    return edit


def scale(replicas: int) -> Edit:
    return lambda obj: obj["spec"].update(replicas=replicas)


def pods(count: int) -> Edit:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), count)
    return lambda obj: obj["status"].update(counts, observedGeneration=obj["metadata"]["generation"])


def deployment(name: str, tag: str) -> Json:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "podinfod", "image": tag}]}}
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
    return {
        "metadata": {"name": name, "uid": name, "generation": 1, "resourceVersion": "1"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "status": {"observedGeneration": 1, **counts},
    }


def initial() -> dict[tuple[str, str], Json]:
    """Return the objects before the controller sees them."""
    sides = {"primary": "podinfo", "canary": "podinfo-canary"}
    objects: dict[tuple[str, str], Json] = {}
    for name, tag in (("podinfo", "old"), ("podinfo-canary", "new")):
        objects["deployments", name] = deployment(name, tag)
        objects["services", name] = {"metadata": {"name": name}, "spec": {"selector": {"app": name}}}
    route = [
        {"destination": {"host": name}, "weight": weight} for name, weight in (("podinfo", 100), ("podinfo-canary", 0))
    ]
    http = [{"timeout": "3s", "route": route}]
    objects["virtualservices", "podinfo"] = {"metadata": {"name": "podinfo"}, "spec": {"http": http}}
    metrics = [{"name": "rate", "threshold": 99, "interval": "2s"}]
    objects["canaries", "podinfo"] = {
        "metadata": {"name": "podinfo"},
        "spec": {
            "virtualService": {"name": "podinfo"},
            **{side: {"name": name, "host": name} for side, name in sides.items()},
            "canaryAnalysis": {
                "interval": "4s",
                "stepWeight": 25,
                "maxWeight": 50,
                "drainSeconds": 1,
                "metrics": metrics,
            },
        },
    }
    return objects


def passed(at: float) -> Json:
    return {"lastCheckTime": stamp(at), "checks": [{"name": "rate", "verdict": "pass"}]}


CANARY, ROUTE = ("canaries", "podinfo"), ("virtualservices", "podinfo")
PRIMARY, WORKLOAD = ("deployments", "podinfo"), ("deployments", "podinfo-canary")
PROMOTED = {
    "start": Step(
        1.0,
        *CANARY,
        status(state="running", stage="starting", canaryRevision="r1", canaryUID="podinfo-canary", canaryGeneration=1),
    ),
    "claim": Step(2.0, *CANARY, status(stage="progressing", trafficStartTime=stamp(2.0), lastCheckTime=stamp(2.0))),
    "first": Step(2.1, *ROUTE, shift(25)),
    "judge": Step(6.4, *CANARY, status(**passed(6.4))),
    "second": Step(6.5, *ROUTE, shift(50)),
    "promote": Step(10.9, *CANARY, status(stage="promoting", **passed(10.9))),
    "copy": Step(11.0, *PRIMARY, image("new")),
    "roll": Step(11.1, *PRIMARY, pods(1), ours=False),
    "return": Step(12.0, *ROUTE, shift(0)),
    "drain": Step(12.1, *CANARY, status(stage="draining", drainStartTime=stamp(12.0))),
    "scale": Step(13.2, *WORKLOAD, scale(0)),
    "gone": Step(13.3, *WORKLOAD, pods(0), ours=False),
    "finish": Step(13.4, *CANARY, status(state="finished", stage=None, canaryGeneration=2)),
}


def told(steps: dict[str, Step], *, ends_at: float = 20.0) -> Record:
    """Return the record of steps, in the order of their times."""
    objects = initial()
    changes = [Change(0.0, *key, None, obj) for key, obj in objects.items()]
    for version, step in enumerate(sorted(steps.values(), key=lambda step: step.at), 100):
        key = (step.resource, step.name)
        before = objects.get(key)
        after = copy.deepcopy(before) if before else {}
        if step.edit(after) == "removed":
            after = None
        elif before is not None and after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = after["metadata"].get("generation", 1) + 1
        changes.append(Change(step.at, *key, before, after, ours=step.ours, version=version))
        if after is None:
            del objects[key]
        else:
            objects[key] = after
    return Record(tuple(changes), ((0.0, True),), ends_at)


def at(name: str, when: float) -> dict[str, Step]:
    """Return the promotion with one step at another time."""
    return {**PROMOTED, name: replace(PROMOTED[name], at=when)}


def until(name: str, **more: Step) -> dict[str, Step]:
    """Return the promotion up to a step, and what comes instead of the rest."""
    last = PROMOTED[name].at
    return {**{key: step for key, step in PROMOTED.items() if step.at <= last}, **more}
