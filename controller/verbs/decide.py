"""What a verb writes on a Canary object in the state that it is in, or why it is refused. Pure.

The controller ignores what does not fit the state, silently: an annotation may be older than the rollout. A person who
has just typed a command must be told, so the same rules stand here as sentences.

The status is read as JSON and not as ``core.canary`` has it: that of a newer controller is refused in words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from controller.core import verbs
from controller.core.canary import Canary, CanarySpec, InvalidSpec
from controller.core.nouns import ROLLED_OUT
from controller.core.parse import DEFAULT_KIND
from controller.core.parse_status import StatusError, parse_status

Json = dict[str, Any]
Parse = Callable[[Json], Canary]


class Verb(StrEnum):
    """What can be asked."""

    ABORT = "abort"
    PROMOTE = "promote"
    RETRY = "retry"
    HOLD = "hold"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What to write, and what will happen."""

    sentence: str
    patch: Json | None  # a merge patch with the version that was read as precondition; None: nothing is to be written


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is written."""

    sentence: str  # which state the rollout is in, and what would be right


Decision = Accepted | Refused

_NEW, _RUNNING, _FINISHED, _FAILED = "new", "running", "finished", "failed"
_STARTING, _PROGRESSING, _PROMOTING = "starting", "progressing", "promoting"
_ROLLING_BACK, _DRAINING = "rolling-back", "draining"
_IN_ANALYSIS = frozenset({_STARTING, _PROGRESSING})
_AT_REST = frozenset({_NEW, _FINISHED, _FAILED})
_ENDING = frozenset({_PROMOTING, _ROLLING_BACK, _DRAINING})

_ANNOTATIONS = {Verb.ABORT: verbs.ABORT, Verb.PROMOTE: verbs.PROMOTE, Verb.RETRY: verbs.RETRY}

_UNSEEN = "no rollout is running: the controller has not reconciled it yet, flagger check says what is missing"
_IS_ENDING = "the analysis of revision {revision} is over (stage draining)"
_IS_ROLLED_BACK = "revision {revision} is being rolled back (stage rolling-back)"
_IS_COPIED = "template is being copied to the primary or was copied (stage promoting)"
_IS_PROMOTED = f"the analysis of revision {{revision}} is over, its {_IS_COPIED}"
_TO_GO_BACK = "to roll back, release the previous version"
_TO_RETRY = "to start it again once the state is failed: {retry}"
_MAY_RETRY = "if it failed, start it again once the state is failed: {retry}"

_REFUSALS: Mapping[Verb, Mapping[str, str]] = {
    Verb.ABORT: {
        _NEW: _UNSEEN,
        _FINISHED: f"no rollout is running: the primary runs revision {{revision}} (state finished); {_TO_GO_BACK}",
        _FAILED: "no rollout is running: revision {revision} has failed, and all traffic goes to the primary; "
        "to start it again: {retry}",
        _PROMOTING: f"{_IS_PROMOTED}; {_TO_GO_BACK}",
        _ROLLING_BACK: f"{_IS_ROLLED_BACK}; {_TO_RETRY}",
        _DRAINING: f"{_IS_ENDING}; if it was promoted, release the previous version to roll back",
    },
    Verb.PROMOTE: {
        _NEW: _UNSEEN,
        _FINISHED: "no rollout is running: the primary runs revision {revision} (state finished); "
        "to promote another, release it",
        _FAILED: "no rollout is running: revision {revision} has failed; to start it again: {retry}",
        _PROMOTING: f"{_IS_PROMOTED}; there is nothing left to skip",
        _ROLLING_BACK: f"{_IS_ROLLED_BACK}; {_TO_RETRY}",
        _DRAINING: f"{_IS_ENDING}; {_MAY_RETRY}",
    },
    Verb.RETRY: {
        _NEW: _UNSEEN,
        _FINISHED: "revision {revision} has not failed, the primary runs it (state finished); "
        "to analyse it once more, {again}",
        _STARTING: "revision {revision} has not failed, it is running (stage starting); to abort it: {abort}",
        _PROGRESSING: "revision {revision} has not failed, it is running (stage progressing, {weight} % of the "
        "traffic); to abort it: {abort}",
        _PROMOTING: f"revision {{revision}} has not failed, its {_IS_COPIED}; {_TO_GO_BACK}",
        _ROLLING_BACK: f"{_IS_ROLLED_BACK}; {_TO_RETRY}",
        _DRAINING: f"{_IS_ENDING}; {_MAY_RETRY}",
    },
}
_UNKNOWN = (
    "revision {revision} is in a state or stage that this command does not know ({stage}); "
    "use the version of flagger that runs in the cluster"
)
_DELETED = "it is being deleted, so commands have no effect; its traffic goes to the primary"


def decide(canary: Json, verb: Verb, now: datetime, *, parse: Parse, reason: str = "") -> Decision:
    """Return what to write and to say, or why not.

    Args:
        canary: the object as the API server sent it.
        verb: what is asked.
        now: the wall clock, aware; it makes each use of a verb a distinct one.
        parse: as the controller reads such an object.
        reason: why it is held, instead of since when.
    """
    seen = _Seen.of(canary, parse)
    if seen.deleting:
        return Refused(f"{seen.label}: {_DELETED}")
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if verb is Verb.HOLD:
        return _hold(seen, reason, stamp)
    if verb is Verb.RESUME:
        return _resume(seen)
    if not (seen.failed if verb is Verb.RETRY else seen.in_analysis):
        return Refused(f"{seen.label}: {seen.fill(_REFUSALS[verb].get(seen.situation, _UNKNOWN))}")
    if isinstance(seen.spec, InvalidSpec) or seen.unreadable:
        return Refused(f"{seen.label}: the controller does nothing until {seen.to_correct}")
    value = f"{seen.revision}@{stamp}"
    return Accepted(_promise(seen, seen.spec, verb), seen.annotated(_ANNOTATIONS[verb], value))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What matters here of a Canary object."""

    namespace: str
    name: str
    version: str
    deleting: bool
    held: str | None  # value of the annotation, None if there is none
    situation: str  # the stage of a running rollout, else the state; "new" if it was never reconciled
    revision: str
    weight: int
    spec: CanarySpec | InvalidSpec
    unreadable: str  # why the controller cannot read the status; "" if it can

    @classmethod
    def of(cls, obj: Json, parse: Parse) -> "_Seen":
        meta = obj["metadata"]
        status = obj.get("status") or {}
        revision = str(status.get("canaryRevision") or "")
        state = str(status.get("state") or _NEW) if revision else _NEW
        return cls(
            namespace=meta["namespace"],
            name=meta["name"],
            version=meta["resourceVersion"],
            deleting=bool(meta.get("deletionTimestamp")),
            held=(meta.get("annotations") or {}).get(verbs.HOLD),
            situation=str(status.get("stage") or "unknown") if state == _RUNNING else state,
            revision=revision,
            weight=status.get("canaryWeight") or 0,
            spec=parse({**obj, "status": {}}).spec,
            unreadable=_why_unreadable(status),
        )

    @property
    def label(self) -> str:
        """Name as events print it: ``podinfo.test``."""
        return f"{self.name}.{self.namespace}"

    @property
    def to_correct(self) -> str:
        """What keeps the controller from obeying, if anything does."""
        if isinstance(self.spec, InvalidSpec):
            return f"the spec is corrected: {self.spec.problem}"
        return f"the status is corrected: {self.unreadable}"

    @property
    def in_analysis(self) -> bool:
        """Whether the rollout runs, and its end is not decided."""
        return self.situation in _IN_ANALYSIS

    @property
    def failed(self) -> bool:
        """Whether the last rollout has failed."""
        return self.situation == _FAILED

    def command(self, verb: Verb) -> str:
        """Return what to type."""
        return f"flagger {verb} {self.name} -n {self.namespace}"

    def fill(self, template: str) -> str:
        """Return a sentence of the table for this object."""
        return template.format(
            revision=self.revision,
            stage=self.situation,
            weight=self.weight,
            namespace=self.namespace,
            again=self._again(),
            abort=self.command(Verb.ABORT),
            retry=self.command(Verb.RETRY),
        )

    def _again(self) -> str:
        """Return what makes a new revision of the same version."""
        kind, name = DEFAULT_KIND, "CANARY"
        if isinstance(self.spec, CanarySpec):
            kind, name = self.spec.target_kind, self.spec.canary.name
        what = f"{kind.lower()}/{name}"
        if kind not in ROLLED_OUT:
            return f"change what is released of it: kubectl -n {self.namespace} edit {what}"
        return f"restart the canary: kubectl -n {self.namespace} rollout restart {what}"

    def annotated(self, annotation: str, value: str | None) -> Json:
        """Return the merge patch that sets an annotation, or removes it, if nobody has written since."""
        return {"metadata": {"resourceVersion": self.version, "annotations": {annotation: value}}}


