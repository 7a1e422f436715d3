"""What follows when the API server refuses a write: a report, and the claim of the write is taken back.

A step or a promotion that was claimed and refused would otherwise stand in the status, not judged, while traffic flows
as before. With the claim taken back, every round is judged where the route really is, and ends with the next try.
"""

from dataclasses import replace
from datetime import datetime

from controller.core import events, gates, pacing, standing
from controller.core.canary import READY, CanaryStatus, Stage
from controller.core.gates import Closed
from controller.core.plan import CopyTemplate, Fence, Plan, Refusal, Shift
from controller.core.world import World
from router.types import Weights


def report(world: World, refusal: Refusal) -> Plan:
    """Return the report of a refusal: an event once a round at most, and the condition ``Ready`` while it lasts.

    Args:
        world: as it is after the refusal.
        refusal: with what was reported before.
    """
    closed = Closed(gates.WRITE_REFUSED, _what(world, refusal))
    # The words of a server may differ each time, by the number of a port or a request: they count as the same.
    known = refusal.complaint and replace(refusal.complaint, text=_text_of_the_event(world, closed))
    memory = replace(world.memory, refusal=refusal, complaint=known)
    return standing.behind(replace(world, memory=memory), closed, status=_claim_taken_back(world, refusal))


def one_more(last: Refusal | None, action: str, text: str, at: datetime) -> Refusal:
    """Return a refusal that has come after another, or after none."""
    if last is None:
        return Refusal(action, text, at)
    return Refusal(action, text, at, last.count + 1, last.complaint)


def _what(world: World, refusal: Refusal) -> str:
    """Return the words of this refusal, or within a round of a report those of the report."""
    ready, known = world.canary.status.condition(READY), refusal.complaint
    recent = known is not None and known.at <= world.now < known.at + pacing.MINUTE
    same = ready is not None and ready.reason == gates.WRITE_REFUSED.reason
    return ready.message if recent and same and ready else refusal.text


def _text_of_the_event(world: World, closed: Closed) -> str:
    return events.halt(world.canary.label, closed.what, kind=closed.gate.reason).text


def _claim_taken_back(world: World, refusal: Refusal) -> CanaryStatus | None:
    status = world.canary.status
    if refusal.action in {CopyTemplate.__name__, Fence.__name__} and status.stage is Stage.PROMOTING:
        return replace(status, stage=Stage.PROGRESSING, fence_owed=True)
    carried = world.route.weights if world.route else None
    step = refusal.action == Shift.__name__ and status.stage is Stage.PROGRESSING
    if not step or not status.canary_weight or carried != Weights.to_canary(status.previous_weight):
        return None
    begun = status.traffic_start_time if status.previous_weight else None
    return replace(status, canary_weight=status.previous_weight, traffic_start_time=begun)
