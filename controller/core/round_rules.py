"""Rules of the rounds: judge the traffic that flows, wait for what has to be waited for, advance, promote.

``decide.py`` says in which order they are asked. Each returns a plan, or None to let the next one speak.
"""

from controller.core import gates, obstacles, pacing, rounds, standing, steps
from controller.core.canary import Stage
from controller.core.plan import Plan
from controller.core.world import Rollout
from metrics.types import Verdict


def judge_what_flows(r: Rollout) -> Plan | None:
    """Every round with traffic is judged, whatever gate is closed: fails count, and roll back at the limit (6 to 9)."""
    if not rounds.is_due(r):
        return None
    if not r.weight and not r.world.canary_serves:
        return rounds.cannot_serve(r)
    checks = rounds.to_judge(r)
    if checks and r.world.readings is None:
        return Plan(observe=tuple(checks), complaint=r.world.memory.complaint)
    found = rounds.judged(r)
    if found.verdict is not Verdict.PASS:
        return rounds.halted(r, found)
    return rounds.give_up_at_the_limit(r, found.status)


def wait_out_a_refusal(r: Rollout) -> Plan | None:
    """A write that was refused is tried again at a growing pace, and meanwhile what flows is judged.

    What ends traffic to nobody does not wait. Source: behaviour 8.
    """
    refused = r.world.memory.refusal
    if refused is None or not refused.waits(r.world.now) or obstacles.traffic_to_nothing(r.world):
        return None
    held = rounds.is_due(r) and r.world.readings is not None
    return standing.until_retried(r, refused.due_at, status=rounds.judged(r).status if held else None)


def stand_at_a_closed_gate(r: Rollout) -> Plan | None:
    """Nothing moves while a gate is closed; a round that was held is noted."""
    closed = gates.first_closed(r.world, gates.GATES)
    if closed is None:
        return None
    held = rounds.is_due(r) and r.world.readings is not None
    return standing.behind(r.world, closed, status=rounds.judged(r).status if held else None)


def wait_for_the_round(r: Rollout) -> Plan | None:
    """No step before the interval has passed (behaviour 14); the first one of a rollout needs none (behaviour 5)."""
    due = pacing.round_due_at(r.world, r.spec)
    if r.stage is Stage.STARTING or r.world.now >= due:
        return None
    return standing.until_due(r, pacing.until(r.world, due))


def wait_for_the_windows(r: Rollout) -> Plan | None:
    """No step before every check was judged, for which its window must be filled (behaviour 6)."""
    unjudged = rounds.unjudged(r) if r.weight and r.stage is not Stage.STARTING else ()
    if not unjudged:
        return None
    if r.world.readings is not None:
        return standing.held_a_round(r, rounds.judged(r).status)
    return standing.until_due(r, pacing.until(r.world, min(pacing.filled_at(r, check) for check in unjudged)))


def take_the_first_step(r: Rollout) -> Plan | None:
    """No metrics are checked while no traffic flows (behaviour 5)."""
    starting = r.stage is Stage.STARTING or not r.weight
    return steps.advance(r, r.world.canary.status) if starting else None


def advance_or_promote(r: Rollout) -> Plan | None:
    """A passing round advances; one at the maximum promotes: the weight that was judged is the recorded one.

    Source: behaviour 6.
    """
    status = rounds.judged(r).status
    return steps.promote(r, status) if r.weight >= r.spec.max_weight else steps.advance(r, status)
