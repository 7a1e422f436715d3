"""Reading fields of objects whose types nobody has checked: the value, its default, or a ``FieldError``. Pure.

The API server checks the types of what it has a schema for. A definition may be older than we are, or preserve unknown
fields, and a view with a text where a number belongs would raise far away from its cause.

Texts are interned: names, labels and words stand in many objects, and views hold each of them once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from informers.interned import interned
from informers.types import FieldError

HIGHEST_INT32, HIGHEST_INT64 = 2**31 - 1, 2**63 - 1

Json = Mapping[str, Any]


def mapping(obj: Json, field: str, where: str) -> Json:
    """Return an object within an object; an empty one if it is absent or null.

    Args:
        obj: what holds the field.
        field: its name.
        where: where ``obj`` stands, for the message: "" or a path with a dot at its end.
    """
    value = obj.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FieldError(f"{where}{field} must be an object, not {_shown(value)}")
    return value


def items(obj: Json, field: str, where: str) -> Sequence[Json]:
    """Return a list of objects; an empty one if it is absent or null."""
    value = _list(obj, field, where)
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise FieldError(f"{where}{field}[{index}] must be an object, not {_shown(item)}")
    return value


def texts(obj: Json, field: str, where: str) -> tuple[str, ...]:
    """Return a list of texts; an empty one if it is absent or null."""
    value = _list(obj, field, where)
    if not all(isinstance(item, str) for item in value):
        raise FieldError(f"{where}{field} must be a list of texts")
    return tuple(map(interned, value))


def labels(obj: Json, field: str, where: str) -> Mapping[str, str]:
    """Return an object whose values are texts; an empty one if it is absent or null."""
    value = mapping(obj, field, where)
    if not all(isinstance(item, str) for item in value.values()):
        raise FieldError(f"{where}{field} must hold nothing but texts")
    return {interned(key): interned(text) for key, text in value.items()}


def text(obj: Json, field: str, where: str) -> str:
    """Return a text; "" if it is absent or null."""
    value = obj.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(f"{where}{field} must be a string, not {_shown(value)}")
    return interned(value)


def whole(obj: Json, field: str, where: str, *, default: int = 0, lowest: int = 0, highest: int = HIGHEST_INT64) -> int:
    """Return a whole number within bounds; the default if it is absent or null."""
    value = obj.get(field)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():  # 10.0 is a whole number for JSON schema
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise FieldError(f"{where}{field} must be a whole number between {lowest} and {highest}, not {_shown(value)}")
    return value


def _list(obj: Json, field: str, where: str) -> list[Any]:
    value = obj.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(f"{where}{field} must be a list, not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """Return a value as a message shows it: what has no bounds by its type only."""
    match value:
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case str():
            return repr(value[:80])
        case int() if not isinstance(value, bool) and abs(value) > HIGHEST_INT64:
            return "a larger number" if value > 0 else "a smaller number"
        case _:
            return repr(value)
