"""How long a reflector waits after a session has ended (contract R20)."""

from collections.abc import Callable

FIRST_SECONDS = 0.8
LONGEST_SECONDS = 30.0
RESET_AFTER_SECONDS = 120.0


class Backoff:
    """Doubles up to a limit, spreads by a random factor, starts over after a quiet time. For one thread.

    Source: client-go's reflector: 0.8 s, doubled up to 30 s, times a random factor in [1, 2), reset after two minutes.
    """

    def __init__(self, *, monotonic: Callable[[], float], random: Callable[[], float]) -> None:
        """Take a clock in seconds, and a source of numbers in [0, 1)."""
        self._monotonic = monotonic
        self._random = random
        self._next = FIRST_SECONDS
        self._last: float | None = None

    def seconds(self) -> float:
        """Return the next wait."""
        now = self._monotonic()
        if self._last is not None and now - self._last > RESET_AFTER_SECONDS:
            self._next = FIRST_SECONDS
        self._last = now
        wait = self._next
        self._next = min(self._next * 2, LONGEST_SECONDS)
        return wait * (1 + self._random())
