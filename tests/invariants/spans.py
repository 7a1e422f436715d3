"""Invariants of time: what may not last, and what may not follow too soon."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from controller.core.pacing import SLOW_SHIFT
from router.types import TOTAL
from tests.invariants.moments import Breach, Paces
from tests.invariants.record import Change, Record
from tests.invariants.scenes import Scene, able_spans, pod_spec

SPREAD = 1.1
"""An interval is up to a tenth longer, by the name of the object."""

CLOCKS = 0.02  # seconds between two clocks of one machine, and between a write and its answer
STUCK_SECONDS = 10.0


def lasting(
    record: Record, scenes: Sequence[Scene], holds: Callable[[Scene], str]
) -> Iterator[tuple[Scene, float, str]]:
    """Yield what lasted: its first scene, for how long a controller could have acted, and what ``holds`` said of it."""
    first, lasted, said = None, 0.0, ""
    for scene in scenes:
        now = holds(scene)
        if now != said and first is not None:
            yield first, lasted, said
            first, lasted = None, 0.0
        said = now
        for begin, end in able_spans(record, scene) if now else ():
            if begin > scene.at and first is not None:  # a controller that comes back has the whole time again
                yield first, lasted, said
                lasted = 0.0
            first, lasted = first or scene, lasted + end - begin
    if first is not None:
        yield first, lasted, said


def nothing_goes_to_nothing(record: Record, scenes: Sequence[Scene], paces: Paces) -> Iterator[Breach]:
    """No weight above 0 for a side without pods or service while the other has them, for longer than a moment."""

    def lost(scene: Scene) -> str:
        if scene.leaving or scene.invalid or (scene.ended and scene.names_somebody):
            return ""
        for side, other in (("primary", "canary"), ("canary", "primary")):
            if scene.weight(side) and not scene.serves(side) and scene.serves(other):
                return f"the {side} has traffic and does not serve"
        return ""

    for scene, lasted, what in lasting(record, scenes, lost):
        most = scene.interval(paces.interval) + 1.0 + paces.slack
        if lasted > most:
            yield scene.change, f"{what}, for {lasted:.2f}s (at most {most:.2f}s)"


def traffic_is_judged(record: Record, scenes: Sequence[Scene], paces: Paces) -> Iterator[Breach]:
    """While traffic flows and the windows are filled, no interval passes without a judgement."""

    def unjudged(scene: Scene) -> str:
        flows = scene.running and scene.status.get("stage") == "progressing" and scene.canary_weight
        if not flows or scene.leaving or scene.invalid or not scene.analysis.get("metrics"):
            return ""
        # What begins an interval anew: a judgement, a weight that was carried, other limits.
        carried = tuple(scene.pairs())
        return f"{scene.status.get('lastCheckTime')} {carried} {scene.status.get('trafficStartTime')} {scene.analysis}"

    for scene, lasted, _ in lasting(record, scenes, unjudged):
        filled = (scene.time("trafficStartTime") or scene.at) + scene.window
        most = scene.interval(paces.interval) * SPREAD + max(0.0, filled - scene.at) + paces.slack
        if lasted > most:
            yield scene.change, f"traffic of {lasted:.2f}s was not judged (at most {most:.2f}s)"


def rollouts_move(record: Record, scenes: Sequence[Scene], paces: Paces) -> Iterator[Breach]:
    """Every rollout ends, or a condition names who must act: none stands still without a word."""

    def still(scene: Scene) -> str:
        if not scene.running or scene.leaving or scene.names_somebody or scene.converging:
            return ""
        return str(scene.status)

    for scene, lasted, _ in lasting(record, scenes, still):
        most = scene.interval(paces.interval) * SPREAD + scene.window + scene.drain + STUCK_SECONDS + paces.slack
        if lasted > most:
            where = scene.status.get("stage")
            yield scene.change, f"{where} without a write or a word for {lasted:.2f}s (at most {most:.2f}s)"


def steps_keep_their_distance(record: Record, scenes: Sequence[Scene], paces: Paces) -> Iterator[Breach]:
    """No two steps within an interval of the route; the copy of the template is the step after the last.

    All traffic to the canary is none while the primary serves nobody, nor right after that: the news takes a moment.
    """
    carried_at, most, away_at = None, 0, -math.inf
    for before, after in pairwise(scenes):
        change = after.change
        if not before.serves("primary"):
            away_at = after.at
        if after.status.get("trafficStartTime") != before.status.get("trafficStartTime") or not after.running:
            carried_at, most = None, 0
        if change is None or not change.ours:
            continue
        diverted = after.canary_weight == TOTAL and after.at - away_at < paces.slack
        if carried_at is not None and not diverted and _is_step(before, after, change, most):
            passed = after.at - _known_as_carried(record, before, carried_at, after.at)
            wanted = after.interval(paces.interval)
            if passed < wanted - CLOCKS:
                yield change, f"a step {passed:.3f}s after the route carried the last weight, not {wanted:g}s"
        claimed = before.status.get("stage") == "promoting"  # traffic that lost pods move then is no step
        if change.resource == "virtualservices" and before.pairs() != after.pairs() and not claimed:
            carried_at, most = after.at, max(most, after.canary_weight)


def _known_as_carried(record: Record, before: Scene, carried_at: float, at: float) -> float:
    """Return since when the route carries the weight, as far as the controller can tell.

    One that was restarted meanwhile knows when the step was claimed; the route has followed within a second of it.
    """
    claimed_at = before.time("lastCheckTime")
    restarted = any(carried_at <= moment <= at and not able for moment, able in record.able)
    if not restarted or claimed_at is None:
        return carried_at
    return min(carried_at, max(claimed_at, carried_at - SLOW_SHIFT.total_seconds()))


def _is_step(before: Scene, after: Scene, change: Change, most: int) -> bool:
    if not before.canary_weight or not before.serves("primary") or _promoted_by_hand(before):
        return False
    if change.resource == "virtualservices":
        return after.canary_weight > most
    return pod_spec(before.primary) != pod_spec(after.primary)


def _promoted_by_hand(scene: Scene) -> bool:
    notes = ((scene.canary or {}).get("metadata") or {}).get("annotations") or {}
    return bool(notes.get("flagger.app/promote"))
