"""What may be in the way of a rollout: a function for each obstacle, which ``gates.py`` makes into a gate.

Each returns the end of a sentence that begins with "Halt … advancement" or "Waiting for …", or None if nothing is in
the way. It names the object, and how to put it right.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from controller.core.canary import CanarySpec, InvalidSpec
from controller.core.nouns import noun
from controller.core.verbs import HOLD
from controller.core.world import WhyUnseen, World, older_rival, rollout_of
from deploy.rollout import rollout_status
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import OwnCheck


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
            cause = f": {found.failure}" if found.failure and found.failure not in status else ""
            return f"{status} ({where.removeprefix(f'{side} ')}{cause})"
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
