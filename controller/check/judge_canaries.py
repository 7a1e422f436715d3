"""What keeps each canary from being rolled out, in the words of the controller. Pure.

There is no second opinion: the sentences are those of the gates of ``controller.core``, which halt a rollout. Where the
controller stops at the first one, a check goes on and names them all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from controller.check.facts import Api, Facts, Objects
from controller.check.findings import Finding, Reason, cannot_tell, passed, problem, warning
from controller.core import events, gates
from controller.core.canary import CanarySpec, InvalidSpec
from controller.core.gates import Obstacle
from controller.core.world import Ready, World
from deploy.types import Template, Workload
from informers.keys import key_of
from informers.resources import CANARIES, DEPLOYMENTS, SERVICES, virtual_services
from informers.types import Unreadable

DEPLOYMENT = DEPLOYMENTS.plural
SERVICE = SERVICES.plural
ROUTE = virtual_services("").plural
_ANEW = "or delete the canary object and make it anew, since what it is about cannot be changed"

FIXES: Mapping[str, str] = {
    "InvalidSpec": "kubectl -n {namespace} edit canary {name}",
    "SharedWithOlderCanary": "kubectl -n {namespace} delete canary {name}, or delete the older one",
    "WorkloadNotFound": "Create it (kubectl -n {namespace} get deployments shows what there is), " + _ANEW + ".",
    "WorkloadUnreadable": "kubectl -n {namespace} get deployments -o yaml shows what is wrong",
    "RouteNotFound": "Create it (kubectl -n {namespace} get virtualservices shows what there is), " + _ANEW + ".",
    "RouteNotUsable": "kubectl -n {namespace} edit virtualservice {route}",
    "ServiceNotUsable": "Correct it (kubectl -n {namespace} get services shows what there is), " + _ANEW + ".",
}

_STAND_IN = Workload(
    namespace="",
    name="",
    uid="",
    resource_version="",
    generation=1,
    observed_generation=1,
    replicas=1,
    current_replicas=1,
    updated_replicas=1,
    available_replicas=1,
    paused=False,
    deadline_exceeded=False,
    template=Template(revision="", body="", labels=(), selector=()),
    promoted="",
)
"""Takes the place of a missing workload, so that the gates behind it can speak as well."""


def canaries(facts: Facts) -> Iterator[Finding]:
    """Each canary object can be rolled out."""
    if not isinstance(facts.api, Api):
        return
    objects = facts.api.objects
    for unlisted in objects.unlisted:
        if unlisted.why:
            where = f" in namespace {unlisted.namespace}" if unlisted.namespace else ""
            said = f"The {unlisted.plural}{where} cannot be listed, so canaries were not checked against them"
            yield cannot_tell("canaries", f"{said}: {unlisted.why}", "Try again.")
    if not objects.looks and not any(u.plural == CANARIES.plural for u in objects.unlisted):
        yield passed("canaries", "There is no canary object yet")
    for look in objects.looks:
        yield from _of_look(objects, look)


def _of_look(objects: Objects, look: World | Unreadable) -> Iterator[Finding]:
    if isinstance(look, Unreadable):
        fix = f"kubectl -n {look.namespace} get canary {look.name} -o yaml shows what is wrong"
        said = f"It cannot be read: {look.reason}"
        yield problem("canaries", Reason.CANARY_UNREADABLE, said, fix, key_of(look.namespace, look.name))
        return
    canary = look.canary
    about = key_of(canary.namespace, canary.name)
    if canary.deleting:
        yield passed("canaries", "It is being deleted", about)
        return
    found = [*_obstacles(objects, look), *_of_workloads(objects, look)]
    yield from found
    if not found and all(objects.sees(plural, canary.namespace) for plural in (DEPLOYMENT, ROUTE, SERVICE)):
        yield passed("canaries", "Its route, services and workloads are as they should be", about)


def _obstacles(objects: Objects, world: World) -> Iterator[Finding]:
    canary = world.canary
    route = canary.spec.route_name if isinstance(canary.spec, CanarySpec) else ""
    for obstacle in obstacles(world, lambda plural: objects.sees(plural, canary.namespace)):
        fix = FIXES[obstacle.reason].format(namespace=canary.namespace, name=canary.name, route=route)
        yield problem("canaries", obstacle.reason, obstacle.what, fix, key_of(canary.namespace, canary.name))


def obstacles(world: World, sees: Callable[[str], bool] = lambda _plural: True) -> Iterator[Obstacle]:
    """Yield everything that a person has to put right, in the order in which the controller would come upon it.

    Args:
        world: one canary and its parts.
        sees: whether what the world says of a kind (by its plural) can be believed.
    """
    spec = world.canary.spec
    if isinstance(spec, InvalidSpec):
        yield Obstacle("InvalidSpec", spec.problem)
        return
    rest = (
        gates.rival_gate(world),
        *(_missing_workloads(world) if sees(DEPLOYMENT) else ()),
        gates.route_gate(_standing_in(world, spec)) if sees(ROUTE) else None,
        gates.service_gate(_standing_in(world, spec)) if sees(SERVICE) else None,
    )
    yield from (obstacle for obstacle in rest if obstacle is not None)


def _missing_workloads(world: World) -> Iterator[Obstacle | None]:
    """The gate speaks of the primary first; with a stand-in for that, it speaks of the canary."""
    if not isinstance(world.primary, Workload):
        yield gates.parts_gate(world)
    yield gates.parts_gate(replace(world, primary=_STAND_IN))


def _standing_in(world: World, spec: CanarySpec) -> Ready:
    primary, workload = (w if isinstance(w, Workload) else _STAND_IN for w in (world.primary, world.workload))
    return Ready(world=world, spec=spec, primary=primary, workload=workload)


def _of_workloads(objects: Objects, world: World) -> Iterator[Finding]:
    """Yield what holds up a rollout without being an obstacle: it may pass by itself."""
    spec, canary = world.canary.spec, world.canary
    if isinstance(spec, InvalidSpec) or not objects.sees(DEPLOYMENT, canary.namespace):
        return
    ready, about = _standing_in(world, spec), key_of(canary.namespace, canary.name)
    if isinstance(world.primary, Workload):
        yield from _held(gates.side_gate(ready, "primary"), world.primary, about)
    if isinstance(world.workload, Workload):
        yield from _held(gates.side_gate(ready, "canary"), world.workload, about)


def _held(event: events.Event | None, workload: Workload, about: str) -> Iterator[Finding]:
    if event is None:
        return
    what = f"deployment/{workload.name}"
    if event.action == "Wait":
        fix = f"kubectl -n {workload.namespace} rollout status {what} shows whether it gets there"
        yield warning("canaries", Reason.WORKLOAD_NOT_CONVERGED, event.text, fix, about)
        return
    command = "rollout resume " + what if workload.paused else f"scale {what} --replicas 1"
    fix = f"kubectl -n {workload.namespace} {command}"
    yield problem("canaries", Reason.WORKLOAD_HALTS, event.text, fix, about)
