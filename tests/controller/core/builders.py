"""Builders with defaults under which everything passes: a test names only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.core.canary import Canary, CanarySpec, CanaryStatus, Side, Stage, State
from controller.core.decide import decide
from controller.core.plan import Plan, Say
from controller.core.world import FINALIZER, Memory, World, with_readings
from deploy.types import Workload
from metrics.types import Check, Value
from router.types import Backend, Route, Weights
from tests.simulator import workload_running

NOW = datetime(2018, 10, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SUCCESS = Check("istio_requests_total", 99.0, "1m")
DURATION = Check("istio_request_duration_seconds_bucket", 500.0, "1m")
GOOD = (Value(100.0), Value(20.0))
BAD_RATE = (Value(82.33), Value(20.0))


def spec(**changes: Any) -> CanarySpec:
    default = CanarySpec(
        target_kind="Deployment",
        route_kind="VirtualService",
        route_name="podinfo",
        primary=Side("podinfo", "podinfo"),
        canary=Side("podinfo-canary", "podinfo-canary"),
        threshold=10,
        max_weight=50,
        step_weight=5,
        interval=MINUTE,
        inconclusive_limit=10,
        checks=(SUCCESS, DURATION),
        drain=timedelta(),
        stepped=False,
    )
    return replace(default, **changes)


def primary(**changes: Any) -> Workload:
    return replace(workload_running("podinfo", "1", replicas=2), **changes)


def workload(body: str = "2", **changes: Any) -> Workload:
    return replace(workload_running("podinfo-canary", body, replicas=1), **changes)


def status(**changes: Any) -> CanaryStatus:
    """Return the status of a rollout at weight 10 whose last round was two minutes ago."""
    default = CanaryStatus(
        state=State.RUNNING,
        stage=Stage.PROGRESSING,
        canary_revision="podinfo-canary-2",
        canary_generation=1,
        canary_uid="podinfo-canary-uid",
        canary_replicas=1,
        canary_weight=10,
        previous_weight=5,
        start_time=NOW - 5 * MINUTE,
        traffic_start_time=NOW - 4 * MINUTE,
        last_check_time=NOW - 2 * MINUTE,
        last_transition_time=NOW - 5 * MINUTE,
        observed_generation=1,
    )
    return replace(default, **changes)


def at_rest(**changes: Any) -> CanaryStatus:
    return status(
        **{
            "state": State.FINISHED,
            "stage": None,
            "canary_weight": 0,
            "previous_weight": 0,
            "traffic_start_time": None,
            **changes,
        }
    )


def starting(**changes: Any) -> CanaryStatus:
    """Return the status of a rollout that has begun a minute ago and had no traffic yet."""
    return status(
        **{
            "stage": Stage.STARTING,
            "canary_weight": 0,
            "previous_weight": 0,
            "start_time": NOW - MINUTE,
            "traffic_start_time": None,
            "last_check_time": None,
            **changes,
        }
    )


def canary(**changes: Any) -> Canary:
    default = Canary(
        namespace="test",
        name="podinfo",
        uid="canary-uid",
        resource_version="1",
        generation=1,
        created=NOW - 10 * MINUTE,
        deleting=False,
        finalizers=(FINALIZER,),
        spec=spec(),
        status=status(),
    )
    return replace(default, **changes)


def backend(name: str, **changes: Any) -> Backend:
    """Return what stands behind a host whose service selects the pods of that workload."""
    return replace(Backend(None, selector=(("app", name),)), **changes)


def remembering(**memory: Any) -> Memory:
    return Memory(**memory)


def world(*, status: CanaryStatus | None = None, weight: int | None = None, **changes: Any) -> World:
    """Return a world mid-rollout whose route carries the recorded weight."""
    the_canary = changes.pop("canary", canary())
    if status is not None:
        the_canary = replace(the_canary, status=status)
    carried = the_canary.status.canary_weight if weight is None else weight
    default = World(
        now=NOW,
        canary=the_canary,
        primary=primary(),
        canary_workload=workload(),
        route=Route(Weights.to_canary(carried), sends_to_canary=carried > 0),
        primary_backend=backend("podinfo"),
        canary_backend=backend("podinfo-canary"),
        rivals=(),
        default_interval=MINUTE,
    )
    return replace(default, **changes)


def said(plan: Plan) -> list[str]:
    return [action.event.text for action in plan.actions if isinstance(action, Say)]


def decided(the_world: World, readings: tuple[Any, ...] = GOOD) -> Plan:
    """Return the decision; readings are given if it asks for some."""
    plan = decide(the_world)
    return decide(with_readings(the_world, plan.observe, readings)) if plan.observe else plan
