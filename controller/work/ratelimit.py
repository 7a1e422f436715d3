"""How long a key that failed has to wait (contracts D5, D6). Pure but for counting; the clock is an argument.

Source: client-go's default controller rate limiter: per key 5 ms doubled with each failure, and 10 a second with a
burst of 100 over all keys; the longer of the two counts, and both are charged. Two limits are ours. A key waits a
minute at most, where client-go's waits 1000 s: a rollback that a webhook refused must not rest for a quarter of an hour
after the webhook is well again. And the bucket of all keys never owes more than one burst, or one team's failures would
keep every other team's first retry waiting for as long as they have lasted.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

FIRST_SECONDS = 0.005
LONGEST_SECONDS = 60.0
_MOST_DOUBLINGS = 64  # far beyond the limit; an unbounded power of two overflows a float

RATE_PER_SECOND = 10.0
BURST = 100


class Limiter(Protocol):
    """Says how long to wait. Not thread-safe: the queue calls it under its lock."""

    def seconds(self, key: str) -> float:
        """Charge one failure of the key and return its wait."""

    def forget(self, key: str) -> None:
        """Start over for the key."""

    def failures(self, key: str) -> int:
        """Return how many failures of the key are remembered."""


class ExponentialLimiter:
    """Per key: doubled with each failure."""

    def __init__(self, *, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        """Take the first and the longest wait in seconds."""
        self._first = first
        self._longest = longest
        self._failures: dict[str, int] = {}

    def seconds(self, key: str) -> float:
        """Charge one failure and return the wait."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        return min(self._first * 2.0 ** min(count, _MOST_DOUBLINGS), self._longest)

    def forget(self, key: str) -> None:
        """Start over."""
        self._failures.pop(key, None)

    def failures(self, key: str) -> int:
        """Return how many failures are remembered."""
        return self._failures.get(key, 0)


class BucketLimiter:
    """Over all keys: tokens that fill up at a rate, and one burst of debt, so that those who wait are spread out."""

    def __init__(self, *, monotonic: Callable[[], float], rate: float = RATE_PER_SECOND, burst: int = BURST) -> None:
        """Take a clock in seconds, tokens a second, and how many the bucket holds."""
        self._monotonic = monotonic
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at = monotonic()

    def seconds(self, key: str) -> float:
        """Take a token and return how long it takes until it exists."""
        del key  # one bucket for all
        now = self._monotonic()
        filled = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._tokens = max(filled - 1, -self._burst)
        self._filled_at = now
        return max(0.0, -self._tokens / self._rate)

    def forget(self, key: str) -> None:
        """Do nothing: a token that was taken is gone."""

    def failures(self, key: str) -> int:
        """Return 0: the bucket knows no keys."""
        del key
        return 0


class LongestOf:
    """Charges all limiters and returns the longest wait."""

    def __init__(self, limiters: Sequence[Limiter]) -> None:
        self._limiters = tuple(limiters)

    def seconds(self, key: str) -> float:
        """Charge every one, also those that do not decide."""
        return max([limiter.seconds(key) for limiter in self._limiters])

    def forget(self, key: str) -> None:
        """Start over in each."""
        for limiter in self._limiters:
            limiter.forget(key)

    def failures(self, key: str) -> int:
        """Return the most that any remembers."""
        return max(limiter.failures(key) for limiter in self._limiters)


def default_limiter(monotonic: Callable[[], float]) -> Limiter:
    """Return what failures of reconciling pay."""
    return LongestOf((ExponentialLimiter(), BucketLimiter(monotonic=monotonic)))
