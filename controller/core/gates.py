"""The gates of a rollout, in one tuple: what must hold before the weight moves, and what goes on while it does not.

A halted rollout does not advance, but its checks go on: unless a gate says otherwise, traffic that flows is judged
whatever gate is closed, and a rollback waits for none of them. A new gate is a function in ``obstacles.py`` and a value
in one of the tuples; the table in ``docs/gates.md`` is made from them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from controller.core import obstacles
from controller.core.canary import Stage
from controller.core.plan import Plan, Shift
from controller.core.world import World


class Needs(StrEnum):
    """What opens a gate again, and so how a closed one is reported."""

    REPAIR = "repair"  # somebody has to put something right: reported at once and each round, condition Ready is False
    DECISION = "decision"  # somebody holds it on purpose: likewise, but it is a reason of the condition Promoted
    TIME = "time"  # Kubernetes is at work: reported once a whole round has passed, no condition


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


def ends_traffic_to_nothing(world: World, plan: Plan) -> bool:
    """Whether a plan moves traffic while requests go to a side that cannot answer: that cannot wait."""
    return any(isinstance(action, Shift) for action in plan.actions) and obstacles.traffic_to_nothing(world) is not None


INVALID_SPEC = Gate(
    "InvalidSpec",
    "The Canary object is valid; the API server refuses most objects that are not.",
    obstacles.invalid_spec,
    Needs.REPAIR,
    checks_go_on=False,  # which checks, nobody knows
)
KINDS = (
    Gate(
        "KindNotServed",
        "The API server serves the kinds of the workloads and of the route.",
        obstacles.kind_not_served,
        Needs.REPAIR,
        checks_go_on=False,  # what flows where, nobody can see
    ),
    Gate(
        "KindForbidden",
        "The controller may list and watch the kinds of the workloads and of the route.",
        obstacles.kind_forbidden,
        Needs.REPAIR,
        checks_go_on=False,
    ),
)
OLDER_CANARY = Gate(
    "SharedWithOlderCanary",
    "No older Canary object names one of the same Deployments, or one of the same hosts in the same route.",
    obstacles.older_canary,
    Needs.REPAIR,
    checks_go_on=False,  # the traffic is the other object's, which judges it
)
PARTS = (
    Gate("WorkloadNotFound", "Both Deployments exist.", obstacles.missing_workload, Needs.REPAIR),
    Gate("WorkloadUnreadable", "Both Deployments can be read.", obstacles.unreadable_workload, Needs.REPAIR),
)
ROUTE_NOT_USABLE = Gate(
    "RouteNotUsable",
    "At least one rule of the route (an HTTP route of a VirtualService) has both hosts and nothing else.",
    obstacles.unusable_route,
    Needs.REPAIR,
)
ROUTE = (
    Gate(
        "RouteNotFound", "The route object exists (VirtualService or HTTPRoute).", obstacles.missing_route, Needs.REPAIR
    ),
    ROUTE_NOT_USABLE,
)
SERVICES = (
    Gate(
        "ServiceNotUsable",
        "Each host is a ClusterIP service of the namespace with an HTTP port, and selects the pods of its Deployment.",
        obstacles.unusable_service,
        Needs.REPAIR,
    ),
)
TEMPLATES = (
    Gate(
        "MetricTemplateNotUsable",
        "Each MetricTemplate that the object names exists in its namespace, and its query can be asked.",
        obstacles.unusable_template,
        Needs.REPAIR,
    ),
)
PRIMARY = (
    Gate("PrimaryPaused", "The primary is not paused.", obstacles.primary_paused, Needs.DECISION, side="primary"),
    Gate(
        "PrimaryScaledToZero",
        "The primary is not scaled to 0.",
        obstacles.primary_at_zero,
        Needs.DECISION,
        side="primary",
    ),
    Gate(
        "PrimaryNotConverged",
        "The primary has converged by the rules of `kubectl rollout status`, and no autoscaler is scaling it.",
        obstacles.primary_converged,
        Needs.TIME,
        side="primary",
    ),
)
CANARY = (
    Gate("CanaryPaused", "The canary is not paused.", obstacles.canary_paused, Needs.DECISION, side="canary"),
    Gate(
        "CanaryNotConverged",
        "The canary has converged by the same rules.",
        obstacles.canary_converged,
        Needs.TIME,
        side="canary",
    ),
)
HELD = (Gate("Held", "Nobody holds the rollout (`flagger hold`).", obstacles.held, Needs.DECISION),)

TO_NOTHING = Gate(
    "TrafficToNothing",
    "The route sends no requests to a side without pods or a service (at rest; mid-rollout, traffic is moved).",
    obstacles.traffic_to_nothing,
    Needs.REPAIR,
)

PRIMARY_NOT_SERVING = Gate(
    "PrimaryNotServing",
    "The primary can take the traffic back at the end of a rollout.",
    obstacles.primary_not_serving,
    Needs.REPAIR,
    side="primary",
)
WRITE_REFUSED = Gate(
    "WriteRefused",
    "The API server accepts what the controller writes: permissions, policies, webhooks and quotas allow it.",
    obstacles.write_refused,
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


def before_the_next_move(stage: Stage | None) -> tuple[Gate, ...]:
    """Return the gates that a rollout waits for: to be copied to the primary, or for the weight to move."""
    return (INVALID_SPEC, *TO_START, *PRIMARY) if stage is Stage.PROMOTING else GATES
