"""What a round has found, and what follows from it: advance, promote, halt, or roll back in the same round."""

from collections.abc import Sequence
from dataclasses import replace

from controller.core import events, pacing, steps
from controller.core.canary import CanaryStatus, CheckStatus
from controller.core.events import Cause
from controller.core.plan import Plan, Say, WriteStatus
from controller.core.world import Ready
from metrics.types import Judgement, Reading, Value, Verdict
from metrics.verdicts import judge


def judged(r: Ready, readings: Sequence[Reading]) -> Plan:
    """Judge the readings, one per check in their order."""
    judgements = tuple(judge(check, reading) for check, reading in zip(r.spec.checks, readings, strict=True))
    status = replace(r.world.canary.status, checks=tuple(_noted(r, j) for j in judgements))
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):  # a failure weighs more than a missing reading
        found = [j for j in judgements if j.verdict is verdict]
        if found:
            what = ", ".join(j.text for j in found)
            said = Say(events.halt(r.world.canary.label, what, kind="+".join(j.check.name for j in found)))
            return _halted(r, _failed(status) if verdict is Verdict.FAIL else _inconclusive(status), said)
    return _passed(r, replace(status, inconclusive_checks=0))


def pods_lost(r: Ready) -> Plan:
    """Count a failed check for a canary without pods, and take its traffic off first.

    Leaving the weight where it is would send a share of the users to nothing for as long as the pods are gone. The
    ladder is climbed again from the first step once they are back; the failed checks stay counted.
    """
    what = f"available replicas 0 < 1 of {steps.workload_label(r.world)}"
    said = Say(events.halt(r.world.canary.label, what, kind="pods"))
    status = replace(_failed(r.world.canary.status), canary_weight=0)
    plan = _halted(r, status, said)
    if _limit_reached(r, status):
        return plan
    write, *rest = plan.actions
    return replace(plan, actions=(write, *steps.drain(r.world), *rest))


def corrected(r: Ready, found: str) -> Plan:
    """Put the route back; an interval that was cut short too often is a want of evidence.

    Counted once a round, however often it is put back: a hiccup of the API server must not roll a canary back.
    """
    if not r.weight:
        return steps.correct(r, r.world.canary.status, found)
    status, correction = r.world.canary.status, f"correcting to {r.weight}"
    counted = pacing.complaint_may_be_said(r.world, correction, pacing.interval(r.world, r.spec))
    if counted:
        status = _inconclusive(status)
        why = _limit_reached(r, status)
        if why:
            return steps.roll_back(r.world, status, why)
    return replace(steps.correct(r, status, found), complaint=pacing.remembered(r.world, correction, said=counted))


def _passed(r: Ready, status: CanaryStatus) -> Plan:
    # Only after a passing round *at* the maximum: the weight that was checked is the one that was recorded.
    return steps.promote(r, status) if r.weight >= r.spec.max_weight else steps.advance(r, status)


def _halted(r: Ready, status: CanaryStatus, said: Say) -> Plan:
    status = replace(steps.note(r, status), last_check_time=r.world.now)
    why = _limit_reached(r, status)
    if why:
        return steps.roll_back(r.world, status, why, said=(said,))
    return Plan((WriteStatus(status), said), wake_after=pacing.interval(r.world, r.spec))


def _limit_reached(r: Ready, status: CanaryStatus) -> Cause | None:
    if status.failed_checks >= r.spec.threshold:
        return events.threshold_reached(status.failed_checks)
    limit = r.spec.inconclusive_limit
    if limit and status.inconclusive_checks >= limit:
        return events.evidence_missing(status.inconclusive_checks)
    return None


def _failed(status: CanaryStatus) -> CanaryStatus:
    return replace(status, failed_checks=status.failed_checks + 1, inconclusive_checks=0)


def _inconclusive(status: CanaryStatus) -> CanaryStatus:
    return replace(status, inconclusive_checks=status.inconclusive_checks + 1)


def _noted(r: Ready, judgement: Judgement) -> CheckStatus:
    reading = judgement.reading
    return CheckStatus(
        name=judgement.check.name,
        verdict=judgement.verdict,
        threshold=judgement.check.threshold,
        value=reading.number if isinstance(reading, Value) else None,
        message=judgement.text,
        time=r.world.now,
    )
