"""Counts of workers, kept in lists."""


class Counted:
    """Fulfils ``controller.work.workers.WorkerMetrics``."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self.errors: list[str] = []
        self.active = 0

    def reconcile_began(self) -> None:
        self.active += 1

    def reconcile_ended(self, result: str, error: str) -> None:
        self.active -= 1
        self.results.append(result)
        self.errors += [error] if error else []
