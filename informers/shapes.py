"""Decoding an object without what nobody reads of it.

More than half of an object is managed fields and annotations of others. A shape names the fields that the view of a
kind is made of; everything else is scanned, and no value is made of it.

What does not fit a shape is no error here: null where an object belongs, half a surrogate in a text, a number with
too many digits, what is no JSON. It is decoded by Python's own decoder instead, as every object without a shape is, and
whoever builds the view says what is wrong. So a shape changes what an object costs, and nothing else.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

import msgspec

from informers.types import Slim

ALL = "*"
"""Stands for every field."""

_METADATA = (
    "namespace",
    "name",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
)
_ABOUT_AN_OBJECT = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})
_MISFITS = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


class Shape:
    """Which fields of an object are decoded. Thread-safe."""

    def __init__(self, *, spec: Iterable[str], status: Iterable[str] = (), annotations: Iterable[str] = ()) -> None:
        """Take the names of fields, or ``ALL``; what identifies an object is always decoded."""
        metadata = _fields(**dict.fromkeys(_METADATA, Any), annotations=_named(annotations))
        fields = _fields(kind=Any, metadata=metadata, spec=_named(spec), status=_named(status))
        self._object = msgspec.json.Decoder(fields)
        self._event = msgspec.json.Decoder(_fields(type=str, object=fields))

    def object(self, text: str) -> Slim | None:
        """Return an object, or None if it does not fit, or is no JSON."""
        try:
            return Slim(self._object.decode(text))
        except _MISFITS:
            return None

    def event(self, line: bytes) -> tuple[str, Slim] | None:
        """Return type and object of a watch event, or None if it does not fit, or is about no object."""
        try:
            event = self._event.decode(line)
            kind, obj = event["type"], Slim(event["object"])
        except (*_MISFITS, KeyError):
            return None
        return (kind, obj) if kind in _ABOUT_AN_OBJECT else None


def encoded(value: object) -> bytes | None:
    """Return decoded JSON as text, or None for a value that the library does not write as Python's decoder reads it."""
    try:
        return msgspec.json.encode(value)
    except _MISFITS:
        return None


def _named(names: Iterable[str]) -> Any:  # noqa: ANN401  # a type
    return Any if names == ALL else _fields(**dict.fromkeys(names, Any))


def _fields(**types: Any) -> Any:  # noqa: ANN401  # types
    """Return the type of a dict with these fields, each of which may be absent, and no others."""
    return TypedDict("Fields", types, total=False)  # type: ignore[operator]  # made at run time
