"""What a round has found: which checks can be judged, what they say, and what a failure leads to.

A check is judged only once its whole window lies after the first step of this revision: before that it would be judged
on requests that its predecessor answered. Until then the weight stays and nothing counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.core import events, gates, pacing
from controller.core.canary import CanarySpec, CanaryStatus, CheckStatus, Stage
from controller.core.conditions import noted
from controller.core.ending import roll_back
from controller.core.events import Cause
from controller.core.nouns import canary_label
from controller.core.plan import Plan, Say, WriteStatus
from controller.core.standing import behind
from controller.core.steps import correct
from controller.core.traffic import taken_off, to_the_primary
from controller.core.world import Rollout, World
from metrics.types import AnyCheck, Judgement, OwnCheck, Value, Verdict
from metrics.verdicts import judge, rounded, worst


@dataclass(frozen=True, slots=True)
class Judged:
    """A round that was held."""

    status: CanaryStatus  # with the readings, and what the round counts as
    verdict: Verdict
    text: str  # what was wrong; "" for a pass
    kind: str  # which checks were wrong, so that halts of one kind combine


def is_due(r: Rollout) -> bool:
    """Whether an interval has passed since the last round, at a weight that the route carries."""
    return r.stage is Stage.PROGRESSING and r.world.now >= pacing.round_due_at(r.world, r.spec)


def to_judge(r: Rollout) -> Sequence[AnyCheck]:
    """Return the checks whose windows are filled, if traffic flows."""
    if not r.weight or not r.world.sends_to_canary:
        return ()
    return [check for check in r.spec.checks if pacing.filled_at(r, check) <= r.world.now]


def unjudged(r: Rollout) -> Sequence[AnyCheck]:
    """Return the checks of the spec without a reading."""
    read = [check for check, _ in r.world.readings or ()]
    return [check for check in r.spec.checks if check not in read]


def judged(r: Rollout) -> Judged:
    """Judge the readings of the world, of which there may be none; those of checks that the spec dropped are not."""
    readings = [(check, reading) for check, reading in r.world.readings or () if check in r.spec.checks]
    judgements = tuple(judge(check, reading) for check, reading in readings)
    status = replace(r.world.canary.status, last_check_time=r.world.now)
    if judgements:
        status = replace(status, checks=_last_readings(r, judgements))
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):  # a failure weighs more than a missing reading
        found = [j for j in judgements if j.verdict is verdict]
        if found:
            counted = _failed(status) if verdict is Verdict.FAIL else _inconclusive(status)
            return Judged(counted, verdict, ", ".join(j.text for j in found), "+".join(j.check.name for j in found))
    return Judged(replace(status, inconclusive_checks=0), Verdict.PASS, "", "")


def halted(r: Rollout, found: Judged) -> Plan:
    """Count a round that did not pass, and roll back in the same round if it was one too many."""
    event = Say(events.halt(r.world.canary.label, found.text, kind=found.kind))
    return _counted(r, found.status, event)


def unreadable(world: World, spec: CanarySpec) -> Plan | None:
    """Count a round of a canary Deployment that cannot be read, if one is due and traffic flows."""
    status = world.canary.status
    closed = gates.first_closed(world, gates.PARTS)
    due = status.stage is Stage.PROGRESSING and world.now >= pacing.round_due_at(world, spec)
    if closed is None or not due or not status.canary_weight:
        return None
    counted = _inconclusive(replace(status, last_check_time=world.now))
    why = _limit_reached(spec, counted)
    return (
        roll_back(world, counted, why)
        if why
        else behind(world, closed, status=counted, take_off=not world.canary_serves)
    )


def give_up_at_the_limit(r: Rollout, status: CanaryStatus) -> Plan | None:
    """Roll back if a limit is reached, as it may be by a round that passed: limits can be lowered."""
    why = _limit_reached(r.spec, status)
    return roll_back(r.world, status, why) if why else None


def cannot_serve(r: Rollout) -> Plan:
    """Count a failed check for a canary that cannot answer, and take its traffic off first.

    Leaving the weight where it is would send a share of the users to nothing for as long as that lasts. The ladder is
    climbed again from the first step once it is over; the failed checks stay counted.
    """
    what, kind = _why_it_cannot_serve(r)
    event = Say(events.halt(r.world.canary.label, what, kind=kind))
    status = replace(taken_off(r.world, _failed(r.world.canary.status)), last_check_time=r.world.now)
    plan = _counted(r, status, event)
    if _limit_reached(r.spec, status):
        return plan
    write, *rest = plan.actions
    return replace(plan, actions=(write, *to_the_primary(r.world), *rest))


def corrected(r: Rollout, found: str) -> Plan:
    """Put the route back at its own pace; a round that was cut short too often is no evidence.

    Counted once a round, however often it is put back: a hiccup of the API server must not roll a canary back.
    """
    due = pacing.correction_due_at(r.world, r.spec)
    if due > r.world.now:
        return Plan(wake_after=pacing.until(r.world, due), complaint=r.world.memory.complaint)
    status = r.world.canary.status
    if not r.weight:
        return correct(r, status, found)
    correction = f"correcting to {r.weight}"
    counted = pacing.complaint_may_be_made(r.world, correction, pacing.interval(r.world, r.spec))
    if counted:
        status = _inconclusive(status)
        why = _limit_reached(r.spec, status)
        if why:
            return roll_back(r.world, status, why)
    return replace(correct(r, status, found), complaint=pacing.remembered(r.world, correction, made=counted))


def _counted(r: Rollout, status: CanaryStatus, event: Say) -> Plan:
    status = noted(r, status)
    why = _limit_reached(r.spec, status)
    if why:
        return roll_back(r.world, status, why, report=(event,))
    return Plan((WriteStatus(status), event), wake_after=pacing.interval(r.world, r.spec))


def _why_it_cannot_serve(r: Rollout) -> tuple[str, str]:
    k = canary_label(r.world)
    if not r.canary_workload.may_answer:
        return f"available replicas 0 < 1 of {k}", "pods"
    backend = r.world.canary_backend
    # The gate of the services says the same of one that is gone, so it is one event.
    return (backend.problem if backend.gone and backend.problem else f"no service leads to {k}"), "ServiceNotUsable"


def _limit_reached(spec: CanarySpec, status: CanaryStatus) -> Cause | None:
    if status.failed_checks >= spec.threshold:
        return events.threshold_reached(status.failed_checks)
    limit = spec.inconclusive_limit
    if limit and status.inconclusive_checks >= limit:
        return events.evidence_missing(status.inconclusive_checks)
    return None


def _failed(status: CanaryStatus) -> CanaryStatus:
    return replace(status, failed_checks=status.failed_checks + 1, inconclusive_checks=0)


def _inconclusive(status: CanaryStatus) -> CanaryStatus:
    return replace(status, inconclusive_checks=status.inconclusive_checks + 1)


def _last_readings(r: Rollout, judgements: Sequence[Judgement]) -> tuple[CheckStatus, ...]:
    """Return the last reading of every check of the spec: one whose window has to fill again keeps the one it had."""
    before = {check.name: check for check in r.world.canary.status.checks}
    now = {j.check.name: _as_status(r, j, before.get(j.check.name)) for j in judgements}
    found = (now.get(check.name) or before.get(check.name) for check in r.spec.checks)
    return tuple(status for status in found if status is not None)


def _as_status(r: Rollout, judgement: Judgement, before: CheckStatus | None) -> CheckStatus:
    check, reading = judgement.check, judgement.reading
    value = rounded(check, reading.number) if isinstance(reading, Value) else None
    readings = [number for number in (before.worst if before else None, value) if number is not None]
    return CheckStatus(
        name=check.name,
        verdict=judgement.verdict,
        threshold=None if isinstance(check, OwnCheck) else check.threshold,
        value=value,
        message=judgement.text,
        time=r.world.now,
        limits=check.limits if isinstance(check, OwnCheck) else None,
        worst=worst(check, *readings) if readings else None,
    )
