"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Monotonic seconds and wall time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2018, 10, 10, 12, tzinfo=UTC) + timedelta(seconds=self.seconds - 1000)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
