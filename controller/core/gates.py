"""The gates of a rollout: each returns why the weight must stay, or None.

They are asked in the seed's order: the route, the services behind its hosts, then both workloads.
"""

from dataclasses import dataclass
from typing import Literal

from controller.core import events
from controller.core.events import Event
from controller.core.world import Ready, World, older_rival
from deploy.rollout import rollout_status
from deploy.types import Workload
from informers.types import Unreadable


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that a person has to put right before the rollout can go on."""

    reason: str  # of the condition Ready: one CamelCase word
    what: str  # the end of the sentence "Halt … advancement"


def rival_gate(world: World) -> Obstacle | None:
    """Of two canary objects that share a workload or a route the younger one halts."""
    rival = older_rival(world)
    if rival is None:
        return None
    what = f"canary {rival.label} is older and names the same workload or route, one of the two must go"
    return Obstacle("SharedWithOlderCanary", what)


def parts_gate(world: World) -> Obstacle | None:
    """Both workloads must exist and be readable."""
    spec = world.canary.spec
    for found, role in ((world.primary, "primary"), (world.workload, "canary")):
        side = getattr(spec, role)
        where = f"{role} deployment {side.name}.{world.canary.namespace}"
        if found is None:
            return Obstacle("WorkloadNotFound", f"{where} not found, create it or correct spec.{role}.name")
        if isinstance(found, Unreadable):
            return Obstacle("WorkloadUnreadable", f"{where} cannot be read: {found.reason}")
    return None


def route_gate(r: Ready) -> Obstacle | None:
    """The route exists and can carry weights for both hosts."""
    where = f"virtual service {r.spec.route_name}.{r.world.canary.namespace}"
    if r.world.route is None:
        return Obstacle("RouteNotFound", f"{where} not found, create it or correct spec.virtualService.name")
    if r.world.route.problem:
        return Obstacle("RouteNotUsable", f"{where}: {r.world.route.problem}")
    return None


def service_gate(r: Ready) -> Obstacle | None:
    """Each host resolves to a ClusterIP service with an HTTP port."""
    if not r.world.service_problems:
        return None
    return Obstacle("ServiceNotUsable", ", ".join(r.world.service_problems))


def workload_gate(r: Ready) -> Event | None:
    """Both workloads have converged, and nobody is holding them."""
    return side_gate(r, "primary") or side_gate(r, "canary")


def side_gate(r: Ready, side: Literal["primary", "canary"]) -> Event | None:
    """Return what one workload is waited for, or why it halts the rollout."""
    workload = r.primary if side == "primary" else r.workload
    c = r.world.canary.label
    where = f"{side} deployment {workload.name}.{workload.namespace}"
    if workload.paused:
        return events.halt(c, f"{where} is paused, resume it to go on", kind=f"paused:{side}")
    if side == "primary" and workload.replicas == 0:
        return events.halt(c, f"{where} replicas 0 < 1", kind="primary-scaled-to-zero")
    why = rollout_status(workload)
    return events.waiting(c, why, side=side) if why else None


def pods_are_lost(workload: Workload) -> bool:
    """Whether the workload has nothing that could answer a request."""
    return workload.available_replicas == 0
