"""What the end of a rollout waits for: a primary that can take the traffic back, and a route that can be read.

Until then the canary keeps its pods, because it has the traffic, or may have. The wait is reported once a round, the
condition ``Ready`` says what is in the way, and the end goes on by itself.
"""

from dataclasses import replace

from controller.core import conditions, events, gates, obstacles, pacing
from controller.core.canary import CanarySpec, CanaryStatus
from controller.core.gates import Closed
from controller.core.plan import Action, Plan, Say, Shift, WriteStatus
from controller.core.world import World
from router.types import TOTAL

FOR_THE_PRIMARY = "the end of the rollout waits for the primary, which has no pod to take the traffic back"


def for_the_primary(world: World, diverted: tuple[Shift, ...]) -> Plan:
    """Keep traffic on the only side that has pods.

    Args:
        world: of a rollout that ends.
        diverted: what gives the canary all traffic, if it does not have it yet.
    """
    closed = Closed(gates.PRIMARY_NOT_SERVING, obstacles.primary_not_serving(world) or "")
    status = world.canary.status
    if diverted:
        status = replace(status, canary_weight=TOTAL, previous_weight=status.canary_weight)
    return _wait(world, closed, status, FOR_THE_PRIMARY, diverted)


def for_the_route(world: World) -> Plan:
    """Leave everything as it is while nobody can say whether the route sends requests to the canary."""
    closed = Closed(gates.ROUTE_NOT_USABLE, obstacles.unusable_route(world) or "")
    return _wait(world, closed, world.canary.status, f"the end of the rollout waits for the route: {closed.what}", ())


def _wait(world: World, closed: Closed, status: CanaryStatus, message: str, shift: tuple[Shift, ...]) -> Plan:
    spec, last = world.canary.spec, world.memory.complaint
    pace = pacing.interval(world, spec) if isinstance(spec, CanarySpec) else pacing.REPEAT_AT_REST
    event = events.waiting(world.canary.label, closed.what, side=closed.gate.side or "route")
    # Whatever its numbers were: they change with each pod.
    due = last is None or not last.at <= world.now < last.at + pace
    actions: tuple[Action, ...] = ()
    if not world.at_rest:
        status = conditions.behind(world, status, replace(closed, what=message))
        actions = (*((WriteStatus(status),) if status != world.canary.status else ()), *shift)
    complaint = pacing.remembered(world, event.text, made=due)
    return Plan((*actions, *((Say(event),) if due else ())), wake_after=pace, complaint=complaint)
