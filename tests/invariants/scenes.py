"""The namespace between two changes, as one canary object sees it: plain facts, read from the objects anew.

Nothing here comes from the controller's own code: a witness that shares the mistakes of the accused is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from tests.invariants.record import Change, Json, Objects, Record

TOTAL = 100
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
ENDED = ("finished", "failed")


def seconds(duration: str) -> float:
    """Return the length of a duration of one unit, such as ``2s`` or ``500ms``."""
    unit = next(unit for unit in UNITS if duration.endswith(unit) and duration.removesuffix(unit).isdecimal())
    return float(duration.removesuffix(unit)) * UNITS[unit]


@dataclass(frozen=True, eq=False)  # a scene equals itself only: comparing objects would take long
class Scene:
    """What stood in the API server from one change until the next."""

    name: str  # of the canary object
    objects: Objects
    change: Change | None  # that began it
    at: float
    until: float

    @cached_property
    def canary(self) -> Json | None:
        return self.objects.get(("canaries", self.name))

    @cached_property
    def spec(self) -> Json:
        return (self.canary or {}).get("spec") or {}

    @cached_property
    def analysis(self) -> Json:
        return self.spec.get("canaryAnalysis") or {}

    @cached_property
    def status(self) -> Json:
        return (self.canary or {}).get("status") or {}

    @property
    def running(self) -> bool:
        return self.status.get("state") == "running"

    @property
    def ended(self) -> bool:
        return self.status.get("state") in ENDED

    @property
    def leaving(self) -> bool:
        """Whether the canary object is gone or about to go."""
        return self.canary is None or "deletionTimestamp" in self.canary["metadata"]

    def condition(self, kind: str) -> Json:
        return next((c for c in self.status.get("conditions") or () if c["type"] == kind), {})

    @property
    def names_somebody(self) -> bool:
        """Whether a condition says that somebody must act."""
        return self.condition("Ready").get("status") == "False" or self.condition("Promoted").get("reason") in {
            "Held",
            "PrimaryPaused",
            "PrimaryScaledToZero",
            "CanaryPaused",
        }

    @property
    def invalid(self) -> bool:
        """Whether the object was refused as a whole: nothing is done with it."""
        reason = self.condition("Ready").get("reason")
        return self.condition("Ready").get("status") == "False" and reason in {"InvalidSpec", "SharedWithOlderCanary"}

    @cached_property
    def primary(self) -> Json | None:
        return self.objects.get(("deployments", self._side("primary", "name")))

    @cached_property
    def workload(self) -> Json | None:
        return self.objects.get(("deployments", self._side("canary", "name")))

    @cached_property
    def route(self) -> Json | None:
        """The route of any kind, in the form of a VirtualService (``record.as_virtual_service``)."""
        ref = self.spec.get("routeRef") or self.spec.get("virtualService") or {}
        return self.objects.get(("virtualservices", ref.get("name", "")))

    def host(self, side: str) -> str:
        """Return the service of a side."""
        return self._side(side, "host").partition(".")[0]

    def pairs(self) -> Sequence[tuple[int, int]]:
        """Return the weights of primary and canary of every HTTP route that holds both and nothing else."""
        found = []
        for http in ((self.route or {}).get("spec") or {}).get("http") or ():
            weights = weights_of(http)
            if set(weights) == {self.host("primary"), self.host("canary")}:
                found.append((weights[self.host("primary")], weights[self.host("canary")]))
        return found

    @property
    def canary_weight(self) -> int:
        return max((canary for _, canary in self.pairs()), default=0)

    def weight(self, side: str) -> int:
        return max((pair[side == "canary"] for pair in self.pairs()), default=0)

    def serves(self, side: str) -> bool:
        """Whether a request to a side finds a pod."""
        workload = self.primary if side == "primary" else self.workload
        service = self.objects.get(("services", self.host(side)))
        if workload is None or service is None or not (workload.get("status") or {}).get("availableReplicas"):
            return False
        selector = (service.get("spec") or {}).get("selector") or {}
        labels = (workload["spec"]["template"].get("metadata") or {}).get("labels") or {}
        return bool(selector) and selector.items() <= labels.items()

    @property
    def converging(self) -> bool:
        """Whether pods are on their way, on either side."""
        return any(not _converged(workload) for workload in (self.primary, self.workload) if workload)

    def interval(self, default: float) -> float:
        own = self.analysis.get("interval")
        return seconds(own) if own else default

    @property
    def window(self) -> float:
        """The longest window of a check."""
        windows = [metric.get("interval", "1m") for metric in self.analysis.get("metrics") or ()]
        return max(map(seconds, windows), default=0.0)

    @property
    def drain(self) -> float:
        return float(self.analysis.get("drainSeconds", 30))

    def time(self, field: str) -> float | None:
        """Return a time of the status."""
        text = self.status.get(field)
        return datetime.fromisoformat(text).timestamp() if text else None

    def _side(self, side: str, key: str) -> str:
        return str((self.spec.get(side) or {}).get(key, ""))


def scenes(record: Record, name: str) -> Sequence[Scene]:
    """Return the scenes of one canary object."""
    found, objects = [], {}
    for index, change in enumerate(record.changes):
        if change.after is None:
            objects = {key: obj for key, obj in objects.items() if key != (change.resource, change.name)}
        else:
            objects = {**objects, (change.resource, change.name): change.after}
        later = record.changes[index + 1].at if index + 1 < len(record.changes) else record.ends_at
        found.append(Scene(name, objects, change, change.at, max(change.at, later)))
    return found


def able_spans(record: Record, scene: Scene) -> Iterator[tuple[float, float]]:
    """Yield the parts of a scene in which a controller ran unhindered."""
    marks = [*record.able, (float("inf"), False)]
    for (begin, able), (end, _) in pairwise(marks):
        if able and begin < scene.until and end > scene.at:
            yield max(begin, scene.at), min(end, scene.until)


def weights_of(http: Json) -> dict[str, int]:
    """Return the weights of one HTTP route by service."""
    destinations = http.get("route") or ()
    alone = TOTAL if len(destinations) == 1 else 0
    return {_service(d): int(d.get("weight") or alone) for d in destinations}


def pod_spec(workload: Json | None) -> Any:  # JSON
    """Return what a promotion carries over and nothing rewrites: the pod spec without rules about one's own pods."""
    spec = ((workload or {}).get("spec") or {}).get("template", {}).get("spec") or {}
    return {key: value for key, value in spec.items() if key not in {"affinity", "topologySpreadConstraints"}}


def _service(destination: Json) -> str:
    return str((destination.get("destination") or {}).get("host", "")).partition(".")[0]


def _converged(workload: Json) -> bool:
    wanted, status = workload["spec"].get("replicas", 1), workload.get("status") or {}
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return seen and counts == {wanted}
