"""Rules of the stages: how a rollout starts, is promoted, finishes, and starts over with a newer template.

``decide.py`` says in which order they are asked. Each returns a plan, or None to let the next one speak.
"""

from dataclasses import replace

from controller.core import ending, events, gates, pacing, standing, steps, verb_rules
from controller.core.canary import Stage
from controller.core.nouns import canary_label
from controller.core.plan import Plan
from controller.core.world import Rollout


def start_a_rollout(r: Rollout) -> Plan | None:
    """First sight of an object, a revision that was not analysed yet (behaviour 4), or one that somebody retries."""
    if not r.world.at_rest:
        return None
    closed = gates.first_closed(r.world, gates.TO_START)
    if closed:
        return standing.behind(r.world, closed)
    retried = verb_rules.is_retried(r.world) and not r.overtaken
    revision = r.canary_workload.template.revision
    return steps.start(r, events.retrying(canary_label(r.world), revision) if retried else None)


def give_the_canary_pods(r: Rollout) -> Plan | None:
    """The canary is scaled up if it has no replicas, or fewer than were claimed for it and nobody scaled since.

    Source: behaviour 4.
    """
    status = r.world.canary.status
    short = r.canary_workload.wants_fewer_than(status.canary_replicas)
    unscaled = r.canary_workload.generation == status.canary_generation and short
    lacks = not r.canary_workload.replicas or unscaled
    return steps.give_pods(r) if r.stage is Stage.STARTING and lacks else None


def roll_back_after_the_deadline(r: Rollout) -> Plan | None:
    """A canary of which no pod is available within its progress deadline will never be ready (behaviour 7)."""
    if r.stage not in {Stage.STARTING, Stage.PROGRESSING}:
        return None
    observed = (
        r.canary_workload.observed_generation >= r.canary_workload.generation
    )  # or the condition speaks of an older template
    due = pacing.deadline_at(r)
    if not (observed and r.canary_workload.deadline_exceeded) and (due is None or due > r.world.now):
        return None
    return ending.roll_back(r.world, r.world.canary.status, events.deadline_exceeded(r.canary_workload.failure))


def copy_what_was_claimed(r: Rollout) -> Plan | None:
    """A promotion that was claimed but has not arrived is carried out: the live template is the analysed one.

    Source: behaviour 10.
    """
    if r.stage is not Stage.PROMOTING:
        return None
    closed = gates.first_closed(r.world, gates.PARTS)
    take_off = not r.world.canary_serves
    return standing.behind(r.world, closed, take_off=take_off) if closed else steps.copy(r)


def finish_the_promotion(r: Rollout) -> Plan | None:
    """A template that has reached the primary is never analysed again: wait for the primary, then finish.

    Source: behaviour 10, 12.
    """
    if r.stage is not Stage.PROMOTING or not r.copied:
        return None
    closed = gates.first_closed(r.world, gates.PRIMARY)
    if closed is None:
        stepped = r.spec.stepped and not r.overtaken and r.world.sends_to_canary and r.weight > r.spec.step_weight
        return _return_traffic(r) if stepped else ending.finish(r)
    return standing.behind(r.world, closed, take_off=r.overtaken or not r.world.canary_serves)


def _return_traffic(r: Rollout) -> Plan:
    due = pacing.round_due_at(r.world, r.spec)
    return steps.return_traffic(r) if r.world.now >= due else Plan(wake_after=pacing.until(r.world, due))


def start_the_cure_of_a_primary_that_fails(r: Rollout) -> Plan | None:
    """A newer template is not kept waiting by a promoted version that does not run on the primary (behaviour 12)."""
    fails = not r.world.primary_serves or r.primary_is_beyond_help
    return steps.start(r) if r.stage is Stage.PROMOTING and r.copied and r.overtaken and fails else None


def start_over_with_a_new_template(r: Rollout) -> Plan | None:
    """A new template mid-rollout takes traffic off the canary at once and starts over (behaviour 12)."""
    return steps.start(r) if r.overtaken and not r.world.at_rest else None


def skip_what_changes_nothing(r: Rollout) -> Plan | None:
    """If promotion would change nothing there is nothing to roll out, whichever side was changed (behaviour 4)."""
    if r.stage is Stage.PROMOTING or not r.changes_nothing or (r.world.at_rest and r.world.route_is_unreadable):
        return None
    return ending.finish_without_analysis(r)


def refuse_what_failed_before(r: Rollout) -> Plan | None:
    """A revision that failed stays failed when the template goes back to it, unless somebody retries it.

    Source: behaviour 9.
    """
    revision = r.canary_workload.template.revision
    new = r.overtaken or r.world.canary.status.state is None
    if not new or revision not in r.world.canary.status.failed_revisions:
        return None
    status = replace(steps.fresh_status(r), canary_weight=r.weight)
    return ending.roll_back(r.world, status, events.failed_before(revision))
