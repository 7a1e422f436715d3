"""Label and field selectors."""

import re
from collections.abc import Callable, Collection
from typing import Any

from testbed.sandbox.api.errors import bad_request

Json = dict[str, Any]
Matcher = Callable[[Json], bool]

_SET = re.compile(r"^\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_PAIR = re.compile(r"^\s*([\w./-]+)\s*(!=|==|=)\s*([^=,]*?)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([\w./-]+)\s*$")


def label_matcher(selector: str) -> Matcher:
    """Return whether an object has the labels; ApiError 400 for a selector that cannot be read."""
    terms = [_label_term(term) for term in _split(selector)]
    return lambda obj: all(term((obj.get("metadata") or {}).get("labels") or {}) for term in terms)


def field_matcher(selector: str, known: Collection[str]) -> Matcher:
    """Return whether an object has the values at dotted paths; ApiError 400 for a path that is not selected by."""
    terms: list[tuple[list[str], str, bool]] = []
    for text in _split(selector):
        found = _PAIR.match(text)
        if not found:
            raise bad_request(f"unable to parse requirement: {text!r}")
        path, relation, value = found.groups()
        if path not in known:
            raise bad_request(f"field label not supported: {path}")
        terms.append((path.split("."), value, relation != "!="))
    return lambda obj: all((_at(obj, path) == value) is wanted for path, value, wanted in terms)


def _label_term(text: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.match(text):
        key, relation, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        if relation == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _PAIR.match(text):
        key, relation, value = found.groups()
        return lambda labels: (labels.get(key) == value) is (relation != "!=")
    if found := _EXISTS.match(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) is not bool(absent)
    raise bad_request(f"unable to parse requirement: {text!r}")


def _split(selector: str) -> list[str]:
    return [term for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _at(obj: Json, path: list[str]) -> str:
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)
