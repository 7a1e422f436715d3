"""From a status to the merge patch that brings the object there. The inverse of ``parse_status.parse_status``."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from controller.core import gitops
from controller.core.canary import BLOCKED, CanaryStatus, CheckStatus, Condition, PastRollout

Json = dict[str, Any]


def status_patch(old: CanaryStatus, new: CanaryStatus) -> Json:
    """Return what differs, as the value of ``status`` in a merge patch: null takes a field away."""
    before, after = to_json(old), to_json(new)
    patch: Json = {key: _replaced(before.get(key), value) for key, value in after.items() if before.get(key) != value}
    patch.update({key: None for key in before if key not in after})
    return patch


SHOWN = frozenset({"phase", "version", "reason", "message", "nextCheckTime", "history"})
"""Fields that nothing is decided by: a rollout goes on without them."""


def dropped(sent: Json, kept: object, where: str = "status") -> str | None:
    """Return which field of a merge patch the object that answers it lacks, as a path, or None if it has all.

    An API server drops what the schema of a definition does not name, without a word.
    """
    held = kept if isinstance(kept, dict) else {}
    for key, value in sent.items():
        if value is not None and key not in held:
            return f"{where}.{key}"
        if isinstance(value, dict):
            inner = dropped(value, held[key], f"{where}.{key}")
            if inner:
                return inner
    return None


def apply_patch(status: Json, patch: Json) -> Json:
    """Return a status after such a patch, as an API server answers it.

    Source: RFC 7386, JSON merge patch.
    """
    merged = dict(status)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = apply_patch(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged


def _replaced(before: Any, after: Any) -> Any:  # noqa: ANN401  # JSON
    """Return what brings one value to the other: members of an object are merged, so those that go are named."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {**after, **{key: None for key in before if key not in after}}
    return after


def to_json(status: CanaryStatus) -> Json:
    """Return the status as the API server stores it; optional fields without a value are left out."""
    fields: Json = {
        "state": status.state.value if status.state else BLOCKED,
        "stage": status.stage.value if status.stage else None,
        "phase": gitops.phase(status).value,
        "version": status.version or None,
        "reason": status.reason or None,
        "message": status.message or None,
        "canaryRevision": status.canary_revision or None,
        "canaryGeneration": status.canary_generation or None,
        "canaryUID": status.canary_uid or None,
        "canaryReplicas": status.canary_replicas or None,
        "failedChecks": status.failed_checks,
        "inconclusiveChecks": status.inconclusive_checks,
        "canaryWeight": status.canary_weight,
        "previousWeight": status.previous_weight or None,
        "startTime": _time(status.start_time),
        "trafficStartTime": _time(status.traffic_start_time),
        "drainStartTime": _time(status.drain_start_time),
        "lastCheckTime": _time(status.last_check_time),
        "nextCheckTime": _time(status.next_check_time),
        "lastTransitionTime": _time(status.last_transition_time),
        "observedGeneration": status.observed_generation or None,
        "conditions": [_condition(c) for c in (*status.conditions, *gitops.conditions(status))] or None,
        "checks": [_check(c) for c in status.checks] or None,
        "failedRevisions": list(status.failed_revisions) or None,
        "obeyed": {verb: value for verb, value in asdict(status.obeyed).items() if value} or None,
        "history": [past_json(past) for past in status.history] or None,
        "fenceOwed": status.fence_owed or None,
    }
    # The counters are 0 in a status that was never written; there they are left out like all the rest.
    if status == CanaryStatus():
        return {}
    return {key: value for key, value in fields.items() if value is not None}


def past_json(past: PastRollout) -> Json:
    """Return a rollout that has ended as the API server stores it."""
    fields: Json = {
        "version": past.version or None,
        "revision": past.revision or None,
        "startTime": _time(past.started),
        "endTime": _time(past.ended),
        "outcome": past.outcome,
        "reason": past.reason or None,
        "worst": [{"name": reading.name, "value": _number(reading.value)} for reading in past.worst] or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def time_text(time: datetime) -> str:
    """Return RFC 3339 with microseconds: whole seconds would let a round begin up to one second early."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(time: datetime | None) -> str | None:
    return time_text(time) if time else None


def _number(number: float | None) -> float | None:
    """Return a whole number without a point: ``65`` and not ``65.0``."""
    return int(number) if number is not None and number.is_integer() else number


def _condition(c: Condition) -> Json:
    return {
        "type": c.type,
        "status": c.status,
        "reason": c.reason,
        "message": c.message,
        "lastTransitionTime": _time(c.last_transition_time),
    }


def _check(c: CheckStatus) -> Json:
    limits = c.limits and {"min": _number(c.limits.low), "max": _number(c.limits.high)}
    optional: Json = {
        "threshold": _number(c.threshold),
        "thresholdRange": limits and {end: limit for end, limit in limits.items() if limit is not None},
        "value": _number(c.value),
        "worst": _number(c.worst),
    }
    return {
        "name": c.name,
        "verdict": c.verdict,
        **{field: value for field, value in optional.items() if value is not None},
        "message": c.message,
        "time": _time(c.time),
    }
