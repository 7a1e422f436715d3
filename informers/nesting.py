"""JSON that the decoder cannot follow: nested too deeply, or with a number that has too many digits.

The API server stores 10,000 levels in ``metadata.managedFields`` of any object, so whoever may write one Service can
bring in what Python's decoder gives up on after a thousand. Such an object must cost only itself: it is cut down by its
brackets, and stands for itself as a ``Partial``. ``managedFields`` is left out of that: nobody reads it.
"""

import json
import re
import sys
import threading
from typing import Any

from informers.types import Partial

RECURSION_LIMIT = 11_000  # the API server refuses an object of more than 10,000 levels
STACK_BYTES = 16 * 2**20  # of address space: 10,000 levels take less than 8 MiB, and musl gives a thread 128 KiB
_KEPT_LEVELS = 100  # what is read lies within 20
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}"]', re.DOTALL)
_LOST = object()
_PLACEHOLDER = "NaN"  # no JSON, but the decoder takes it, and says so


def allow_deep_json() -> None:
    """Let threads that start from now on decode whatever the API server stores."""
    sys.setrecursionlimit(max(RECURSION_LIMIT, sys.getrecursionlimit()))
    threading.stack_size(STACK_BYTES)


def end_of(text: str, at: int) -> int | None:
    """Return where the object or list that begins at ``at`` ends, or None if its end is not there yet."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        match text[token.start()]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    return token.end()
            case _ if token.end() - token.start() == 1:  # a string without its end
                return None
    return None


def decode_event(line: bytes) -> Any:  # noqa: ANN401  # JSON
    """Return the JSON of a watch event, with a ``Partial`` as its object if that could not be decoded whole.

    Raises:
        ValueError: the line is not JSON.
    """
    try:
        return json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except (RecursionError, ValueError):
        event, lost = _shallow(line.decode())
        if lost and isinstance(event, dict):
            event["object"] = partial(event.get("object"))
        return event


def decode_object(text: str | bytes) -> Any:  # noqa: ANN401  # JSON
    """Return JSON; an object that could not be decoded whole comes as a ``Partial``.

    Raises:
        ValueError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except (RecursionError, ValueError):
        return decode_shallow(text if isinstance(text, str) else text.decode())


def decode_shallow(text: str) -> Any:  # noqa: ANN401  # JSON
    """Return JSON that the decoder has given up on, as a ``Partial`` if anything but ``managedFields`` is missing.

    Raises:
        ValueError: the text is not JSON.
    """
    value, lost = _shallow(text)
    return partial(value) if lost else value


def partial(value: Any) -> Any:  # noqa: ANN401  # JSON
    """Return an object as a ``Partial``, and anything else as it is: it is no object of any kind."""
    return Partial(value) if isinstance(value, dict) else value


def _shallow(text: str) -> tuple[Any, bool]:
    value = json.loads(_cut(text), parse_constant=lambda _: _LOST, parse_int=_whole_number)
    if isinstance(value, dict):
        for obj in (value, value.get("object")):
            if isinstance(obj, dict) and isinstance(obj.get("metadata"), dict):
                obj["metadata"].pop("managedFields", None)
    return value, _is_lost(value)


def _cut(text: str) -> str:
    """Return the text with a placeholder for whatever lies deeper than what is kept."""
    parts: list[str] = []
    depth, begin = 0, 0
    for token in _TOKEN.finditer(text):
        match text[token.start()]:
            case "{" | "[":
                depth += 1
                if depth == _KEPT_LEVELS + 1:
                    parts += (text[begin : token.start()], _PLACEHOLDER)
                    begin = len(text)
            case "}" | "]":
                if depth == _KEPT_LEVELS + 1:
                    begin = token.end()
                depth -= 1
    return "".join((*parts, text[begin:]))


def _whole_number(digits: str) -> object:
    try:
        return int(digits)
    except ValueError:  # Python converts no more than 4,300 digits
        return _LOST


def _is_lost(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_is_lost, value.values()))
    return any(map(_is_lost, value)) if isinstance(value, list) else value is _LOST
