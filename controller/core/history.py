"""The rollouts of an object that have ended, for people: what was released, how it ended, and how bad it was. Pure.

It is part of the status, and comes with the write that notes the end: it costs no write of its own, and has a bound in
bytes, since the object is in every cache and in etcd.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from controller.core.canary import ROLLOUTS_KEPT, CanaryStatus, PastRollout, WorstReading
from controller.core.events import already_there
from controller.core.outcomes import outcome
from controller.core.status_json import past_json

MOST_BYTES = 8192  # of all of them, as JSON


def with_history(before: CanaryStatus, after: CanaryStatus, now: datetime) -> tuple[PastRollout, ...]:
    """Return the history after a write: with the rollout that it ends, if it ends one.

    Args:
        before: the status that was written before.
        after: the one that is written now, with its version.
        now: when.
    """
    end = outcome(before, after, released=False)
    if end is None:
        return before.history
    ended_as, reason = end
    # What was put back to the primary's template was not promoted: the version is the one that stayed.
    stayed = reason == already_there("").reason
    same = after.start_time == before.start_time and after.checks  # and so with the round that has ended it
    past = PastRollout(
        version=after.version if stayed else before.version,
        revision=before.canary_revision,
        started=before.start_time,
        ended=now,
        outcome=ended_as,
        reason=reason,
        worst=tuple(
            WorstReading(check.name, check.worst)
            for check in (after.checks if same else before.checks)
            if check.worst is not None
        ),
    )
    return _bounded((past, *before.history))


def _bounded(history: Sequence[PastRollout]) -> tuple[PastRollout, ...]:
    """Return as many of the newest as there is room for, but always the newest."""
    kept = list(history[:ROLLOUTS_KEPT])
    while len(kept) > 1 and len(json.dumps([past_json(past) for past in kept])) > MOST_BYTES:
        kept.pop()
    return tuple(kept)
