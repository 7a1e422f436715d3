"""Many canaries at rest with everything that they name, as the bytes of lists and watch events. Pure.

Objects are as large as in a cluster that is used: with what the API server fills in, managed fields and the annotation
of ``kubectl apply``. One canary's objects are made as JSON; the others are the same text with other names.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from controller.core.canary import (
    PROMOTED,
    READY,
    Canary,
    CanarySpec,
    CanaryStatus,
    CheckStatus,
    Condition,
    PastRollout,
    State,
)
from controller.core.decide import decide
from controller.core.plan import WriteStatus
from controller.core.status_json import to_json
from controller.core.summary import with_summary
from controller.core.world import NOTHING_REMEMBERED
from controller.gather import Gatherer, make_adapters
from controller.kinds import BUILT_IN
from hack.bench import fleet, objects
from informers.types import Writer
from metrics.types import Verdict
from router.services import backend

Json = dict[str, Any]

WHERE = "rest-#####"
"""Namespace in the text of an object: the digits are those of its number."""

APP = "app-#####"
"""What everything of a canary is called after: few objects of a cluster share names with those of others."""

_UID = "#####000-0000-4000-8000-00000000000"
_ENDED = datetime(2018, 10, 10, 12, tzinfo=UTC)
_FIRST_VERSION = 1_000_000
_TIME = "2018-10-10T10:10:10Z"

PLURALS = MappingProxyType(
    {"Canary": "canaries", "Deployment": "deployments", "Service": "services", "VirtualService": "virtualservices"}
)
_CONDITIONS = (
    {"type": "Available", "reason": "MinimumReplicasAvailable", "message": "Deployment has minimum availability."},
    {"type": "Progressing", "reason": "NewReplicaSetAvailable", "message": "ReplicaSet has successfully progressed."},
)
_DEFAULTS_OF_A_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONDITIONS_AT_REST = (
    Condition(PROMOTED, "True", "Finished", "podinfo-canary.test was promoted", _ENDED),
    Condition(READY, "True", "Ready", "route, services and Deployments are in order", _ENDED),
)
_CHECKS = (
    CheckStatus("istio_requests_total", Verdict.PASS, 99.0, 100.0, "success rate 100.00% >= 99%", _ENDED),
    CheckStatus("istio_request_duration_seconds_bucket", Verdict.PASS, 500.0, 97.5, "duration 0.098s <= 500ms", _ENDED),
)


@dataclass(frozen=True, slots=True)
class Form:
    """One object of a canary as text, in which the number of the canary is to be filled in."""

    kind: str
    name: str
    text: str

    def object(self, number: int, version: int) -> bytes:
        """Return the object of the n-th canary at a version."""
        return self.text.replace("#####", f"{number:05}").replace("@@@", str(version)).encode()

    def key(self, number: int) -> tuple[str, str]:
        """Return namespace and name of the object of the n-th canary."""
        return WHERE.replace("#####", f"{number:05}"), self.name.replace("#####", f"{number:05}")


def forms(*, running: bool = False) -> list[Form]:
    """Return the objects of a canary: at rest, or in the middle of its rollout."""
    parts = [_as_served(number, obj) for number, obj in enumerate(_members(running=running))]
    if not running:
        (canary,) = (obj for obj in parts if obj["kind"] == "Canary")
        canary["status"] = _status_at_rest(parts)
    return [Form(obj["kind"], obj["metadata"]["name"].replace(objects.NAME, APP), _text(obj)) for obj in parts]


def version_of(number: int) -> int:
    """Return the version of the n-th canary's objects in the first list."""
    return _FIRST_VERSION + number


def _members(*, running: bool) -> Iterator[Json]:
    for obj in fleet.members(1, 2, _ENDED):  # the first has no checks
        if obj["kind"] == "Namespace":
            continue
        obj["metadata"]["namespace"] = WHERE
        if not running:
            obj["metadata"].pop("finalizers", None)
        is_canary_side = obj["metadata"]["name"] == f"{objects.NAME}-canary"
        if not running and obj["kind"] == "Deployment" and is_canary_side:
            obj["spec"]["replicas"] = 0
            obj["status"] = {"observedGeneration": 1}
        if not running and obj["kind"] == "VirtualService":
            for side, weight in zip(obj["spec"]["http"][0]["route"], (100, 0), strict=True):
                side["weight"] = weight
        yield obj


