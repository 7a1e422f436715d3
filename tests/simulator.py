"""A cluster as a value: plays plans and pods forward, so that whole rollouts run in microseconds. Pure.

The tests enumerate worlds with it, kill the controller between any two actions, and hold the invariants of
``docs/reliability.md`` after each. It knows no more of Kubernetes than the gates do: generations, pods that take time
to become ready, weights. What is written of a status goes through its JSON, as on an API server.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from controller.core.canary import Canary, CanarySpec, State
from controller.core.decide import decide
from controller.core.parse_status import parse_status
from controller.core.plan import (
    Action,
    CopyTemplate,
    Fence,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.status_json import apply_patch, status_patch, to_json
from controller.core.world import FINALIZER, NOTHING_REMEMBERED, Memory, World, after_action, after_plan, with_readings
from deploy.template import promoted_labels
from deploy.types import Template, Workload
from metrics.types import AnyCheck, Reading
from router.types import Backend, Route, Weights

Readings = Callable[["Scene", Sequence[AnyCheck]], Sequence[Reading]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything there is in the simulated cluster."""

    now: datetime
    canary: Canary
    primary: Workload | None
    canary_workload: Workload | None
    weights: Weights | None  # None: no route object
    route_version: int = field(default=1, kw_only=True)
    pod_delay: timedelta  # from a change of a workload until its pods are available
    ready_at: tuple[tuple[str, datetime], ...] = ()  # role → when its pods will be available
    default_interval: timedelta = timedelta(minutes=1)
    route_problem: str | None = None
    memory: Memory = NOTHING_REMEMBERED  # of the controller: lost when it is killed
    broken: frozenset[str] = frozenset()  # bodies of templates whose pods never become available
    services_gone: frozenset[str] = frozenset()  # roles whose service somebody has deleted
    said: tuple[str, ...] = ()  # event texts so far


def world_of(scene: Scene) -> World:
    """Return what the controller would gather."""
    route = None
    if scene.weights is not None:
        usable = scene.weights if scene.route_problem is None else None
        route = Route(usable, scene.route_problem, sends_to_canary=scene.weights.canary > 0)
    return World(
        now=scene.now,
        canary=scene.canary,
        primary=scene.primary,
        canary_workload=scene.canary_workload,
        route=route,
        primary_backend=_backend(scene, "primary", scene.primary),
        canary_backend=_backend(scene, "canary_workload", scene.canary_workload),
        rivals=(),
        default_interval=scene.default_interval,
        memory=scene.memory,
    )


def _backend(scene: Scene, role: str, workload: Workload | None) -> Backend:
    if role in scene.services_gone:
        return Backend("service not found, create it or correct the host", gone=True)
    labels = dict(workload.template.labels) if workload else {}
    return Backend(None, selector=tuple((key, labels[key]) for key in sorted(labels) if key == "app"))


def plan_for(scene: Scene, readings: Readings) -> Plan:
    """Return the decision, with readings taken if it needs some."""
    world = world_of(scene)
    plan = decide(world)
    if not plan.observe:
        return plan
    return decide(with_readings(world, plan.observe, readings(scene, plan.observe)))


def remembering(scene: Scene, plan: Plan) -> Scene:
    """Return the scene with what the controller remembers of a plan that it is about to carry out."""
    return replace(scene, memory=after_plan(world_of(scene), plan))


def play(scene: Scene, action: Action) -> Scene:  # noqa: C901, PLR0911  # one case per action
    """Return the scene after one action."""
    match action:
        case WriteStatus(status):
            before = scene.canary.status
            written = parse_status(apply_patch(to_json(before), status_patch(before, status)))
            return replace(scene, canary=replace(scene.canary, status=written))
        case Shift(weights):
            if scene.weights is None:
                return scene
            moved = scene.route_version + (weights != scene.weights)
            memory = after_action(scene.memory, action, scene.now)
            return replace(scene, weights=weights, route_version=moved, memory=memory)
        case Fence("route"):
            return replace(scene, route_version=scene.route_version + 1)
        case Fence():
            return scene
        case Scale(replicas):
            return _scaled(scene, replicas)
        case CopyTemplate(stamp):
            return _copied(scene, stamp)
        case HoldFinalizer():
            return replace(scene, canary=replace(scene.canary, finalizers=(*scene.canary.finalizers, FINALIZER)))
        case ReleaseFinalizer():
            kept = tuple(f for f in scene.canary.finalizers if f != FINALIZER)
            return replace(scene, canary=replace(scene.canary, finalizers=kept))
        case Say(event):
            return replace(scene, said=(*scene.said, event.text))
        case Log():
            return scene
        case _:
            assert_never(action)


def pushed(scene: Scene, template: Template) -> Scene:
    """Return the scene after somebody gave the canary workload a new template."""
    workload = scene.canary_workload
    assert workload is not None, "there is nothing to push to"
    changed = replace(workload, template=template, generation=workload.generation + 1, deadline_exceeded=False)
    if not workload.replicas:  # complete at once: there is nothing to roll over
        return replace(scene, canary_workload=replace(changed, observed_generation=changed.generation))
    return _awaiting_pods(replace(scene, canary_workload=replace(changed, updated_replicas=0)), "canary_workload")


