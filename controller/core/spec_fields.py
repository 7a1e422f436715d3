"""The fields of a spec: each is read as what it must be, or refused with what would be right. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from informers.interned import interned
from informers.types import FieldError

LONGEST_NAME = 253
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")

Json = Mapping[str, Any]


class SpecError(FieldError):
    """A field of the spec is wrong; the message names it, its value, and what would be right."""


def mapping(obj: Json, field: str, prefix: str) -> Json:
    """Return the object that a field holds."""
    value = obj.get(field)
    if not isinstance(value, Mapping):
        raise SpecError(f"{prefix}{field} must be an object, not {value!r}")
    return value


def text(obj: Json, field: str, prefix: str) -> str:
    """Return the text that a field holds, which is required."""
    value = obj.get(field)
    if not isinstance(value, str) or not value:
        raise SpecError(f"{prefix}{field} is required and must be a name, not {value!r}")
    return interned(value)


def name(obj: Json, prefix: str) -> str:
    """Return the name of an object that the field ``name`` holds."""
    found = text(obj, "name", prefix)
    if len(found) > LONGEST_NAME or not _DNS_NAME.fullmatch(found):
        raise SpecError(f"{prefix}name {found!r} cannot be the name of an object: use a-z, 0-9, '-' and '.'")
    return found


def number(obj: Json, field: str, prefix: str) -> float | None:
    """Return the number that a field holds, or None if it is absent."""
    value = obj.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{prefix}{field} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise SpecError(f"{prefix}{field} must be a number that fits a double") from error
