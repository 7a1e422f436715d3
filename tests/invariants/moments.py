"""Invariants of single writes: each is judged by the scene before it and the one after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.invariants.record import WORKLOADS, Change, Json
from tests.invariants.scenes import ENDED, TOTAL, Scene, is_parked, pod_spec, pods_wanted, weights_of, without_parking

Breach = tuple[Change | None, str]
"""The write that broke an invariant (None: the lack of one did), and what is wrong."""

_SERVER_OWNED = {"resourceVersion", "generation", "managedFields"}
_NOTED_AT_REST = {"conditions", "observedGeneration", "version", "reason", "message"}  # the condition, for people


@dataclass(frozen=True, slots=True)
class Paces:
    """How long things may take."""

    interval: float  # where the object names none
    slack: float  # for a loaded machine, and for a witness that hears of things later


def ours(scenes: Sequence[Scene], *resources: str) -> Iterator[tuple[Scene, Scene, Change]]:
    """Yield what the controller wrote, with the scenes around it."""
    for before, after in pairwise(scenes):
        change = after.change
        if change and change.ours and change.resource in resources and not _concerns_another(before, change):
            yield before, after, change


def weights_add_up(scenes: Sequence[Scene], _: Paces) -> Iterator[Breach]:
    """The weights of several destinations add up to 100, whoever wrote them."""
    for scene in scenes:
        change = scene.change
        if change is None or change.resource != "virtualservices" or change.after is None:
            continue
        for http in change.after["spec"].get("http") or ():
            weights = weights_of(http)
            if len(weights) > 1 and sum(weights.values()) != TOTAL:
                yield change, f"weights {weights} do not add up to {TOTAL}"


def rest_is_rest(scenes: Sequence[Scene], _: Paces) -> Iterator[Breach]:
    """At rest the controller writes nothing but the condition, and its finalizer away."""
    for before, after, change in ours(scenes, "canaries", *WORKLOADS.values(), "virtualservices"):
        if not before.ended or before.leaving or (change.resource == "canaries" and change.name != before.name):
            continue
        if change.resource != "canaries":
            yield change, f"written in state {before.status['state']}"
        elif not after.running:
            keys = {key for key in {**before.status, **after.status} if before.status.get(key) != after.status.get(key)}
            if keys - _NOTED_AT_REST:
                yield change, f"status {', '.join(sorted(keys))} written in state {before.status['state']}"


def _concerns_another(scene: Scene, change: Change) -> bool:
    """Whether a write is another rollout's: of a canary object that shares our parts."""
    if change.resource == "canaries" or scene.running:
        return False
    others = [obj for (plural, name), obj in scene.objects.items() if plural == "canaries" and name != scene.name]
    return any((obj.get("status") or {}).get("state") == "running" for obj in others)


def foreign_fields_stay(scenes: Sequence[Scene], _: Paces) -> Iterator[Breach]:
    """The controller changes weights, replicas, the primary's template, its own annotations, and its own status."""
    for before, _after, change in ours(scenes, "canaries", *WORKLOADS.values(), "virtualservices"):
        if change.before is None or change.after is None:
            if change.resource != "canaries":  # a canary object goes with its finalizer
                yield change, "an object that is not the controller's"
            continue
        own = _without_ours(change.before, change, before), _without_ours(change.after, change, before)
        if own[0] != own[1]:
            yield change, f"fields that are not the controller's have changed: {_differing(*own)}"


def _differing(before: Any, after: Any, path: str = "") -> str:
    """Return the paths at which two values differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return path
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(_differing(before.get(key), after.get(key), f"{path}.{key}".lstrip(".")) for key in keys)


def _without_ours(obj: Json, change: Change, scene: Scene) -> Json:
    """Return an object without what the controller, or the API server, may change in it."""
    kept = {key: value for key, value in obj.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_OWNED}
    if change.resource != "canaries":
        notes = obj["metadata"].get("annotations") or {}  # the stamp of a promotion, the fence at an end
        kept["metadata"]["annotations"] = {k: v for k, v in notes.items() if not k.startswith("flagger.app/")}
    match change.resource:
        case "virtualservices":
            kept["spec"] = _without_weights(obj["spec"], scene)
        case plural if plural in WORKLOADS.values():
            kept["spec"] = {key: value for key, value in without_parking(obj["spec"]).items() if key != "replicas"}
            kept["metadata"]["annotations"].pop(
                "deprecated.daemonset.template.generation", None
            )  # API servers count it
            if scene.primary and change.name == scene.primary["metadata"]["name"]:
                kept["spec"].pop("template")
        case _:
            finalizers = obj["metadata"].get("finalizers") or ()
            kept["metadata"]["finalizers"] = [f for f in finalizers if not f.startswith("flagger.app/")]
    return kept


def _without_weights(spec: Json, scene: Scene) -> Json:
    both = {scene.host("primary"), scene.host("canary")}
    routes = []
    for http in spec.get("http") or ():
        if set(weights_of(http)) == both:
            http = {**http, "route": [{k: v for k, v in d.items() if k != "weight"} for d in http["route"]]}  # noqa: PLW2901
        routes.append(http)
    return {**spec, "http": routes}


def only_what_passed_is_promoted(scenes: Sequence[Scene], _: Paces) -> Iterator[Breach]:
    """The primary's template only ever becomes the analysed one, after a passing round at the maximum weight."""
    for before, after, change in ours(scenes, *WORKLOADS.values()):
        if before.primary is None or after.primary is None:
            continue
        if before.primary["spec"]["template"] == after.primary["spec"]["template"]:
            continue
        revision, until_then = before.status.get("canaryRevision", ""), scenes[: scenes.index(after)]
        if is_parked(after.primary["spec"]):
            yield change, "the primary's pods were put away"
        if pod_spec(after.primary) not in analysed(until_then, revision):
            yield change, f"the primary got a template that never was revision {revision}"
        elif not (_asked_for(before, revision) or _passed(until_then)):
            yield change, f"revision {revision} was promoted without a passing round at the maximum weight"


