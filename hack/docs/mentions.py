"""Which files and documents a text mentions: what code cites must be in the repository. Pure."""

import re
from collections.abc import Iterator

_TOPS = "artifacts|charts|controller|deploy|docs|hack|informers|metrics|router|tests"
_PAGE = r"[\w./-]*\w\.md"
_FILE = rf"(?:{_TOPS})/[\w./-]*\w\.(?:py|yaml|yml|txt|svg|json|sh|go)"
_MENTION = re.compile(rf"(?<![\w./<>*{{}}…-])(?:{_PAGE}|{_FILE})(?![\w*])")
_SECTION = re.compile(r"\b[A-Za-z]{3,} ?§+ ?[\d.]+|§+ ?[\d.]+|\b[A-Z]{4,} [A-Z]\d{1,2}\b")
_ADR = re.compile(r"\bADR (?P<number>\d+)\b")
_URL = re.compile(r"\w+://[^\s)>\"'`]+")


def files(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the path of every file that a text mentions, addresses left out."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _MENTION.finditer(_URL.sub("", line)):
            yield number, found[0]


def sections(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every reference to a section of a document, such as a name and a section sign."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _SECTION.finditer(line):
            yield number, found[0]


def decisions(text: str) -> Iterator[tuple[int, int]]:
    """Yield the line and the number of every record of a decision that a text mentions."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _ADR.finditer(line):
            yield number, int(found["number"])
