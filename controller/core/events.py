"""Every sentence that a canary's owner can read, in one place.

The texts are a documented interface (docs/events.md): those of the first Flagger where it has one, in its
grammar where it has none. ``{c}`` is the canary object, ``{k}`` the canary workload and ``{p}`` the primary, all of
the form ``name.namespace``.
"""

from dataclasses import dataclass
from typing import Literal

from controller.core.canary import State
from controller.core.verbs import ABORT, PROMOTE, RETRY


@dataclass(frozen=True, slots=True)
class Event:
    """One sentence for the canary's owner."""

    type: Literal["Normal", "Warning"]
    text: str
    action: str  # finer than the reason, which is always Synced
    kind: str = ""  # halts and waits of one kind combine (contract E2); "" never combines
    terminal: bool = False  # starts or ends a rollout: never dropped (contract E3)
    version: str = ""  # of the rollout, as the status has it: a field of the event, no part of its text


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a rollout ends, and how."""

    reason: str  # of the condition Promoted, and of the metric that counts rollouts: one CamelCase word
    text: str  # the condition's message; of a rollback also the end of the sentence "Rolling back …"
    state: State = State.FAILED


def starting(c: str) -> Event:
    """Start of the first rollout of an object."""
    return Event("Normal", f"Starting canary deployment for {c}", "Start", terminal=True)


def new_revision(k: str, old: str, new: str) -> Event:
    """Start of every other rollout."""
    return Event("Normal", f"New revision detected {k} old {old} new {new}", "Start", terminal=True)


def scaling_up(c: str) -> Event:
    """The canary goes from no pods to some."""
    return Event("Normal", f"Scaling up {c}", "ScaleUp")


def nothing_to_roll_out(k: str, p: str, revision: str) -> Event:
    """The primary already runs what the canary would bring."""
    return Event(
        "Normal", f"Nothing to roll out {p} already runs the template of {k} revision {revision}", "Skip", terminal=True
    )


def waiting(c: str, why: str, *, side: str) -> Event:
    """A workload that has not converged. ``side`` (primary, canary) keeps their numbers apart."""
    return Event("Warning", f"Waiting for {c} rollout to finish: {why}", "Wait", kind=f"wait:{side}")


def advance(c: str, weight: int) -> Event:
    """One step."""
    return Event("Normal", f"Advance {c} canary weight {weight}", "Advance")


def reduce(c: str, before: int, weight: int) -> Event:
    """The canary has more traffic than it may have: its maximum was lowered, or the primary is back."""
    return Event("Normal", f"Reduce {c} canary weight {before} to {weight}", "Reduce")


def returning(c: str, weight: int) -> Event:
    """After a promotion, one step of the traffic's way back to the primary."""
    return Event("Normal", f"Return {c} canary weight {weight}", "Return")


def only_the_canary_serves(c: str, p: str) -> Event:
    """The primary has lost its pods or its service while the canary has both."""
    text = f"Halt {c} advancement available replicas 0 < 1 of {p}, the canary gets all traffic"
    return Event("Warning", text, "Divert", kind="halt:primary-lost", terminal=True)


def correcting(c: str, found: str, weight: int) -> Event:
    """Somebody else left the route at another weight than the recorded one."""
    return Event("Warning", f"Correcting {c} canary weight {found} to {weight}", "Correct", kind="correct")


def halt(c: str, what: str, *, kind: str) -> Event:
    """The weight stays. ``what`` is ``<what> <value> <relation> <limit>``, or what is missing or in the way."""
    return Event("Warning", f"Halt {c} advancement {what}", "Halt", kind=f"halt:{kind}")


def unreadable(c: str, why: str) -> Event:
    """The object itself is malformed; ``why`` names the field and what would be right."""
    return halt(c, f"the canary object cannot be read: {why}", kind="unreadable")


def copying(k: str, p: str) -> Event:
    """Promotion."""
    return Event("Normal", f"Copying {k} template spec to {p}", "Promote", terminal=True)