def _as_served(number: int, obj: Json) -> Json:
    """Return an object with what an API server, kubectl and the controllers of Kubernetes add."""
    obj = copy.deepcopy(obj)
    applied = json.dumps({"kind": obj["kind"], "spec": obj["spec"]}, separators=(",", ":"))
    if obj["kind"] == "Deployment":
        obj["spec"].setdefault("revisionHistoryLimit", 10)
        pod = obj["spec"]["template"]["spec"]
        pod.update(_DEFAULTS_OF_A_POD)
        for container in pod["containers"]:
            container.update(terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
        stamps = {"status": "True", "lastUpdateTime": _TIME, "lastTransitionTime": _TIME}
        obj["status"]["conditions"] = [{**condition, **stamps} for condition in _CONDITIONS]
    meta = obj["metadata"]
    fields = _managed({key: value for key, value in obj.items() if key in ("metadata", "spec")})
    statuses = _managed({key: value for key, value in obj.items() if key == "status"})
    managed = {"apiVersion": obj["apiVersion"], "time": _TIME, "fieldsType": "FieldsV1", "operation": "Update"}
    obj["metadata"] = {
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": f"{_UID}{number}",
        "resourceVersion": "@@@",
        "generation": 1,
        "creationTimestamp": _TIME,
        "labels": {"app": meta["name"], "app.kubernetes.io/managed-by": "Helm", "team": "checkout"},
        "annotations": {
            **(meta.get("annotations") or {}),
            "kubectl.kubernetes.io/last-applied-configuration": applied,
            "deployment.kubernetes.io/revision": "1",
        },
        **({"finalizers": meta["finalizers"]} if "finalizers" in meta else {}),
        "managedFields": [
            {**managed, "manager": "kubectl-client-side-apply", "fieldsV1": fields},
            {**managed, "manager": "controller", "subresource": "status", "fieldsV1": statuses},
        ],
    }
    return obj


def _managed(value: object) -> Json:
    """Return what names the fields of a value, as the API server does."""
    if isinstance(value, list):
        return {f"k:{json.dumps({'name': str(index)})}": _managed(inner) for index, inner in enumerate(value)}
    return {f"f:{key}": _managed(inner) for key, inner in value.items()} if isinstance(value, dict) else {}


def _text(obj: Json) -> str:
    """Return an object in the order of an API server: metadata before the rest."""
    first = {key: obj[key] for key in ("apiVersion", "kind", "metadata")}
    return json.dumps({**first, **obj}, separators=(",", ":")).replace(objects.NAME, APP)


def _status_at_rest(parts: list[Json]) -> Json:
    """Return what the controller itself leaves as the status after a promotion: it has nothing to write then."""
    views = {kind: _Views() for kind in (*BUILT_IN.parts, "Canary")}
    for obj in parts:
        watched = BUILT_IN.canary if obj["kind"] == "Canary" else BUILT_IN.parts[obj["kind"]]
        seen = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
        seen = {**seen, "status": {}} if obj["kind"] == "Canary" else seen
        views[obj["kind"]][WHERE, obj["metadata"]["name"]] = watched.view(seen, None)
    canary: Canary = views["Canary"].get(WHERE, objects.NAME)
    workload = views["Deployment"].get(WHERE, f"{objects.NAME}-canary")
    status = CanaryStatus(
        state=State.FINISHED,
        canary_revision=workload.template.revision,
        canary_generation=1,
        canary_uid=workload.uid,
        canary_replicas=1,
        start_time=_ENDED - timedelta(hours=1),
        last_check_time=_ENDED,
        last_transition_time=_ENDED,
        conditions=_CONDITIONS_AT_REST,
        checks=_CHECKS,
        version="1.2.1",
        reason="Finished",
        message="the canary was promoted: all traffic goes to the primary",
        history=(PastRollout("1.2.1", "578881571358784", _ENDED - timedelta(hours=1), _ENDED, "finished", "Finished"),),
    )
    return to_json(_settled(_gatherer(views), replace(canary, status=status)).status)


def _settled(gatherer: Gatherer, canary: Canary) -> Canary:
    """Return a canary once nothing of its status is to be written any more."""
    assert isinstance(canary.spec, CanarySpec)
    for _ in range(10):
        world = gatherer.gather(canary, NOTHING_REMEMBERED)
        plan = with_summary(world, decide(world))
        if not plan.actions:
            return canary
        canary = replace(canary, status=next(a.status for a in plan.actions if isinstance(a, WriteStatus)))
    raise AssertionError("the status of a canary at rest never settles")


class _Views(dict[tuple[str, str], Any]):
    """Fulfils what the gatherer needs of ``informers.types.Cache``: views by namespace and name."""

    def __missing__(self, _key: tuple[str, str]) -> None:
        """Stand for what is not there."""

    def get(self, namespace: str, name: str) -> Any:  # type: ignore[override]  # noqa: ANN401  # a view
        """Return a view."""
        return self[namespace, name]

    def first(self, _index: str, _value: str) -> None:
        """Return no rival."""


def _gatherer(views: Mapping[str, Any]) -> Gatherer:
    nothing_is_written = cast("Writer", None)
    versions = {kind: partial(watched.api.at, watched.api.versions[0]) for kind, watched in BUILT_IN.parts.items()}
    return Gatherer(
        canaries=views["Canary"],
        backend=partial(backend, views["Service"]),
        adapters=make_adapters(BUILT_IN, views, nothing_is_written, versions.__getitem__),
        now=lambda: _ENDED + timedelta(days=1),
        default_interval=fleet.INTERVAL,
        templates=views["MetricTemplate"],
        servers=(),
    )