def _why_unreadable(status: Json) -> str:
    try:
        parse_status(status)
    except StatusError as error:
        return str(error)
    return ""


def _promise(seen: _Seen, spec: CanarySpec, verb: Verb) -> str:
    """Return what follows from an abort, a promote or a retry that is accepted."""
    revision, resume = f"{seen.label}: revision {seen.revision}", seen.command(Verb.RESUME)
    if verb is Verb.ABORT:
        scaled = f", {spec.canary.name} is scaled to 0{_after(seen, spec)}," if _is_scaled(spec) else ""
        return (
            f"{revision} is being aborted: all traffic goes to the primary{scaled} and the state becomes failed. "
            f"It is not tried again unless you retry it: {seen.command(Verb.RETRY)}"
        )
    if verb is Verb.PROMOTE:
        held = f" It is held, and waits until you resume it: {resume}" if seen.held is not None else ""
        return (
            f"{revision} is being promoted without the rest of its analysis: its template is copied to "
            f"{spec.primary.name} as soon as pods, services and route are in order.{held}"
        )
    held = f" It is held, and gets no traffic until you resume it: {resume}" if seen.held is not None else ""
    scaled = f"{spec.canary.name} is scaled up, and " if _is_scaled(spec) else ""
    return f"{revision} is being retried: {scaled}its analysis starts again.{held}"


