"""Faults that a test, or a curious person, puts in the way of requests."""

import threading
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Fault:
    """What happens to requests that match; empty fields match everything."""

    verb: str = ""  # get, list, watch, create, update, patch, delete
    resource: str = ""  # plural
    subresource: str | None = None  # "" matches the main resource only
    user_agent: str = ""  # prefix
    namespace: str = ""  # of the object
    count: int = 1  # how many requests; -1: all
    skip: int = 0  # how many requests are let through first
    delay_seconds: float = 0.0
    code: int = 0  # answered with this instead of being carried out
    retry_after: int = 0
    drop: str = ""  # "before": the connection is closed unread; "after": carried out, but not answered
    hang: bool = False  # never answered, until the fault is cleared

    def matches(self, verb: str, resource: str, subresource: str, user_agent: str) -> bool:
        """Whether a request is meant."""
        return (
            (not self.verb or self.verb == verb)
            and (not self.resource or self.resource == resource)
            and (self.subresource is None or self.subresource == subresource)
            and user_agent.startswith(self.user_agent)
        )


class Faults:
    """The faults that wait. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._faults: list[Fault] = []
        self._cuts = 0
        self._clears = 0
        self._hanging = 0

    def add(self, fault: Fault) -> None:
        """Put a fault in the way."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Take all faults away; whoever hangs goes on."""
        with self._lock:
            self._faults.clear()
            self._clears += 1
            self._lock.notify_all()

    def cut_watches(self) -> None:
        """End every watch that is open now."""
        with self._lock:
            self._cuts += 1

    @property
    def cuts(self) -> int:
        """How often watches were cut: a watch that began at another count is over."""
        with self._lock:
            return self._cuts

    def take(self, verb: str, resource: str, subresource: str, user_agent: str, namespace: str = "") -> Fault | None:
        """Return the fault for a request, which is used up by it."""
        with self._lock:
            for fault in self._faults:
                if fault.namespace not in {"", namespace}:
                    continue
                if not fault.matches(verb, resource, subresource, user_agent):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.count > 0:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def forbid(self, verb: str, resource: str, subresource: str, user_agent: str, namespace: str = "") -> bool:
        """Whether a request would be answered with 403: what a review of access says then, too."""
        with self._lock:
            return any(
                fault.code == HTTPStatus.FORBIDDEN
                and fault.namespace in {"", namespace}
                and fault.matches(verb, resource, subresource, user_agent)
                for fault in self._faults
            )

    @property
    def hanging(self) -> int:
        """How many requests hang now."""
        with self._lock:
            return self._hanging

    def hang(self, seconds: float) -> None:
        """Wait until the faults are cleared, at most that long."""
        with self._lock:
            before = self._clears
            self._hanging += 1
            self._lock.wait_for(lambda: self._clears != before, seconds)
            self._hanging -= 1

    def listed(self) -> list[Json]:
        """Return the faults that wait, as JSON."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
