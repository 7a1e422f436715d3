"""Rules that hold for any world: for objects that are deleted, invalid or at rest, and for parts that cannot be seen.

``decide.py`` says in which order they are asked. Each returns a plan, or None to let the next one speak.
"""

from dataclasses import replace

from controller.core import ending, events, gates, pacing, rounds, standing, verb_rules
from controller.core.canary import InvalidSpec, Stage, State
from controller.core.nouns import noun
from controller.core.plan import Plan, ReleaseFinalizer
from controller.core.traffic import owed_fence
from controller.core.world import World, rollout_of, template_changed
from deploy.types import Workload
from informers.types import Unreadable


def release_what_is_deleted(world: World) -> Plan | None:
    """A deleted object, or one of a namespace that goes, is never advanced; its traffic goes to the primary.

    Source: behaviour 16.
    """
    if not world.canary.deleting and not world.namespace_terminating:
        return None
    return ending.let_go(world) if world.finalizer_held else Plan()


def refuse_an_invalid_spec(world: World) -> Plan | None:
    """Nothing is done for a spec that cannot be understood; traffic stays where it is."""
    closed = gates.first_closed(world, (gates.INVALID_SPEC,))
    return standing.behind(world, closed) if closed else None


def halt_without_a_kind(world: World) -> Plan | None:
    """What cannot be seen is not taken for missing: nothing moves, and nothing is rolled back (behaviour 19)."""
    closed = gates.first_closed(world, gates.KINDS)
    return replace(standing.behind(world, closed), wake_after=pacing.UNTIL_SERVED) if closed else None


def rest_while_nothing_changed(world: World) -> Plan | None:
    """At rest nothing moves, and a revision that failed is not tried again unless somebody retries it.

    Source: behaviour 13, 9.
    """
    if world.canary.status.state not in {State.FINISHED, State.FAILED} or _has_something_new(world):
        return None
    owed = owed_fence(world)
    if owed:
        return Plan(owed)
    return Plan((ReleaseFinalizer(),)) if world.finalizer_held else standing.at_rest(world)


def go_on_ending(world: World) -> Plan | None:
    """An end that was decided is carried out, whatever has changed since (behaviour 9)."""
    stage = world.canary.status.stage
    return ending.go_on_ending(world) if stage in {Stage.ROLLING_BACK, Stage.DRAINING} else None


def stand_back_for_an_older_canary(world: World) -> Plan | None:
    """Two objects that share a workload or a route are a configuration error; the newer halts (behaviour 15)."""
    closed = gates.first_closed(world, (gates.OLDER_CANARY,))
    return standing.behind(world, closed) if closed else None


def roll_back_a_deleted_canary(world: World) -> Plan | None:
    """A canary Deployment that is deleted mid-rollout will never be ready (behaviour 7)."""
    spec = world.canary.spec
    if world.at_rest or world.canary_workload is not None or isinstance(spec, InvalidSpec):
        return None
    return ending.roll_back(world, world.canary.status, events.workload_deleted(noun(spec.target_kind)))


def give_up_what_cannot_be_read(world: World) -> Plan | None:
    """A canary Deployment that cannot be read is no evidence: each round counts as inconclusive (behaviour 8)."""
    spec, status = world.canary.spec, world.canary.status
    if isinstance(spec, InvalidSpec) or world.at_rest or not isinstance(world.canary_workload, Unreadable):
        return None
    if verb_rules.is_asked(world.canary.verbs.abort, status.obeyed.abort, status):
        return verb_rules.abort(world)
    return rounds.unreadable(world, spec)


def halt_without_the_canary(world: World) -> Plan | None:
    """The canary Deployment must exist and be readable."""
    closed = None if rollout_of(world) else gates.first_closed(world, gates.PARTS)
    return standing.behind(world, closed) if closed else None


def _has_something_new(world: World) -> bool:
    workload = world.canary_workload
    return isinstance(workload, Workload) and (template_changed(world.canary, workload) or verb_rules.is_retried(world))
