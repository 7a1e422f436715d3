"""How much one canary may cost the API server and Prometheus, however often its key is woken (contract D9)."""

import threading
from collections.abc import Callable

MOST_AT_ONCE = 60
"""Requests of one key: about twice what a whole promotion costs."""

RESERVE = 20
"""Requests beyond that, for what must not wait: traffic that goes to nobody."""


class Budgets:
    """What each key may cost: one token per write and query. Thread-safe.

    Whatever keeps a key busy, a webhook that undoes what is written, a second controller, or a bug of ours, it costs
    no more than this. A key in debt waits until it owns a token again.
    """

    def __init__(self, *, monotonic: Callable[[], float], most: int = MOST_AT_ONCE) -> None:
        """Take a clock in seconds, and how many requests a key may cost at once."""
        self._monotonic = monotonic
        self._most = float(most)
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[float, float]] = {}  # how many, and when that was; a full budget is not held

    def wait(self, key: str, per_second: float, *, urgent: bool = False) -> float:
        """Return the seconds until a key may cost something again, 0 if it may now.

        Args:
            key: which.
            per_second: at which its tokens fill up, more than 0.
            urgent: whether it may take from the reserve.
        """
        now = self._monotonic()
        with self._lock:
            tokens, at = self._tokens.get(key, (self._most, now))
            tokens += (now - at) * per_second
            if tokens >= self._most:
                self._tokens.pop(key, None)
            else:
                self._tokens[key] = (tokens, now)
        lacks = 1 - tokens - (RESERVE if urgent else 0)
        return max(0.0, lacks / per_second)

    def charge(self, key: str, count: int) -> None:
        """Take tokens of a key, as many as it has cost."""
        if not count:
            return
        with self._lock:
            tokens, at = self._tokens.get(key, (self._most, self._monotonic()))
            self._tokens[key] = (tokens - count, at)

    def forget(self, key: str) -> None:
        """Drop a key that is gone."""
        with self._lock:
            self._tokens.pop(key, None)
