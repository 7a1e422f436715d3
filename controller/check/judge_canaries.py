"""What keeps each canary from being rolled out, in the words of the controller. Pure.

There is no second opinion: the sentences are those of the gates of ``controller.core``, which halt a rollout. Where the
controller stops at the first one, a check goes on and names them all.
"""

from collections.abc import Callable, Iterator, Mapping

from controller.check.facts import Api, Facts, Objects
from controller.check.findings import Finding, Reason, cannot_tell, passed, problem, warning
from controller.core import gates, nouns
from controller.core.canary import CanarySpec, InvalidSpec, State
from controller.core.gates import Closed, Gate, Needs
from controller.core.world import World
from controller.gather import kinds_of
from controller.resources import CANARIES
from deploy.parking import PARKED_LABEL
from deploy.types import Workload
from informers.keys import key_of
from informers.types import Unreadable
from metrics.metric_template import METRIC_TEMPLATES

SERVICE = "Service"
_ANEW = "or delete and recreate the canary: these fields are immutable"

FIXES: Mapping[str, str] = {
    "InvalidSpec": "kubectl -n {namespace} edit canary {name}",
    "SharedWithOlderCanary": "kubectl -n {namespace} delete canary {name}, or delete the older one",
    "WorkloadNotFound": "Create it (kubectl -n {namespace} get {workloads} shows what there is), " + _ANEW + ".",
    "WorkloadUnreadable": "kubectl -n {namespace} get {workloads} -o yaml shows what is wrong",
    "RouteNotFound": "Create it (kubectl -n {namespace} get {routes} shows what there is), " + _ANEW + ".",
    "RouteNotUsable": "kubectl -n {namespace} edit {route}",
    "ServiceNotUsable": "Correct it (kubectl -n {namespace} get services shows what there is), " + _ANEW + ".",
    "MetricTemplateNotUsable": "kubectl -n {namespace} get metrictemplates shows what there is; docs/own-metrics.md",
    "TrafficToNothing": "kubectl -n {namespace} edit {route}, or give the workload pods again",
}


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
    if not objects.looks and not any(u.kind == CANARIES.kind for u in objects.unlisted):
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
    found = list(_of_gates(objects, look))
    yield from found
    named = kinds_of(canary.spec) if isinstance(canary.spec, CanarySpec) else ()
    if not found and all(objects.sees(kind, canary.namespace) for kind in (*named, SERVICE)):
        yield passed("canaries", "Its route, services and workloads are in order", about)


def _of_gates(objects: Objects, world: World) -> Iterator[Finding]:
    canary = world.canary
    for closed in standing_in_the_way(world, lambda kind: objects.sees(kind, canary.namespace)):
        yield _finding(world, closed)


def standing_in_the_way(world: World, sees: Callable[[str], bool] = lambda _kind: True) -> Iterator[Closed]:
    """Yield every closed gate, in the order in which the controller would come upon it.

    Args:
        world: one canary and its parts.
        sees: whether what the world says of a kind can be believed.
    """
    if gates.INVALID_SPEC.closed(world):
        yield from gates.all_closed(world, (gates.INVALID_SPEC,))
        return
    workload, route, service = _kinds(world)
    told_by = {
        **dict.fromkeys(gates.ROUTE, (route,)),
        **dict.fromkeys(gates.SERVICES, (service,)),
        **dict.fromkeys(gates.TEMPLATES, (METRIC_TEMPLATES.kind,)),
        **dict.fromkeys((*gates.PARTS, *gates.PRIMARY, *gates.CANARY), (workload,)),
        gates.TO_NOTHING: (workload, route, service),
    }

    def asked(gate: Gate) -> bool:
        return all(sees(kind) for kind in told_by.get(gate, ()))

    yield from gates.all_closed(world, filter(asked, gates.GATES))
    resting = world.canary.status.state in {State.FINISHED, State.FAILED}
    closed = gates.first_closed(world, gates.AT_REST) if resting and asked(gates.TO_NOTHING) else None
    if closed and closed.gate is gates.TO_NOTHING:  # or it follows from what was said already
        yield closed


def _kinds(world: World) -> tuple[str, str, str]:
    """Return which kinds the parts of a canary are: workload, route, service."""
    spec = world.canary.spec
    return ("", "", SERVICE) if isinstance(spec, InvalidSpec) else (spec.target_kind, spec.route_kind, SERVICE)


def _finding(world: World, closed: Closed) -> Finding:
    canary = world.canary
    about = key_of(canary.namespace, canary.name)
    reason = closed.gate.reason
    kind, route_kind, _ = _kinds(world)
    if reason in FIXES:
        route = canary.spec.route_name if isinstance(canary.spec, CanarySpec) else ""
        fix = FIXES[reason].format(
            namespace=canary.namespace,
            name=canary.name,
            route=f"{route_kind.lower()} {route}",
            routes=nouns.resource(route_kind),
            workloads=nouns.resource(kind),
        )
        return problem("canaries", reason, closed.what, fix, about)
    workload = world.primary if closed.gate.side == "primary" else world.canary_workload
    name = workload.name if workload else ""
    where = f"{kind.lower()}/{name}"
    what = f"kubectl -n {canary.namespace} rollout {{}} {where}"
    if closed.gate.needs is Needs.TIME:
        said = f"The rollout waits: {closed.what}"
        shows = (
            what.format("status") if kind in nouns.ROLLED_OUT else f"kubectl -n {canary.namespace} get {where} -o yaml"
        )
        fix = f"{shows} shows its progress"
        return warning("canaries", Reason.WORKLOAD_NOT_CONVERGED, said, fix, about)
    fixes = {
        "PrimaryScaledToZero": f"kubectl -n {canary.namespace} " + _scale_up(workload, kind),
        "Held": f"flagger resume {canary.name} -n {canary.namespace}",
    }
    # On purpose, so no problem: somebody holds the rollout and knows why.
    fix = fixes.get(reason, what.format("resume"))
    if kind not in nouns.ROLLED_OUT and reason != "Held":
        fix = f"kubectl -n {canary.namespace} edit {where}"
    return warning("canaries", Reason.ROLLOUT_HELD, closed.what, fix, about)


def _scale_up(workload: Workload | Unreadable | None, kind: str) -> str:
    """Return what kubectl is asked for so that a workload at 0 has pods again."""
    named = f"{kind.lower()}/{workload.name if workload else ''}"
    if not isinstance(workload, Workload) or not workload.per_node:
        return f"scale {named} --replicas 1"
    path = f"/spec/template/spec/nodeSelector/{PARKED_LABEL.replace('/', '~1')}"
    return f"""patch {named} --type json -p '[{{"op": "remove", "path": "{path}"}}]'"""
