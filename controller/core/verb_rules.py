"""What somebody asked for by a verb (``flagger abort``, an annotation), and the rules that obey. Pure."""

from controller.core import ending, events, pacing, steps
from controller.core.canary import PROMOTED, CanaryStatus, Stage, State
from controller.core.nouns import canary_label
from controller.core.plan import Plan, Say, WriteStatus
from controller.core.verbs import revision_of
from controller.core.world import Rollout, World, rollout_of


def answer_an_abort_that_comes_too_late(world: World) -> Plan | None:
    """A revision that the primary runs already cannot be given up any more: that is reported, once."""
    status, asked, rollout = world.canary.status, world.canary.verbs.abort, rollout_of(world)
    promoted = status.condition(PROMOTED)
    there = status.stage is Stage.PROMOTING and (world.stamped or (rollout is not None and rollout.copied))
    there = there or (status.stage is Stage.DRAINING and promoted is not None and promoted.reason in events.ENDS_WELL)
    if not there or not is_asked(asked, status.obeyed.abort, status):
        return None
    event = events.too_late_to_abort(canary_label(world), status.canary_revision)
    return pacing.soon((WriteStatus(steps.no_longer_asked(status, abort=asked)), Say(event)))


def obey_an_abort(r: Rollout) -> Plan | None:
    """Somebody gives this revision up; what the primary runs already cannot be given up any more."""
    status = r.world.canary.status
    asked = not r.world.at_rest and is_asked(r.world.canary.verbs.abort, status.obeyed.abort, status)
    return abort(r.world) if asked else None


def obey_a_promote(r: Rollout) -> Plan | None:
    """Somebody wants this revision without what is left of its analysis; every gate is open."""
    status, asked = r.world.canary.status, r.world.canary.verbs.promote
    if not is_asked(asked, status.obeyed.promote, status):
        return None
    event = events.skipping_the_analysis(canary_label(r.world), status.canary_revision)
    return steps.promote(r, steps.no_longer_asked(status, promote=asked), event)


def is_retried(world: World) -> bool:
    """Whether somebody wants the revision that failed to be analysed once more."""
    status = world.canary.status
    return status.state is State.FAILED and is_asked(world.canary.verbs.retry, status.obeyed.retry, status)


def abort(world: World) -> Plan:
    """Roll back because somebody asked for it, and note that this was acted on."""
    status = steps.no_longer_asked(world.canary.status, abort=world.canary.verbs.abort)
    return ending.roll_back(world, status, events.ABORTED)


def is_asked(value: str, obeyed: str, status: CanaryStatus) -> bool:
    """Whether a verb speaks of the revision at hand, and was not acted on yet."""
    return value not in {"", obeyed} and revision_of(value) == status.canary_revision
