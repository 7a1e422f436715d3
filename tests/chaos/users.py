"""What people and their tools do in the midst of a rollout: fight over fields, edit, delete and re-create objects."""

import copy
from collections.abc import Callable

from tests.chaos.play import CANARIES, DEPLOYMENTS, NEWER, ROUTES, SERVICES, Blow, Json, Play
from tests.system.harness import objects

OLD = "quay.io/stefanprodan/podinfo:1.2.0"
TIMES = 12
PAUSE = 0.15
A_WHILE = 2.0
LONG = 6.0  # more than an interval, a second and the slack: what is owed by then is owed
PARTS = {
    "canary": (CANARIES, "podinfo"),
    "route": (ROUTES, "podinfo"),
    "primary": (DEPLOYMENTS, "podinfo"),
    "workload": (DEPLOYMENTS, "podinfo-canary"),
    "primary-service": (SERVICES, "podinfo"),
    "canary-service": (SERVICES, "podinfo-canary"),
}
_SERVER_OWNED = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "finalizers")
_SERVER_OWNED_NOTES = ("deployment.kubernetes.io/revision",)


def fight(who: str) -> Blow:
    """Have somebody write again and again what the controller writes, from the first step on."""

    def strike(it: Play) -> None:
        if who == "hpa":
            for obj in objects("workloads/primary-hpa", "workloads/canary-hpa"):
                obj["spec"]["minReplicas"] = 3
                it.on.add(obj)
        with it.controller():
            it.until_stage("progressing")
            for turn in range(TIMES if who in FIGHTS else 0):
                part, edit = FIGHTS[who](turn)
                it.on.change(*PARTS[part], edit)
                it.wait(PAUSE)
            it.until(lambda: False)

    return strike


def shifted(canary: int) -> Callable[[Json], None]:
    def edit(obj: Json) -> None:
        for destination, weight in zip(obj["spec"]["http"][0]["route"], (100 - canary, canary), strict=True):
            destination["weight"] = weight

    return edit


def _image(name: str) -> Callable[[Json], None]:
    def edit(obj: Json) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = name

    return edit


def _replicas(count: int) -> Callable[[Json], None]:
    return lambda obj: obj["spec"].update(replicas=count)


def _abort(obj: Json) -> None:
    revision = (obj.get("status") or {}).get("canaryRevision", "")
    obj["metadata"]["annotations"] = {"flagger.app/abort": revision}


FIGHTS: dict[str, Callable[[int], tuple[str, Callable[[Json], None]]]] = {
    "weights-to-none": lambda _: ("route", shifted(0)),
    "weights-to-all": lambda _: ("route", shifted(100)),
    "pods-to-none": lambda _: ("workload", _replicas(0)),
    "pods-to-more": lambda turn: ("workload", _replicas(1 + turn % 3)),
    "primary-pods": lambda turn: ("primary", _replicas(1 + turn % 3)),
    "template": lambda turn: ("workload", _image(NEWER if turn % 2 else OLD)),
    "primary-template": lambda _: ("primary", _image(OLD)),
    "pause": lambda turn: ("workload", lambda obj: obj["spec"].update(paused=not turn % 2)),
}
HANDS: dict[str, Callable[[Play], object]] = {
    "abort": lambda it: it.on.change(*PARTS["canary"], _abort),
    "put-back": lambda it: it.on.change(*PARTS["workload"], _image(OLD)),
    "delete": lambda it: it.on.delete(*PARTS["workload"]),
}
"""How somebody ends a rollout by hand."""

WHO = ("hpa", *FIGHTS)
ACTIONS = ("edit", "recreate", "miss", "remove")


def touch(action: str, part: str, stage: str) -> Blow:
    """Edit an object that belongs to the rollout, re-create it, miss it for a while, or remove it, at a stage."""

    def strike(it: Play) -> None:
        with it.controller():
            it.until_stage(stage)
            _touch(it, action, *PARTS[part])
            it.wait(LONG if action == "remove" else A_WHILE)
            it.gone = action == "remove"
            it.until(lambda: False)

    return strike


def _touch(it: Play, action: str, resource: tuple[str, str], name: str) -> None:
    found = it.on.get(resource, name)
    if found is None:
        return
    if action == "edit":
        it.on.change(resource, name, lambda obj: obj["metadata"].update(labels={"touched": "true"}))
        return
    it.on.delete(resource, name)
    it.until(lambda: it.on.get(resource, name) is None)
    if action == "miss":
        it.wait(1.0)
    if action != "remove":
        it.on.add(_made_again(found))


def _made_again(obj: Json) -> Json:
    again = copy.deepcopy(obj)
    again.pop("status", None)
    meta = again["metadata"]
    for field in _SERVER_OWNED:
        meta.pop(field, None)
    for note in _SERVER_OWNED_NOTES:
        (meta.get("annotations") or {}).pop(note, None)
    return again