def analysed(scenes: Sequence[Scene], revision: str) -> list[Json]:
    """Return the pod specs of a revision: what the canary had at the generation at which it was noted."""
    noted = []
    for before, after in pairwise(scenes):
        if after.status.get("canaryRevision") == revision != before.status.get("canaryRevision"):
            noted.append((after.status.get("canaryUID"), after.status.get("canaryGeneration")))
    return [pod_spec(scene.workload) for scene in scenes if _version(scene) in noted]


def _version(scene: Scene) -> tuple[str, int]:
    meta = (scene.workload or {}).get("metadata") or {}
    return meta.get("uid", ""), meta.get("generation", 0)


def _asked_for(scene: Scene, revision: str) -> bool:
    asked = ((scene.canary or {}).get("metadata") or {}).get("annotations", {}).get("flagger.app/promote", "")
    return bool(revision) and asked.partition("@")[0] == revision


def _passed(scenes: Sequence[Scene]) -> bool:
    """Whether the last round at the maximum weight passed, on requests of this revision only."""
    now = scenes[-1]
    began = now.time("trafficStartTime")
    if began is None:
        return False
    wanted = {metric["name"] for metric in now.analysis.get("metrics") or ()}
    checks = {c["name"]: c for c in now.status.get("checks") or ()}
    if any(checks.get(name, {}).get("verdict") != "pass" for name in wanted):
        return False
    checked = now.time("lastCheckTime") or 0.0
    at_most = any(s.canary_weight >= min(s.analysis.get("maxWeight", TOTAL), TOTAL) for s in scenes if s.until >= began)
    return at_most and checked >= began + now.window  # both by the controller's clock


def finished_is_promoted(scenes: Sequence[Scene], _: Paces) -> Iterator[Breach]:
    """Finished means that the primary runs it."""
    for index, (before, after) in enumerate(pairwise(scenes), 1):
        if before.running and after.status.get("state") == "finished" and not _somebody_elses_template(scenes[:index]):
            revision = after.status.get("canaryRevision", "")
            if pod_spec(after.primary) not in [*analysed(scenes[: index + 1], revision), pod_spec(after.workload)]:
                yield after.change, f"finished, and the primary does not run revision {revision}"


def _somebody_elses_template(scenes: Sequence[Scene]) -> bool:
    """Whether the primary's template was written by somebody else last, in this rollout."""
    for before, after in reversed(list(pairwise(scenes))):
        if pod_spec(before.primary) != pod_spec(after.primary):
            return after.change is not None and not after.change.ours
        if not before.running:
            return False
    return False


def ended_is_drained(scenes: Sequence[Scene], paces: Paces) -> Iterator[Breach]:
    """Ended means that the canary has no traffic, no pods, and had no traffic for the drain before they went."""
    for index, (before, after) in enumerate(pairwise(scenes), 1):
        if before.running and after.status.get("state") in ENDED and not after.leaving:
            if after.canary_weight and not _just_now(scenes[: index + 1], "virtualservices", paces):
                yield after.change, f"{after.status['state']}, and the canary has {after.canary_weight}% of the traffic"
            if _left_running(scenes[: index + 1]) and not _just_now(scenes[: index + 1], after.workloads, paces):
                yield after.change, f"{after.status['state']}, and the canary has pods"
    for before, after, change in ours(scenes, *WORKLOADS.values()):
        if _replicas(before) and not _replicas(after) and before.serves("canary"):
            left = after.at - _last_traffic(scenes, change)
            if left < before.drain - 0.05:  # two clocks of one machine
                yield change, f"the canary's pods went {left:.3f}s after its traffic, not {before.drain:g}s"


def _left_running(scenes: Sequence[Scene]) -> bool:
    """Whether a canary has pods at the end, though no newer template needs them."""
    now = scenes[-1]
    return bool(_replicas(now)) and pod_spec(now.workload) in analysed(scenes, now.status.get("canaryRevision", ""))


def _just_now(scenes: Sequence[Scene], resource: str, paces: Paces) -> bool:
    """Whether somebody else changed such an object last, and so late that the controller did not know."""
    last = next(
        (s for s in reversed(scenes) if s.change and s.change.resource == resource and _of_spec(s.change)), None
    )
    return last is not None and not last.change.ours and scenes[-1].at - last.at < paces.slack  # type: ignore[union-attr]


def _of_spec(change: Change) -> bool:
    return (change.before or {}).get("spec") != (change.after or {}).get("spec")


def _replicas(scene: Scene) -> int:
    return pods_wanted(scene.workload) if scene.workload else 0


def _last_traffic(scenes: Sequence[Scene], until: Change) -> float:
    """Return when the canary last had traffic in this rollout.

    Minus infinity if it never had, or if it was seen without pods or service since: then there is nothing to wait for.
    Likewise if the canary object was missing since (then no side serves, as nothing says which they are): one that is
    re-created knows nothing of traffic that it did not see.
    """
    ended = float("-inf")
    for scene in scenes:
        if scene.change is until:
            return ended
        if scene.ended:
            ended = float("-inf")
        elif scene.canary_weight:
            ended = scene.until
        elif not scene.serves("canary"):
            ended = float("-inf")
    return ended
