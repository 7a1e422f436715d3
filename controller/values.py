"""What flags and variables may hold: a parser for each type. Whatever the text, the answer is a value or a sentence.

A namespace that is not checked here would be watched: the empty name means all of them further down.
"""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from controller.core.durations import parse_interval
from metrics.address import validate_url

MOST_WORKERS = 64
HIGHEST_PORT = 65535
_TRUE = ("true", "t", "yes", "1")
_FALSE = ("false", "f", "no", "0")
_MOST_DIGITS = 9  # int() refuses thousands of them with words of its own
_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)  # RFC 1123, as the API server has it
_OBJECT = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_NAME = 253


def path(text: str) -> str:
    """Return the path of a file."""
    if not text.strip() or "\0" in text:
        raise ArgumentTypeError(f"must be the path of a file, not {text!r}")
    return text


def metrics_server(text: str) -> str:
    """Return the address of Prometheus; user info in it is never repeated."""
    try:
        validate_url(_written_as_an_address(text))
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    return text


def api_server(text: str) -> str:
    """Return the address of an API server."""
    if "@" in text:
        raise ArgumentTypeError("must not hold credentials, those belong in a kubeconfig")
    try:
        parts = urlsplit(_written_as_an_address(text))
        right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or "?" in text or "#" in text:  # what stands behind these may be a password
        given = repr(text.partition("?")[0].partition("#")[0])
        raise ArgumentTypeError(f"{given} is not an address such as https://127.0.0.1:6443, without query or fragment")
    return text


def interval(text: str) -> timedelta:
    """Return the length of a round."""
    try:
        return parse_interval(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def boolean(text: str) -> bool:
    """Return whether a switch is on."""
    if text.lower() not in _TRUE + _FALSE:
        raise ArgumentTypeError(f"must be true or false, not {text!r}")
    return text.lower() in _TRUE


def port(text: str) -> int:
    """Return a TCP port; 0 stands for a free one."""
    return _number(text, lowest=0, highest=HIGHEST_PORT)


def workers(text: str) -> int:
    """Return a number of worker threads."""
    return _number(text, lowest=1, highest=MOST_WORKERS)


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """Return a parser of one of these words, in whatever case it is written."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ArgumentTypeError(f"must be one of {', '.join(words)}, not {text!r}")
        return text.lower()

    return parse


def namespace(text: str) -> str:
    """Return the name of one namespace."""
    if not _NAMESPACE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} cannot be the name of a namespace: use a-z, 0-9 and '-', 1 to 63 characters")
    return text


def object_name(text: str) -> str:
    """Return the name of an object."""
    if len(text) > _LONGEST_NAME or not _OBJECT.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} cannot be the name of an object: use a-z, 0-9, '-' and '.'")
    return text


def _written_as_an_address(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address has no spaces, line breaks or characters beyond ASCII")
    return text


def _number(text: str, *, lowest: int, highest: int) -> int:
    digits = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    if not digits or not lowest <= int(text) <= highest:
        raise ArgumentTypeError(f"must be a whole number between {lowest} and {highest}, not {text!r}")
    return int(text)
