"""Decoding what arrives in pieces: lists item by item, watches line by line. No I/O of its own.

Whole lists are never held: 10,000 Deployments in one body would peak at four times what pages of 500 do (contract P2).
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from informers.nesting import decode_shallow, end_of
from informers.shapes import Shape
from informers.types import Json, Slim

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_NUMBER = "0123456789.eE+-"
_ALIKE = 20  # characters with which the items of a list begin: they are written by one program
_GUESSES = 3
_NEAR = 65536  # characters within which the end of an item is guessed


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines without their newline, whatever the chunk boundaries; a last part without one is dropped."""
    parts: list[bytes] = []
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            parts.append(line)
            joined = b"".join(parts)
            parts = []
            if joined.strip():
                yield joined
        if rest:
            parts.append(rest)


class _Text:
    """The text that has arrived and is not decoded yet."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is no white space."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            self._more(1)

    def expect(self, characters: str) -> str:
        """Return the next character, which must be one of these."""
        found = self.peek()
        if found not in characters:
            raise ValueError(f"expected one of {characters!r}, not {found!r}")
        self._at += 1
        return found

    def value(self) -> Any:  # noqa: ANN401  # JSON
        """Return the next JSON value.

        An incomplete one is tried again only after the text has doubled, so that a value of any size costs linear time.
        """
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError:
                self._more(len(self._buffer) - self._at)
                continue
            except (RecursionError, ValueError):
                return self._what_cannot_be_followed()
            if self._buffer[end - 1].isdigit() and not self._buffer[end:].strip(_NUMBER):  # it may go on
                self._more(1)
                continue
            self._at = end
            return found

    def shaped(self, shape: Shape) -> Slim | None:
        """Return the next value as an object of a shape, or None if it is none, or the last of its list.

        Where it ends is guessed: where the next item seems to begin. If what lies before that is a whole object, the
        guess was right, for no object is the beginning of another.
        """
        self.peek()
        if len(self._buffer) - self._at < _NEAR:
            self._try_more(_NEAR)
        separator = f",{self._buffer[self._at : self._at + _ALIKE]}"
        end = self._at
        for _ in range(_GUESSES):
            end = self._buffer.find(separator, end + 1, self._at + _NEAR)
            if end < 0:
                return None
            found = shape.object(self._buffer[self._at : end])
            if found is not None:
                self._at = end
                return found
        return None

    def _what_cannot_be_followed(self) -> Any:  # noqa: ANN401  # JSON
        """Return the next value, whose end is found by its brackets."""
        while (end := end_of(self._buffer, self._at)) is None:
            self._more(len(self._buffer) - self._at)
        begin, self._at = self._at, end
        return decode_shallow(self._buffer[begin:end])

    def _more(self, characters: int) -> None:
        if not self._try_more(characters):
            raise ValueError("the answer ended in the middle")

    def _try_more(self, characters: int) -> bool:
        """Read so many more, or what is left; return whether anything was."""
        parts = [self._buffer[self._at :]]
        wanted = characters
        while wanted > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            text = self._utf8.decode(chunk)
            parts.append(text)
            wanted -= len(text)
        self._buffer = "".join(parts)
        self._at = 0
        return wanted < characters


def decode_list(chunks: Iterable[bytes], take: Callable[[Json], None], shape: Shape | None = None) -> Json:
    """Decode a list as it arrives; each item goes to ``take``, the rest is returned.

    Args:
        chunks: of the text.
        take: called with each item, in order.
        shape: of the items: those that fit it are decoded without what else they hold.

    Raises:
        ValueError: the text is not a JSON object, or ends in the middle.
    """
    text = _Text(chunks)
    rest: Json = {}
    text.expect("{")
    if text.peek() == "}":
        return rest
    while True:
        key = text.value()
        text.expect(":")
        if key == "items" and text.peek() == "[":
            _decode_items(text, take, shape)
        else:
            rest[key] = text.value()
        if text.expect(",}") == "}":
            return rest


def _decode_items(text: _Text, take: Callable[[Json], None], shape: Shape | None) -> None:
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
        return
    while True:
        item = text.shaped(shape) if shape else None
        take(text.value() if item is None else item)
        if text.expect(",]") == "]":
            return
