"""Paths to fields, such as ``spec.chart.spec.version``: how they are written, read, and changed by a JSON patch. Pure.

A path leads through objects only. What is absent and what is null are the same here: nothing stands there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from informers.types import FieldError

Json = dict[str, Any]
Path = tuple[str, ...]

_DOT = re.compile(r"(?<!\\)\.")


def parse_path(text: str) -> Path:
    """Return the steps of a path; a dot within a key is written with a backslash before it.

    Raises:
        ValueError: a step is empty.
    """
    steps = tuple(step.replace("\\.", ".") for step in _DOT.split(text))
    if not all(steps):
        raise ValueError(f"{text!r} has an empty step")
    return steps


def shown(path: Path) -> str:
    """Return a path as it is written."""
    return ".".join(step.replace(".", "\\.") for step in path)


def at(value: Any, path: Path) -> Any:  # noqa: ANN401  # JSON
    """Return what stands at a path, or None.

    Raises:
        FieldError: the path leads through something that is no object.
    """
    for index, step in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise FieldError(f"{shown(path[:index])} must be an object, for {shown(path)} is a field in it")
        value = value.get(step)
    return value


def put(value: Any, path: Path, item: Any) -> Any:  # noqa: ANN401  # JSON
    """Return JSON data with another item at a path, or without one if it is None; what is given is left alone.

    An object on the path that holds nothing else goes with it: whether it is there makes no difference to anybody.
    """
    if not path:
        return item
    at(value, path)  # so that what is in the way is named
    here = dict(value or {})
    inner = put(here.get(path[0]), path[1:], item)
    if inner is not None:
        here[path[0]] = inner
    else:
        here.pop(path[0], None)
    return here or None


def without(value: Any, paths: Iterable[Path]) -> Any:  # noqa: ANN401  # JSON
    """Return JSON data without what stands at these paths."""
    for path in paths:
        value = put(value, path, None)
    return value


def keeping(value: Any, paths: Iterable[Path], own: Any) -> Any:  # noqa: ANN401  # JSON
    """Return JSON data that has, at these paths, what ``own`` has there."""
    for path in paths:
        value = put(value, path, at(own, path))
    return value


def pointer(path: Path) -> str:
    """Return a path as JSON patches write it (RFC 6901)."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def set_operations(obj: Any, path: Path, item: Any) -> Sequence[Json]:  # noqa: ANN401  # JSON
    """Return the JSON patch that puts an item at a path of an object, with the objects around it that are missing."""
    if item is None:
        there = at(obj, path) is not None
        return ({"op": "remove", "path": pointer(path)},) if there else ()
    for length in range(1, len(path)):
        if at(obj, path[:length]) is None:
            return ({"op": "add", "path": pointer(path[:length]), "value": put(None, path[length:], item)},)
    return ({"op": "add", "path": pointer(path), "value": item},)
