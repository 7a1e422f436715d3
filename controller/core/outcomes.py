"""How rollouts end, as metrics count them."""

from controller.core.canary import PROMOTED, CanaryStatus, State


def outcome(before: CanaryStatus, after: CanaryStatus, *, released: bool) -> tuple[str, str] | None:
    """Return outcome and reason of the rollout that has ended in between, or None if none has.

    The reason is that of the condition ``Promoted`` where there is one: one of a dozen words.

    Args:
        before: the status that was seen before.
        after: the status now.
        released: whether the canary object was deleted and has been let go.
    """
    if before.state is not State.RUNNING:
        return None
    if released:
        return "released", "ObjectDeleted"
    if after.state is State.RUNNING:
        return ("superseded", "NewRevision") if after.start_time != before.start_time else None
    promoted = after.condition(PROMOTED)
    return str(after.state), promoted.reason if promoted else ""