def completed(k: str, *, keeps_pods: bool = False) -> Event:
    """The end of a promotion; what cannot be scaled down keeps its pods, without traffic."""
    text = f"{k} keeps its pods" if keeps_pods else f"Scaling down {k}"
    return Event("Normal", f"Promotion completed! {text}", "Finish", terminal=True)


def completed_before_new_revision(k: str, revision: str) -> Event:
    """The end of a promotion while a newer template already waits on the canary, which keeps its pods."""
    return Event("Normal", completed_with_revision(k, revision), "Finish", terminal=True)


def completed_with_revision(k: str, revision: str) -> str:
    """Return the line that is logged beside the event."""
    return f"Promotion completed! {k} revision {revision}"


def rolling_back(k: str, why: Cause) -> Event:
    """The decision to give up."""
    return Event("Warning", f"Rolling back {k} {why.text}", "RollBack", terminal=True)


def failed(k: str, *, keeps_pods: bool = False) -> Event:
    """The end of a rollout that was given up."""
    text = f"{k} keeps its pods" if keeps_pods else f"Scaling down {k}"
    return Event("Warning", f"Canary failed! {text}", "Fail", terminal=True)


def failed_before_new_revision(k: str, revision: str) -> Event:
    """The end of a rollout that was given up while a newer template already waits on the canary."""
    return Event("Warning", f"Canary failed! {k} revision {revision}", "Fail", terminal=True)


def retrying(k: str, revision: str) -> Event:
    """Somebody asked for a revision that has failed."""
    return Event("Normal", f"Retrying {k} revision {revision} as {RETRY} asks", "Start", terminal=True)


def skipping_the_analysis(k: str, revision: str) -> Event:
    """Somebody asked for the promotion without what is left of the analysis."""
    text = f"Skipping the rest of the analysis of {k} revision {revision} as {PROMOTE} asks"
    return Event("Warning", text, "Skip", terminal=True)


def too_late_to_abort(k: str, revision: str) -> Event:
    """Somebody asked to abort a revision that the primary runs already."""
    text = f"Cannot abort {k} revision {revision} which is already promoted, release the previous version"
    return Event("Warning", text, "Abort", terminal=True)


def released(c: str, p: str) -> Event:
    """The canary object was deleted mid-rollout."""
    return Event("Normal", f"Canary {c} is being deleted, routing all traffic to {p}", "Release", terminal=True)


def released_as_it_is(c: str, what: str) -> Event:
    """The canary object was deleted mid-rollout, and its route cannot be read."""
    text = f"Canary {c} is being deleted, its traffic stays as it is: {what}"
    return Event("Warning", text, "Release", terminal=True)


def threshold_reached(count: int) -> Cause:
    """Too many failed checks."""
    return Cause("FailedChecks", f"failed checks threshold reached {count}")


def evidence_missing(count: int) -> Cause:
    """Too many rounds in a row that could not be judged."""
    return Cause("NoEvidence", f"not enough data, inconclusive checks limit reached {count}")


def deadline_exceeded(why: str) -> Cause:
    """No pod became available in time; ``why`` is the Deployment's own word for it, or ""."""
    return Cause("ProgressDeadlineExceeded", f"progress deadline exceeded{f', {why}' if why else ''}")


def workload_deleted(kind: str) -> Cause:
    """The canary workload is gone; ``kind`` as sentences name it."""
    return Cause("WorkloadDeleted", f"the {kind} was deleted")


def failed_before(revision: str) -> Cause:
    """The template is one that was rolled back earlier."""
    return Cause("FailedBefore", f"revision {revision} failed before and is not tried again unless {RETRY} asks")


def promoted(revision: str) -> Cause:
    """The revision has reached the primary."""
    return Cause("Promoted", f"Revision {revision} is promoted", State.FINISHED)


def already_there(revision: str) -> Cause:
    """The primary runs what the canary would bring."""
    return Cause("NothingToRollOut", f"The primary already runs revision {revision}", State.FINISHED)


ABORTED = Cause("Aborted", f"as {ABORT} asks")

ENDS_WELL = frozenset({"Promoted", "NothingToRollOut"})
"""Reasons of a rollout that finishes; it fails for every other one."""
