"""The gates of a rollout, in one tuple: what must hold before the weight moves, and what goes on while it does not.

Halting means not advancing, never not looking: unless a gate says otherwise, traffic that flows is judged whatever
gate is closed, and a rollback waits for none of them. A new gate is one function and one line of ``GATES``; the table
in ``docs/gates.md`` is made from it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from controller.core.canary import CanarySpec, InvalidSpec
from controller.core.nouns import noun
from controller.core.plan import Plan, Shift
from controller.core.verbs import HOLD
from controller.core.world import WhyUnseen, World, older_rival, rollout_of
from deploy.rollout import rollout_status
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import OwnCheck


class Needs(StrEnum):
    """What opens a gate again, and so how a closed one is reported."""

    REPAIR = "repair"  # somebody has to put something right: said at once and each round, condition Ready is False
    DECISION = "decision"  # somebody holds it on purpose: likewise, but it is a reason of the condition Promoted
    TIME = "time"  # Kubernetes is at work: said once a whole round has passed, no condition


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must hold before the weight moves."""

    reason: str  # of the condition: one CamelCase word
    asks: str  # what must hold, as a sentence for the docs
    closed: Callable[[World], str | None]  # what is in the way, as the end of a sentence; None: open
    needs: Needs
    checks_go_on: bool = True  # whether traffic that flows is judged while it is closed
    side: Literal["", "primary", "canary"] = ""  # whose numbers the sentence speaks of: waits of a side combine


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed gate."""

    gate: Gate
    what: str  # the end of the sentence "Halt … advancement", or of "Waiting for …"


def first_closed(world: World, gates: Iterable[Gate]) -> Closed | None:
    """Return the first closed gate, or None if all are open."""
    return next(all_closed(world, gates), None)


def all_closed(world: World, gates: Iterable[Gate]) -> Iterator[Closed]:
    """Yield every closed gate, in order."""
    for gate in gates:
        what = gate.closed(world)
        if what is not None:
            yield Closed(gate, what)


def invalid_spec(world: World) -> str | None:
    """The object can be understood."""
    spec = world.canary.spec
    return spec.problem if isinstance(spec, InvalidSpec) else None


def kind_not_served(world: World) -> str | None:
    """The API server serves every kind that the object names."""
    return _unseen(world, WhyUnseen.NOT_SERVED)


def kind_forbidden(world: World) -> str | None:
    """The controller may list and watch every kind that the object names."""
    return _unseen(world, WhyUnseen.FORBIDDEN)


def older_canary(world: World) -> str | None:
    """Of two canary objects that share a workload or a route the newer one halts."""
    rival = older_rival(world)
    if rival is None:
        return None
    return f"canary {rival.label} is older and names the same workload or route, delete one of them"


def missing_workload(world: World) -> str | None:
    """Both workloads exist."""
    missing = [(where, role) for found, role, where in _workloads(world) if found is None]
    return ", ".join(f"{where} not found, create it or correct spec.{role}.name" for where, role in missing) or None


def unreadable_workload(world: World) -> str | None:
    """Both workloads can be read."""
    unreadable = [(where, found) for found, _, where in _workloads(world) if isinstance(found, Unreadable)]
    return ", ".join(f"{where} cannot be read: {found.reason}" for where, found in unreadable) or None


def missing_route(world: World) -> str | None:
    """The route object exists."""
    if world.route is not None:
        return None
    return f"{_route(world)} not found, create it or correct {_field_of_route(world)}"


def unusable_route(world: World) -> str | None:
    """The route can carry weights for both hosts."""
    if world.route is None or not world.route.problem:
        return None
    return f"{_route(world)}: {world.route.problem}"


def unusable_service(world: World) -> str | None:
    """Each host is a ClusterIP service with an HTTP port that selects the pods of its side."""
    problems = (
        world.primary_backend.problem or astray(world, "primary"),
        world.canary_backend.problem or astray(world, "canary"),
    )
    return ", ".join(problem for problem in problems if problem) or None


def astray(world: World, side: Literal["primary", "canary"]) -> str | None:
    """Return that the service of a side selects other pods than those of its workload, if so."""
    spec = world.canary.spec
    if isinstance(spec, InvalidSpec):
        return None
    workload, backend, host = (
        (world.primary, world.primary_backend, spec.primary.host)
        if side == "primary"
        else (world.canary_workload, world.canary_backend, spec.canary.host)
    )
    if not isinstance(workload, Workload) or backend.leads_to(workload.pod_labels):
        return None
    selector = ",".join(f"{key}={value}" for key, value in backend.selector or ())
    where = f"{workload.name}.{workload.namespace}"
    return f"service {host} selects {selector or 'nothing'}, which no pod of {noun(spec.target_kind)} {where} has"


def unusable_template(world: World) -> str | None:
    """Every metric template that the object names can be asked."""
    spec = world.canary.spec
    checks = () if isinstance(spec, InvalidSpec) else spec.checks
    problems = dict.fromkeys(check.problem for check in checks if isinstance(check, OwnCheck) and check.problem)
    return ", ".join(problems) or None


def primary_paused(world: World) -> str | None:
    """Nobody has paused the primary."""
    return _paused(world, "primary")


def canary_paused(world: World) -> str | None:
    """Nobody has paused the canary."""
    return _paused(world, "canary")


def primary_at_zero(world: World) -> str | None:
    """The primary has pods to compare with and to fall back on."""
    for found, role, where in _workloads(world):
        if role == "primary" and isinstance(found, Workload) and not found.replicas:
            return f"{where} replicas 0 < 1"
    return None


def primary_converged(world: World) -> str | None:
    """The primary has converged, or it never will and the rollout is the cure."""
    rollout = rollout_of(world)
    if not isinstance(world.primary, Workload) or (rollout is not None and rollout.primary_is_beyond_help):
        return None
    return _not_converged(world, "primary")


def canary_converged(world: World) -> str | None:
    """The canary has converged."""
    return _not_converged(world, "canary")


def held(world: World) -> str | None:
    """Nobody has asked to hold the rollout."""
    reason = world.canary.verbs.hold
    if reason is None:
        return None
    why = "" if _is_a_time(reason) else f" ({reason})"  # a bare time, or nothing, gives no reason
    return f"held by the annotation {HOLD}{why}, remove it to go on"


def traffic_to_nothing(world: World) -> str | None:
    """The route sends no request to a side that cannot answer."""
    spec, route = world.canary.spec, world.route
    if route is None or route.problem or isinstance(spec, InvalidSpec):
        return None
    weights = route.weights
    to_canary = _share(weights.canary if weights else None, sends=route.sends_to_canary)
    to_primary = _share(weights.primary if weights else None, sends=route.sends_to_primary)
    for sends, serves, side in (
        (to_canary, world.canary_serves, spec.canary),
        (to_primary, world.primary_serves, spec.primary),
    ):
        if sends and not serves:
            where = f"{side.name}.{world.canary.namespace}"
            return f"{_route(world)} sends {sends} of its requests to {where}, which has no available pod behind it"
    return None


def ends_traffic_to_nothing(world: World, plan: Plan) -> bool:
    """Whether a plan moves traffic while requests go to a side that cannot answer: that cannot wait."""
    return any(isinstance(action, Shift) for action in plan.actions) and traffic_to_nothing(world) is not None


def primary_not_serving(world: World) -> str | None:
    """The primary has an available pod behind its service, or the canary has none either."""
    if not world.only_the_canary_serves:
        return None
    why = _not_converged(world, "primary")
    return why or world.primary_backend.problem or "the primary has no available pod"


def write_refused(world: World) -> str | None:
    """The API server accepts what the controller writes."""
    return world.memory.refusal.text if world.memory.refusal else None


def _share(percent: int | None, *, sends: bool) -> str:
    """Return how much a side gets, in words; "" for nothing. Weights that are no percents are shares of their sum."""
    if percent is None:
        return "a share" if sends else ""
    return f"{percent}%" if percent else ""


INVALID_SPEC = Gate(
    "InvalidSpec",
    "The Canary object is valid; the API server refuses most objects that are not.",
    invalid_spec,
    Needs.REPAIR,
    checks_go_on=False,  # which checks, nobody knows
)
KINDS = (
    Gate(
        "KindNotServed",
        "The API server serves the kinds of the workloads and of the route.",
        kind_not_served,
        Needs.REPAIR,
        checks_go_on=False,  # what flows where, nobody can see
    ),
    Gate(
        "KindForbidden",
        "The controller may list and watch the kinds of the workloads and of the route.",
        kind_forbidden,
        Needs.REPAIR,
        checks_go_on=False,
    ),
)
OLDER_CANARY = Gate(
    "SharedWithOlderCanary",
    "No older Canary object names one of the same Deployments, or one of the same hosts in the same route.",
    older_canary,
    Needs.REPAIR,
    checks_go_on=False,  # the traffic is the other object's, which judges it
)
PARTS = (
    Gate("WorkloadNotFound", "Both Deployments exist.", missing_workload, Needs.REPAIR),
    Gate("WorkloadUnreadable", "Both Deployments can be read.", unreadable_workload, Needs.REPAIR),
)
ROUTE_NOT_USABLE = Gate(
    "RouteNotUsable",
    "At least one rule of the route (an HTTP route of a VirtualService) has both hosts and nothing else.",
    unusable_route,
    Needs.REPAIR,
)
ROUTE = (
    Gate("RouteNotFound", "The route object exists (VirtualService or HTTPRoute).", missing_route, Needs.REPAIR),
    ROUTE_NOT_USABLE,
)
SERVICES = (
    Gate(
        "ServiceNotUsable",
        "Each host is a ClusterIP service of the namespace with an HTTP port, and selects the pods of its Deployment.",
        unusable_service,
        Needs.REPAIR,
    ),
)
TEMPLATES = (
    Gate(
        "MetricTemplateNotUsable",
        "Each MetricTemplate that the object names exists in its namespace, and its query can be asked.",
        unusable_template,
        Needs.REPAIR,
    ),
)
PRIMARY = (
    Gate("PrimaryPaused", "The primary is not paused.", primary_paused, Needs.DECISION, side="primary"),
    Gate("PrimaryScaledToZero", "The primary is not scaled to 0.", primary_at_zero, Needs.DECISION, side="primary"),
    Gate(
        "PrimaryNotConverged",
        "The primary has converged by the rules of `kubectl rollout status`, and no autoscaler is scaling it.",
        primary_converged,
        Needs.TIME,
        side="primary",
    ),
)
CANARY = (
    Gate("CanaryPaused", "The canary is not paused.", canary_paused, Needs.DECISION, side="canary"),
    Gate(
        "CanaryNotConverged", "The canary has converged by the same rules.", canary_converged, Needs.TIME, side="canary"
    ),
)
HELD = (Gate("Held", "Nobody holds the rollout (`flagger hold`).", held, Needs.DECISION),)

TO_NOTHING = Gate(
    "TrafficToNothing",
    "The route sends no requests to a side without pods or a service (at rest; mid-rollout, traffic is moved).",
    traffic_to_nothing,
    Needs.REPAIR,
)

PRIMARY_NOT_SERVING = Gate(
    "PrimaryNotServing",
    "The primary can take the traffic back at the end of a rollout.",
    primary_not_serving,
    Needs.REPAIR,
    side="primary",
)
WRITE_REFUSED = Gate(
    "WriteRefused",
    "The API server accepts what the controller writes: permissions, policies, webhooks and quotas allow it.",
    write_refused,
    Needs.REPAIR,
)

TO_START: tuple[Gate, ...] = (*KINDS, OLDER_CANARY, *PARTS, *ROUTE, *SERVICES, *TEMPLATES)
"""What must hold before a rollout starts."""

AT_REST: tuple[Gate, ...] = (*TO_START, TO_NOTHING)
"""What the condition Ready speaks of at rest."""

_ALL = {g.reason: g for g in (INVALID_SPEC, *TO_START, TO_NOTHING, PRIMARY_NOT_SERVING, WRITE_REFUSED)}


def is_closed(world: World, reason: str) -> bool:
    """Whether a gate that needs repair is closed; one of a reason that does not exist is open."""
    return reason in _ALL and _ALL[reason].closed(world) is not None


GATES: tuple[Gate, ...] = (INVALID_SPEC, *TO_START, *PRIMARY, *CANARY, *HELD)
"""Every gate, in the order in which they are asked before the weight moves."""


def _unseen(world: World, why: WhyUnseen) -> str | None:
    return ", ".join(unseen.what for unseen in world.unseen if unseen.why is why) or None


def _is_a_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return not text
    return True


def _paused(world: World, side: Literal["primary", "canary"]) -> str | None:
    for found, role, where in _workloads(world):
        if role == side and isinstance(found, Workload) and found.paused:
            return f"{where} is paused, resume it to go on"
    return None


def _not_converged(world: World, side: Literal["primary", "canary"]) -> str | None:
    """Return what a side is waited for, which workload that is, and what it says of the cause, if it says anything."""
    for found, role, where in _workloads(world):
        status = rollout_status(found) if role == side and isinstance(found, Workload) else None
        if status is not None and isinstance(found, Workload):
            said = f": {found.failure}" if found.failure and found.failure not in status else ""
            return f"{status} ({where.removeprefix(f'{side} ')}{said})"
    return None


def _workloads(world: World) -> Iterator[tuple[Workload | Unreadable | None, str, str]]:
    """Yield each side's workload, its role, and how to name it."""
    spec = world.canary.spec
    if isinstance(spec, CanarySpec):
        namespace = world.canary.namespace
        kind = noun(spec.target_kind)
        yield world.primary, "primary", f"primary {kind} {spec.primary.name}.{namespace}"
        yield world.canary_workload, "canary", f"canary {kind} {spec.canary.name}.{namespace}"


def _route(world: World) -> str:
    spec = world.canary.spec
    kind, name = (spec.route_kind, spec.route_name) if isinstance(spec, CanarySpec) else ("route", "")
    return f"{noun(kind)} {name}.{world.canary.namespace}"


def _field_of_route(world: World) -> str:
    spec = world.canary.spec
    istio = isinstance(spec, CanarySpec) and spec.route_kind == "VirtualService"
    return "spec.virtualService.name" if istio else "spec.routeRef.name"
