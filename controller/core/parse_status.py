"""From the JSON of a Canary's status to values. Whatever it holds becomes a status to act on, or an error.

The controller writes the status, but so may whoever has the right to, and an older schema refuses nothing. What cannot
be ours makes the object unreadable, with a reason: nothing is done for it, and its traffic stays as it is. Clamping a
weight of 101 to 100 was the alternative; it would send all traffic somewhere because of a typing error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from controller.core import gitops
from controller.core.canary import (
    BLOCKED,
    CanaryStatus,
    CheckStatus,
    Condition,
    Obeyed,
    PastRollout,
    Stage,
    State,
    WorstReading,
)
from informers.interned import interned
from informers.types import FieldError
from metrics.types import Limits, Verdict

HIGHEST_INT32, HIGHEST_INT64 = 2**31 - 1, 2**63 - 1
_PERCENT = 100
_YEARS = range(1970, 9900)  # so that adding a deadline, which is an int32 of seconds, to a time never overflows
_VERBS = frozenset(field.name for field in fields(Obeyed))

Json = Mapping[str, Any]
T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)


class StatusError(FieldError):
    """A field of the status cannot be what the controller wrote; the message names it, its value, and what would be."""


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC; ValueError for anything else, and beyond the calendar."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond the calendar") from error


def parse_status(status: object) -> CanaryStatus:
    """Return the status as a value; what is missing, or null, has its default.

    Raises:
        StatusError: a field is not what the controller would have written.
    """
    obj = _mapping(status, "status")
    return CanaryStatus(
        state=None if obj.get("state") == BLOCKED else _word(obj, "state", State),
        stage=_word(obj, "stage", Stage),
        canary_revision=_text(obj, "canaryRevision"),
        canary_generation=_count(obj, "canaryGeneration", HIGHEST_INT64),
        canary_uid=_text(obj, "canaryUID"),
        canary_replicas=_count(obj, "canaryReplicas", HIGHEST_INT32),
        failed_checks=_count(obj, "failedChecks", HIGHEST_INT32),
        inconclusive_checks=_count(obj, "inconclusiveChecks", HIGHEST_INT32),
        canary_weight=_count(obj, "canaryWeight", _PERCENT),
        previous_weight=_count(obj, "previousWeight", _PERCENT),
        start_time=_time(obj, "startTime"),
        traffic_start_time=_time(obj, "trafficStartTime"),
        drain_start_time=_time(obj, "drainStartTime"),
        last_check_time=_time(obj, "lastCheckTime"),
        last_transition_time=_time(obj, "lastTransitionTime"),
        observed_generation=_count(obj, "observedGeneration", HIGHEST_INT64),
        conditions=tuple(c for c in _conditions(obj) if c.type not in gitops.DERIVED),
        checks=tuple(_check_status(c, where) for c, where in _items(obj, "checks")),
        failed_revisions=tuple(_as_text(revision, where) for revision, where in _items(obj, "failedRevisions")),
        obeyed=_obeyed(_mapping(obj.get("obeyed"), "status.obeyed")),
        version=_text(obj, "version"),
        reason=_text(obj, "reason"),
        message=_text(obj, "message"),
        next_check_time=_time(obj, "nextCheckTime"),
        history=tuple(_past(past, where) for past, where in _items(obj, "history")),
        fence_owed=_flag(obj, "fenceOwed"),
    )


def _obeyed(obj: Json) -> Obeyed:
    return Obeyed(**{verb: _text(obj, verb, "status.obeyed.") for verb in obj if verb in _VERBS})


def _conditions(obj: Json) -> Iterator[Condition]:
    return (_condition(c, where) for c, where in _items(obj, "conditions"))


def _condition(item: object, where: str) -> Condition:
    obj, prefix = _mapping(item, where), f"{where}."
    return Condition(
        type=_text(obj, "type", prefix),
        status=_text(obj, "status", prefix),
        reason=_text(obj, "reason", prefix),
        message=_text(obj, "message", prefix),
        last_transition_time=_required(_time(obj, "lastTransitionTime", prefix), f"{prefix}lastTransitionTime"),
    )


def _check_status(item: object, where: str) -> CheckStatus:
    obj, prefix = _mapping(item, where), f"{where}."
    return CheckStatus(
        name=_text(obj, "name", prefix),
        verdict=_required(_word(obj, "verdict", Verdict, prefix), f"{prefix}verdict"),
        threshold=_number(obj, "threshold", prefix),
        value=_number(obj, "value", prefix),
        message=_text(obj, "message", prefix),
        time=_required(_time(obj, "time", prefix), f"{prefix}time"),
        limits=_limits(obj.get("thresholdRange"), f"{prefix}thresholdRange"),
        worst=_number(obj, "worst", prefix),
    )


def _past(item: object, where: str) -> PastRollout:
    obj, prefix = _mapping(item, where), f"{where}."
    return PastRollout(
        version=_text(obj, "version", prefix),
        revision=_text(obj, "revision", prefix),
        started=_time(obj, "startTime", prefix),
        ended=_required(_time(obj, "endTime", prefix), f"{prefix}endTime"),
        outcome=_text(obj, "outcome", prefix),
        reason=_text(obj, "reason", prefix),
        worst=tuple(_worst(reading, at) for reading, at in _items(obj, "worst", prefix)),
    )


def _worst(item: object, where: str) -> WorstReading:
    obj, prefix = _mapping(item, where), f"{where}."
    return WorstReading(_text(obj, "name", prefix), _required(_number(obj, "value", prefix), f"{prefix}value"))


def _limits(value: object, where: str) -> Limits | None:
    if value is None:
        return None
    obj = _mapping(value, where)
    return Limits(_number(obj, "min", f"{where}."), _number(obj, "max", f"{where}."))


def _required(value: T | None, where: str) -> T:
    if value is None:
        raise StatusError(f"{where} is required")
    return value


def _mapping(value: object, where: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise StatusError(f"{where} must be an object, not {value!r}")
    return value


def _items(obj: Json, field: str, prefix: str = "status.") -> list[tuple[Any, str]]:
    value = obj.get(field)
    if value is not None and not isinstance(value, list):
        raise StatusError(f"{prefix}{field} must be a list, not {value!r}")
    return [(item, f"{prefix}{field}[{index}]") for index, item in enumerate(value or ())]


def _text(obj: Json, field: str, prefix: str = "status.") -> str:
    value = obj.get(field)
    return "" if value is None else _as_text(value, f"{prefix}{field}")


def _as_text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise StatusError(f"{where} must be a string, not {value!r}")
    return interned(value)  # statuses resemble each other


def _word(obj: Json, field: str, words: type[Word], prefix: str = "status.") -> Word | None:
    text = _text(obj, field, prefix)
    if text and text not in set(words):
        raise StatusError(f"{prefix}{field} must be {' or '.join(words)}, not {text!r}")
    return words(text) if text else None


def _count(obj: Json, field: str, highest: int) -> int:
    value = obj.get(field)
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():  # 10.0 is a whole number for JSON schema
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise StatusError(f"status.{field} must be a whole number between 0 and {highest}, not {value!r}")
    return value


def _flag(obj: Json, field: str) -> bool:
    value = obj.get(field)
    if value is not None and not isinstance(value, bool):
        raise StatusError(f"status.{field} must be true or false, not {value!r}")
    return bool(value)


def _number(obj: Json, field: str, prefix: str) -> float | None:
    value = obj.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StatusError(f"{prefix}{field} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise StatusError(f"{prefix}{field} must be a number that fits a double") from error


def _time(obj: Json, field: str, prefix: str = "status.") -> datetime | None:
    text = _text(obj, field, prefix)
    if not text:
        return None
    try:
        time = parse_time(text)
    except ValueError as error:
        raise StatusError(f"{prefix}{field} must be a time such as 2018-10-10T12:00:00Z: {error}") from error
    if time.year not in _YEARS:
        raise StatusError(f"{prefix}{field} must be a time between 1970 and 9899, not {text!r}")
    return time
