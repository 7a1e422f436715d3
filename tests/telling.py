"""What was told, held against a story."""

from collections.abc import Sequence
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript(name: str, **values: str) -> list[str]:
    """Return the events of one of the three stories in tests/transcripts, with these revisions."""
    return (TRANSCRIPTS / f"{name}.txt").read_text().format(**values).splitlines()


def told(events: Sequence[str], expected: Sequence[str], *, in_passing: str = "Waiting for") -> list[str]:
    """Return the events without what is said in passing: waits are told or not, or again, as the moment has it.

    A wait that the story names counts once.
    """
    kept: list[str] = []
    for event in events:
        passes = "Waiting for" in event or in_passing in event
        if not passes or (event in expected and event not in kept):
            kept.append(event)
    return kept