def _is_scaled(spec: CanarySpec) -> bool:
    return spec.target_kind in ROLLED_OUT


def _after(seen: _Seen, spec: CanarySpec) -> str:
    """Return when an aborted canary is scaled down: pods without traffic need no pause."""
    return f" after {spec.drain.total_seconds():g} s" if seen.weight and spec.drain else ""


def _hold(seen: _Seen, reason: str, stamp: str) -> Decision:
    value = reason or stamp
    if seen.situation in _AT_REST:
        effect = "no rollout is running, and the next one gets pods but no traffic"
    elif seen.situation in _ENDING:
        effect = (
            f"revision {seen.revision} ends as it would have (stage {seen.situation}), "
            "and the next rollout gets pods but no traffic"
        )
    else:
        effect = f"the canary's weight stays at {seen.weight} %, while checks and rollbacks go on"
    effect = f"{effect}. To resume: {seen.command(Verb.RESUME)}"
    if seen.held is not None and reason in {"", seen.held}:
        since = f" ({seen.held})" if seen.held else ""
        return Accepted(f"{seen.label} is held already{since}: {effect}", patch=None)
    return Accepted(f"{seen.label} is held: {effect}", seen.annotated(verbs.HOLD, value))


def _resume(seen: _Seen) -> Decision:
    if seen.held is None:
        return Accepted(f"{seen.label} is not held, there is nothing to resume", patch=None)
    if seen.situation in _AT_REST | _ENDING:
        then = "the next rollout is not held"
    elif seen.situation == _STARTING:
        then = "the first step follows once pods, services and route are in order"
    else:
        then = "the weight grows after the next round that passes"
    return Accepted(f"{seen.label} is no longer held: {then}", seen.annotated(verbs.HOLD, None))
