"""All traffic to one side, and what keeps a write that is still on its way from moving it back.

Each returns actions, or a status; none decides. Starting, correcting and ending a rollout are made of them.
"""

from dataclasses import replace

from controller.core.canary import CanaryStatus, Stage
from controller.core.plan import Action, Fence, Shift, WriteStatus
from controller.core.world import World
from deploy.types import Workload
from router.types import ALL_TO_PRIMARY, TOTAL, Weights

ALL_TO_CANARY = Weights.to_canary(TOTAL)


def to_the_primary(world: World) -> tuple[Action, ...]:
    """Return what takes all traffic off the canary, and keeps a step on its way from bringing some back.

    Nothing if there is no route, or if the traffic would be lost. Nothing either if the route cannot be read: its
    version has moved since somebody could, so that a step that was claimed then is refused.
    """
    if world.route is None or world.only_the_canary_serves or world.route_is_unreadable:
        return ()
    if world.sends_to_canary:
        return (Shift(ALL_TO_PRIMARY),)
    return (Fence(),) if world.canary.status.canary_weight and not _moved_by_us(world) else ()


def to_the_canary(world: World) -> tuple[Shift, ...]:
    """Return what gives the canary all traffic, if the route can carry it and does not yet."""
    usable = world.route is not None and world.route.problem is None
    return (Shift(ALL_TO_CANARY),) if usable and world.route and world.route.weights != ALL_TO_CANARY else ()


def keep_out_a_late_copy(world: World) -> tuple[Action, ...]:
    """Return what takes the traffic off and fences a primary that a promotion was claimed for and has not reached.

    Before the claim of whatever comes instead, so that whoever dies in between finds the promotion claimed as yet; and
    the traffic first, which must not wait for a primary that cannot be written.
    """
    if world.canary.status.stage is not Stage.PROMOTING or not isinstance(world.primary, Workload) or world.stamped:
        return ()
    return (*to_the_primary(world), Fence("primary"))


def owed_fence(world: World) -> tuple[Action, ...]:
    """Return what fences a primary after a copy that was refused: one by another process may be on its way as yet.

    Nothing waits for it: whoever may not copy onto the primary may not fence it either. So it is owed until it is done,
    from the moment that the traffic is off the canary.
    """
    status = world.canary.status
    if not status.fence_owed or not isinstance(world.primary, Workload):
        return ()
    return (Fence("primary"), WriteStatus(replace(status, fence_owed=False)))


def taken_off(world: World, status: CanaryStatus) -> CanaryStatus:
    """Return the status after all traffic was taken off the canary."""
    carried = status.canary_weight > 0 or world.sends_to_canary
    return replace(
        status,
        canary_weight=0,
        previous_weight=status.canary_weight or status.previous_weight,
        traffic_start_time=None,
        drain_start_time=world.now if carried else status.drain_start_time,
    )


def _moved_by_us(world: World) -> bool:
    """Whether this process took the traffic off after the last step was claimed, which moved the route's version."""
    shifted, claimed = world.memory.shifted, world.canary.status.last_check_time
    if shifted is None or shifted.weights != ALL_TO_PRIMARY or shifted.at > world.now:  # or the clock was set back
        return False
    return claimed is None or shifted.at >= claimed
