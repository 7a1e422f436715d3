"""What was told, held against a story."""

from collections.abc import Sequence
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript(name: str, **values: str) -> list[str]:
    """Return the events of one of the three stories in tests/transcripts, with these revisions."""
    return (TRANSCRIPTS / f"{name}.txt").read_text().format(**values).splitlines()


def told(events: Sequence[str], expected: Sequence[str], *, in_passing: Sequence[str] = ("Waiting for",)) -> list[str]:
    """Return the events without those that hold a text of `in_passing`: they are told or not, or again, by chance.

    One that the story names counts once.
    """
    kept: list[str] = []
    for event in events:
        passes = any(text in event for text in in_passing)
        if not passes or (event in expected and event not in kept):
            kept.append(event)
    return kept
