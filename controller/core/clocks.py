"""Times in the status that are still to come: the clock was set back, or the one of another replica is ahead. Pure.

What is counted from such a time counts anew from now, and that is noted: nobody knows how much of it has passed, and
waiting for the time to come could take hours.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.core.canary import Stage
from controller.core.world import World

DIFFERENCE = timedelta(seconds=1)
"""Of clocks that are kept right: a wait that is longer by this much is not worth a write."""


def believed(world: World) -> World:
    """Return the world with a status whose times have come, which the next write notes; the same world if they have.

    The start of a rollout is part of its identity and stays. What counts from it then counts from another time: the
    first window of a rollout of an older release from its first step, the deadline of its pods from the last reconcile.
    """
    if world.at_rest or world.canary.deleting or world.namespace_terminating:
        return world
    status = world.canary.status
    last_check, first_step = status.last_check_time, status.traffic_start_time
    if status.stage is Stage.STARTING:
        last_check = last_check or _only_if_to_come(status.start_time, world)
    elif status.canary_weight:
        first_step = first_step or _only_if_to_come(status.start_time, world)
    after = replace(
        status,
        last_check_time=_come(last_check, world),
        traffic_start_time=_come(first_step, world),
        drain_start_time=_come(status.drain_start_time, world),
    )
    return world if after == status else replace(world, canary=replace(world.canary, status=after))


def _only_if_to_come(time: datetime | None, world: World) -> datetime | None:
    return time if time is not None and time > world.now + DIFFERENCE else None


def _come(time: datetime | None, world: World) -> datetime | None:
    return world.now if _only_if_to_come(time, world) else time
