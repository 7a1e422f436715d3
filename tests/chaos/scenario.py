"""One scenario in a process of its own: from a line to what is broken, as lines."""

import logging
import tempfile
import traceback
from pathlib import Path

from tests.chaos.blows import parsed
from tests.chaos.play import play


def quiet() -> None:
    """Say nothing of what the controllers say of the faults."""
    logging.disable(logging.CRITICAL)


def played(scenario: str) -> tuple[str, list[str], int]:
    """Play one scenario; return it, what is broken, and how many requests it took."""
    story, blow, same_end = parsed(scenario)
    with tempfile.TemporaryDirectory() as directory:
        try:
            it, broken = play(story, blow, Path(directory), same_end=same_end)
        except Exception:  # noqa: BLE001  # the next scenario is played all the same
            return scenario, [traceback.format_exc()], 0
    return scenario, [str(b) for b in broken], it.requests()
