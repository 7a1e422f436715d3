"""Markdown as far as the documentation is checked: code blocks, headings, links. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+)$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code."""

    language: str
    text: str


def blocks(markdown: str, *languages: str) -> Sequence[Block]:
    """Return the code blocks, of these languages or all."""
    found = (Block(m["language"].strip(), m["text"]) for m in _FENCE.finditer(markdown))
    return [block for block in found if not languages or block.language in languages]


def prose(markdown: str) -> str:
    """Return the text without its code blocks."""
    return _FENCE.sub("", markdown)


def links(markdown: str) -> Iterator[str]:
    """Yield the targets of links and pictures outside of code."""
    text = _CODE.sub("", prose(markdown))
    for found in _LINK.finditer(text):
        yield found["target"]


def anchors(markdown: str) -> frozenset[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    return frozenset(_slug(found["text"]) for found in _HEADING.finditer(prose(markdown)))


def _slug(heading: str) -> str:
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return text.replace(" ", "-")
