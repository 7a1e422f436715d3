"""From an answer of Prometheus to a number. Pure, and total: whatever was answered is a number, nothing, or a sentence.

Prometheus decides what is promoted, so nothing is taken for a number that only looks like one, and an answer that
covers only a part of the data is not one. What it says besides is shown cut and on one line (``metrics.texts``).
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.address import without_credentials
from metrics.texts import safe

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|[+-]?Inf", re.ASCII)
_MOST_OF_A_WORD = 60
_NO_RESULT = "answered with JSON that is not a query result"
_OK = 200
_REDIRECTS = range(300, 400)


class AnswerError(Exception):
    """The answer cannot be used; the message goes on from the address of Prometheus and says why."""


class UnreachableError(AnswerError):
    """There was nobody to answer, whatever is asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    reason: bytes
    headers: Mapping[bytes, bytes]  # names in lower case
    body: bytes

    def changed(self, change: Callable[[bytes], bytes]) -> "Answer":
        """Return the answer with every text in it changed."""
        headers = {name: change(value) for name, value in self.headers.items()}
        return Answer(self.status, change(self.reason), headers, change(self.body))

    def header(self, name: bytes) -> str:
        """Return a header's value; "" if there is none."""
        return self.headers.get(name, b"").decode("latin-1")


def number_in(answer: Answer) -> float | None:
    """Return the one number that a query was answered with; None if there is no data: no series, NaN, an infinity.

    Raises:
        AnswerError: the answer is anything else.
    """
    return _value(_data(answer))


def numbers_in(answer: Answer, labels: Sequence[str]) -> Mapping[tuple[str, ...], float | None]:
    """Return the number of each series that a query was answered with, by the values of some labels.

    Raises:
        AnswerError: the answer is anything else; so is a series without one of the labels, or one of two that have
            the same.
    """
    match _data(answer):
        case {"resultType": "vector", "result": list(series)}:
            found = dict(_labelled(one, labels) for one in series)
        case _:
            raise AnswerError(_NO_RESULT)
    if len(found) != len(series):
        raise AnswerError(_NO_RESULT)
    return found


def _labelled(series: object, labels: Sequence[str]) -> tuple[tuple[str, ...], float | None]:
    match series:
        case {"metric": dict(metric), "value": [_, str(text)]} if all(isinstance(metric.get(k), str) for k in labels):
            return tuple(metric[label] for label in labels), _number(text)
        case _:
            raise AnswerError(_NO_RESULT)


def _data(answer: Answer) -> object:
    """Return what a query was answered with, if it was answered, and in full."""
    said = _json(answer.body)
    if said.get("status") == "error":
        kind = safe(_text(said.get("errorType")), _MOST_OF_A_WORD) or "error"
        raise AnswerError(f"answered {kind}: {safe(_text(said.get('error'))) or 'it gives no reason'}")
    if answer.status in _REDIRECTS:
        where = safe(without_credentials(answer.header(b"location")))
        raise AnswerError(f"{_status_line(answer)}: it redirects to {where}, and that is not followed")
    if answer.status != _OK:
        raise AnswerError(f"{_status_line(answer)}{_body_text(answer.body)}")
    if said.get("status") not in {"success", "partial"}:
        kind = safe(answer.header(b"content-type"), _MOST_OF_A_WORD) or "no content type"
        raise AnswerError(f"answered {kind} where JSON of Prometheus was expected, is the address right?")
    if said["status"] == "partial" or said.get("isPartial") or said.get("warnings"):
        raise AnswerError(f"answered only in part: {_warning(said.get('warnings'))}")
    return said.get("data")


def _json(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds; an empty one if it holds anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):  # the latter of a million brackets
        return {}
    # A status is compared with words, for which it must be one: a list, say, cannot be looked up.
    return said if isinstance(said, dict) and isinstance(said.get("status"), str) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _status_line(answer: Answer) -> str:
    return f"answered {answer.status} {safe(answer.reason.decode('latin-1'), _MOST_OF_A_WORD)}".rstrip()


def _body_text(body: bytes) -> str:
    """Return what a refusal says of itself (``: no org id``); nothing if that is a page for browsers."""
    text = safe(body[:1024].decode(errors="replace"))
    return f": {text}" if text and not text.startswith("<") else ""


def _warning(warnings: object) -> str:
    """Return the first warning. Infos beside them are no sign of missing data: a bucket that was smoothed is one."""
    first = warnings[0] if isinstance(warnings, list) and warnings else warnings
    return safe(_text(first)) or "it gives no reason"


def _value(data: object) -> float | None:
    match data:
        case {"resultType": "vector", "result": []}:
            return None
        case {"resultType": "vector", "result": [_, _, *_] as found}:
            raise AnswerError(f"answered with {len(found)} series where one was expected")
        case {"resultType": "scalar", "result": [_, str(text)]}:
            return _number(text)
        case {"resultType": "vector", "result": [{"value": [_, str(text)]}]}:
            return _number(text)
        case {"resultType": str(kind)} if kind not in {"vector", "scalar"}:
            raise AnswerError(f"answered with a {safe(kind, _MOST_OF_A_WORD)} where a vector was expected")
        case _:
            raise AnswerError(_NO_RESULT)


def _number(text: str) -> float | None:
    """Return a number as Prometheus writes it; Python's own rules would take ``1_0`` and digits of any script."""
    if not _NUMBER.fullmatch(text):
        raise AnswerError(_NO_RESULT)
    number = float(text)
    return number if math.isfinite(number) else None
