"""What GitOps tools read of a status: a phase in Flagger's words, and the two conditions of kstatus. Pure.

Argo CD brings a health check for ``flagger.app/Canary`` that reads ``status.phase``; Flux waits by kstatus, which reads
the conditions ``Reconciling`` and ``Stalled``. All of it follows from the rest of the status. So it is made whenever a
status is written and passed over when one is read: nothing is decided by it, and nothing is written for it.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import assert_never

from controller.core.canary import PROMOTED, READY, CanaryStatus, Condition, Stage, State

RECONCILING = "Reconciling"
STALLED = "Stalled"
DERIVED = frozenset({RECONCILING, STALLED})
"""Types of conditions that are made with each write."""

_INVALID = "InvalidSpec"


class Phase(StrEnum):
    """Where a canary is, in Flagger's words, as far as Argo CD's check knows them: others are ``Unknown`` to it."""

    PROGRESSING = "Progressing"  # likewise if no rollout could begin yet
    PROMOTING = "Promoting"
    FINALISING = "Finalising"  # all traffic is on the primary; the canary's pods stay for a while
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


NEVER_RECONCILED: Mapping[str, str | int] = {"phase": Phase.PROGRESSING.value, "canaryWeight": 0}
"""What Argo CD's check reads besides conditions, of an object of which nothing else is known."""


def phase(status: CanaryStatus) -> Phase:
    """Return the phase of a status."""
    match status.state:
        case None:
            return Phase.PROGRESSING
        case State.FINISHED:
            return Phase.SUCCEEDED
        case State.FAILED:
            return Phase.FAILED
        case State.RUNNING:
            return _of_stage(status.stage)
        case _:
            assert_never(status.state)


def _of_stage(stage: Stage | None) -> Phase:
    """A rollback in progress is still progressing: it has failed when it is done."""
    if stage is Stage.PROMOTING:
        return Phase.PROMOTING
    return Phase.FINALISING if stage is Stage.DRAINING else Phase.PROGRESSING


def conditions(status: CanaryStatus) -> Iterator[Condition]:
    """Yield the condition of kstatus that holds, if one does: there only while it is true.

    An object that lacks a part is neither: its parts may be applied a moment later, and ``Ready`` is False until then.

    Source: kstatus, "abnormal-true" conditions.
    """
    since = status.last_transition_time
    ready, promoted = status.condition(READY), status.condition(PROMOTED)
    if ready and ready.status == "False" and ready.reason == _INVALID:
        yield Condition(STALLED, "True", ready.reason, ready.message, ready.last_transition_time)
    elif promoted and since and status.state is State.FAILED:
        yield Condition(STALLED, "True", promoted.reason, promoted.message, since)
    elif promoted and since and status.state is State.RUNNING:
        yield Condition(RECONCILING, "True", promoted.reason, promoted.message, since)
