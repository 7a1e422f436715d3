"""When ``flagger wait`` is done, and with which exit code. Pure."""

from dataclasses import dataclass

from controller.core.canary import PROMOTED, InvalidSpec, State
from controller.core.verb_rules import is_retried
from controller.core.world import template_changed
from controller.show.facts import Snapshot
from deploy.types import Workload

EXIT_PROMOTED = 0
EXIT_ROLLED_BACK = 1
EXIT_TIMEOUT = 2
EXIT_NOT_ASKED = 3
_NOTHING = "NothingToRollOut"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    code: int
    sentence: str


def outcome(snapshot: Snapshot, *, began: bool) -> Outcome | None:
    """Return how the rollout of the canary's template has ended, or None while it has not.

    A template, or a retry, that the controller has not seen yet counts as a rollout to wait for: a pipeline asks right
    after it has pushed. One that it has seen, and that is at rest, is done: a pipeline that pushes the same image again
    ends at once.

    Args:
        snapshot: what was seen now.
        began: whether a rollout has been seen running since the wait began.
    """
    world, seen = snapshot.world, snapshot.seen
    if world is None or isinstance(world.canary.spec, InvalidSpec):
        return None
    status, workload = world.canary.status, world.canary_workload
    is_new = is_retried(world) or (isinstance(workload, Workload) and template_changed(world.canary, workload))
    if is_new or status.state not in {State.FINISHED, State.FAILED}:
        return None
    label, version = f"{seen.name}.{seen.namespace}", f" {status.version}" if status.version else ""
    promoted = status.condition(PROMOTED)
    if status.state is State.FAILED:
        why = f": {promoted.message}" if promoted and promoted.message else ""
        return Outcome(EXIT_ROLLED_BACK, f"{label}{version} was rolled back{why}")
    if not began or (promoted and promoted.reason == _NOTHING):
        return Outcome(EXIT_PROMOTED, f"{label}: nothing to release, the primary runs{version or ' the template'}")
    return Outcome(EXIT_PROMOTED, f"{label}{version} was promoted")


def timed_out(snapshot: Snapshot | None, label: str, seconds: float) -> Outcome:
    """Return what to say when the time is up."""
    stands = ""
    if snapshot is not None:
        seen = snapshot.seen
        because = ": ".join(word for word in (seen.reason, seen.message) if word)
        stands = f", it is {seen.state}{f' ({because})' if because else ''}"
    return Outcome(EXIT_TIMEOUT, f"{label} has not ended within {seconds:g} s{stands}")