def later(scene: Scene, by: timedelta) -> Scene:
    """Return the scene after some time: pods that were due have become available."""
    now = scene.now + by
    due = [role for role, when in scene.ready_at if when <= now]
    for role in due:
        workload: Workload | None = getattr(scene, role)
        if workload is not None:
            scene = replace(scene, **{role: _settled(scene, workload)})  # type: ignore[arg-type]  # a role is a field
    waiting = tuple((role, when) for role, when in scene.ready_at if when > now)
    return replace(scene, now=now, ready_at=waiting)


def run(scene: Scene, readings: Readings, *, rounds: int = 200) -> Iterator[Scene]:
    """Yield the scene after every action, until the rollout has ended or ``rounds`` looks were taken."""
    for _ in range(rounds):
        plan = plan_for(scene, readings)
        scene = remembering(scene, plan)
        for action in plan.actions:
            scene = play(scene, action)
            yield scene
        if scene.canary.status.state in {State.FINISHED, State.FAILED} and not plan.actions:
            return
        scene = later(scene, _next_stir(scene, plan))
        yield scene


def _next_stir(scene: Scene, plan: Plan) -> timedelta:
    """Return the time until a timer or a pod wakes the controller, whichever is first."""
    waits = [when - scene.now for _, when in scene.ready_at]
    if plan.wake_after is not None:
        waits.append(plan.wake_after)
    return max(min(waits, default=scene.default_interval), timedelta(milliseconds=1))


def _scaled(scene: Scene, replicas: int) -> Scene:
    workload = scene.canary_workload
    if workload is None or workload.replicas == replicas:
        return scene
    workload = replace(workload, replicas=replicas, generation=workload.generation + 1)
    if replicas == 0:
        gone = replace(
            workload,
            observed_generation=workload.generation,
            current_replicas=0,
            updated_replicas=0,
            available_replicas=0,
            deadline_exceeded=False,
        )
        waiting = tuple((role, when) for role, when in scene.ready_at if role != "canary_workload")
        return replace(scene, canary_workload=gone, ready_at=waiting)
    return _awaiting_pods(replace(scene, canary_workload=workload), "canary_workload")


def _copied(scene: Scene, stamp: str) -> Scene:
    source, target = scene.canary_workload, scene.primary
    assert source is not None, "a promotion has a source"
    assert target is not None, "a promotion has a target"
    labels = promoted_labels(source.template, target.template)
    template = replace(target.template, revision=f"{source.template.body}+", body=source.template.body, labels=labels)
    copied = replace(target, template=template, promoted=stamp, generation=target.generation + 1, updated_replicas=0)
    return _awaiting_pods(replace(scene, primary=copied), "primary")


def _awaiting_pods(scene: Scene, role: str) -> Scene:
    others = tuple((other, when) for other, when in scene.ready_at if other != role)
    return later(replace(scene, ready_at=(*others, (role, scene.now + scene.pod_delay))), timedelta())


def _settled(scene: Scene, workload: Workload) -> Workload:
    if workload.template.body in scene.broken:
        # Kubernetes times a change of the template, not a scale-up: then it was complete before.
        timed = workload.current_replicas > 0
        return replace(workload, observed_generation=workload.generation, deadline_exceeded=timed, updated_replicas=1)
    return replace(
        workload,
        observed_generation=workload.generation,
        current_replicas=workload.replicas,
        updated_replicas=workload.replicas,
        available_replicas=workload.replicas,
    )


def simulated(spec: CanarySpec, *, now: datetime) -> Scene:
    """Return a scene at its start: two healthy workloads, all traffic on the primary, a canary object never seen."""
    canary = Canary("test", "podinfo", "canary-uid", "1", 1, now, deleting=False, finalizers=(), spec=spec)
    return Scene(
        now=now,
        canary=canary,
        primary=workload_running(spec.primary.name, "1", replicas=2),
        canary_workload=workload_running(spec.canary.name, "2", replicas=1),
        weights=Weights(primary=100, canary=0),
        pod_delay=timedelta(seconds=5),
    )


def workload_running(name: str, body: str, *, replicas: int) -> Workload:
    """Return a converged workload whose template has that body."""
    return Workload(
        namespace="test",
        name=name,
        uid=f"{name}-uid",
        resource_version="1",
        generation=1,
        observed_generation=1,
        replicas=replicas,
        current_replicas=replicas,
        updated_replicas=replicas,
        available_replicas=replicas,
        paused=False,
        deadline_exceeded=False,
        progress_deadline=timedelta(minutes=10),
        resumed_at=None,
        failure="",
        template=template_of(name, body),
        promoted="",
    )


def template_of(name: str, body: str) -> Template:
    """Return a template with the label that its workload selects by; ``body`` stands for all the rest."""
    return Template(revision=f"{name}-{body}", body=body, labels=(("app", name),), selector=("app",))
