"""What people read first in the status: which version, why it stands where it does, what came before. Pure.

Nothing is decided by it and nothing is written for it: every write of the status that a plan holds anyway is given a
version, a reason with its message, the time of the next round, and the history. So it is as old as that write: a
rollout in analysis has one each round.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from controller.core import gates, pacing
from controller.core.canary import LONGEST_MESSAGE, PROMOTED, READY, CanarySpec, CanaryStatus, Stage, State
from controller.core.gates import Needs
from controller.core.history import with_history
from controller.core.plan import Action, Plan, Say, WriteStatus
from controller.core.world import World
from deploy.images import Images, version
from deploy.types import Workload
from metrics.types import Verdict

Why = tuple[str, str]
"""A reason, one CamelCase word, and its message."""

ON_PURPOSE = frozenset(gate.reason for gate in gates.GATES if gate.needs is Needs.DECISION)
"""Reasons of a rollout that somebody has stopped."""

_WORDS: dict[Stage | None, Why] = {
    Stage.STARTING: ("Starting", "its pods are started, it has no traffic yet"),
    Stage.PROGRESSING: ("Progressing", "the last round passed"),
    Stage.PROMOTING: ("Promoting", "the primary takes over the template, and its pods are replaced"),
}


def with_summary(world: World, plan: Plan) -> Plan:
    """Return the plan whose writes of the status, and whose events, say what people want to read first."""
    actions: list[Action] = []
    status = world.canary.status
    for action in plan.actions:
        if isinstance(action, WriteStatus):
            status = summarised(world, status, action.status)
            actions.append(WriteStatus(status))
        else:
            actions.append(action)
    version = _version_of_the_events(world.canary.status, status)
    if version:
        actions = [replace(a, event=replace(a.event, version=version)) if isinstance(a, Say) else a for a in actions]
    return replace(plan, actions=tuple(actions))


def summarised(world: World, before: CanaryStatus, after: CanaryStatus) -> CanaryStatus:
    """Return a status that is about to be written, with what people read first.

    Args:
        world: that the plan was made from.
        before: the status as it was written before.
        after: as it will be.
    """
    after = replace(after, version=_version(world, before, after))
    reason, message = why(world, after)
    return replace(
        after,
        reason=reason,
        message=message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…",
        next_check_time=_next_check(world, after),
        history=with_history(before, after, world.now),
    )


def why(world: World, status: CanaryStatus) -> Why:
    """Return why a rollout stands where it does: the first rule that has something to say."""
    return next((found for found in (rule(world, status) for rule in RULES) if found is not None), ("", ""))


def not_ready(_: World, status: CanaryStatus) -> Why | None:
    """Somebody has to put something right: nothing else matters until then."""
    ready = status.condition(READY)
    return (ready.reason, ready.message) if ready and ready.status == "False" else None


def ended_or_ending(_: World, status: CanaryStatus) -> Why | None:
    """How it has ended, or will."""
    promoted = status.condition(PROMOTED)
    ending = status.stage in {None, Stage.ROLLING_BACK, Stage.DRAINING}
    return (promoted.reason, promoted.message) if promoted and ending else None


def check_failed(_: World, status: CanaryStatus) -> Why | None:
    """The last round failed."""
    found = _found(status, Verdict.FAIL)
    return ("ChecksFailing", found) if found else None


def no_data(_: World, status: CanaryStatus) -> Why | None:
    """The last round could not be judged."""
    found = _found(status, Verdict.INCONCLUSIVE)
    return ("NoData", found) if found else None


def canary_lost(world: World, status: CanaryStatus) -> Why | None:
    """The canary had traffic and cannot answer any more, so that it was taken off."""
    if status.stage is not Stage.PROGRESSING or world.canary_serves:
        return None
    return "CanaryNotServing", "the canary has no available pod behind its service, its traffic was taken off"


def stopped_on_purpose(_: World, status: CanaryStatus) -> Why | None:
    """Somebody holds it, or has paused a side."""
    promoted = status.condition(PROMOTED)
    return (promoted.reason, promoted.message) if promoted and promoted.reason in ON_PURPOSE else None


def waits_for_pods(world: World, status: CanaryStatus) -> Why | None:
    """Kubernetes is at work on a side; at the moment of a start that says nothing as yet."""
    if status.state is not State.RUNNING or status.start_time == world.now:
        return None
    waits = [gate for gate in gates.before_the_next_move(status.stage) if gate.needs is Needs.TIME]
    closed = gates.first_closed(world, waits)
    return (closed.gate.reason, f"waiting: {closed.what}") if closed else None


def window_not_filled(_: World, status: CanaryStatus) -> Why | None:
    """No check was judged at this weight yet."""
    first = status.stage is Stage.PROGRESSING and status.last_check_time == status.traffic_start_time
    return ("Progressing", "the first step was taken, its checks are judged next") if first else None


def stage(_: World, status: CanaryStatus) -> Why | None:
    """Nothing is in the way."""
    return _WORDS.get(status.stage)


RULES: tuple[Callable[[World, CanaryStatus], Why | None], ...] = (
    not_ready,
    ended_or_ending,
    check_failed,
    no_data,
    canary_lost,
    stopped_on_purpose,
    waits_for_pods,
    window_not_filled,
    stage,
)


def _found(status: CanaryStatus, verdict: Verdict) -> str:
    """Return what the last round found; nothing if what is noted is older than the last round or step."""
    if status.stage is not Stage.PROGRESSING:
        return ""
    fresh = (check for check in status.checks if check.time == status.last_check_time)
    return ", ".join(check.message for check in fresh if check.verdict is verdict)


def _next_check(world: World, status: CanaryStatus) -> datetime | None:
    spec, last = world.canary.spec, status.last_check_time
    if status.stage is not Stage.PROGRESSING or last is None or not isinstance(spec, CanarySpec):
        return None
    return last + pacing.interval(world, spec)


def _version(world: World, before: CanaryStatus, after: CanaryStatus) -> str:
    """Return the version as it was at the start of a rollout, for as long as one runs or has failed.

    Once the template was copied both sides have the same, and what it was before would be forgotten.
    """
    primary, canary = _images(world.primary), _images(world.canary_workload)
    begins = after.start_time != before.start_time
    if after.state is State.RUNNING:
        return before.version if before.version and not begins else version(primary, canary)
    if after.state is State.FAILED and before.version and not begins:
        return before.version
    if after.state is State.FAILED:
        return version(primary, canary)
    return version(primary, ()) or before.version


def _version_of_the_events(before: CanaryStatus, after: CanaryStatus) -> str:
    """Return the version of the rollout that events are about: at its end both sides are the same already."""
    goes_on = before.state is State.RUNNING and before.start_time == after.start_time
    return before.version if goes_on and before.version else after.version


def _images(workload: object) -> Images:
    return workload.template.images if isinstance(workload, Workload) else ()
