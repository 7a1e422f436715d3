"""The end of a process at an exact request: from there on nothing of it reaches anybody.

What a SIGKILL leaves behind is what the servers have seen. So a controller of this process, all of whose requests are
dropped from one moment on and whose threads are joined before the next one starts, leaves the same as one that is
killed in that moment, and costs milliseconds instead of seconds. Real processes are killed in ``tests/e2e``.
"""

import threading
from dataclasses import dataclass, field

from controller.lifecycle import USER_AGENT
from testbed.sandbox.faults import Fault, Faults

COUNTED = frozenset({"get", "create", "update", "patch", "delete"})  # lists and watches come whenever they like


@dataclass
class Cut:
    """Before or after the n-th write or read (from 1) everything ends."""

    number: int
    when: str  # before, after
    resource: str = ""  # only requests of this one count; "": of all
    reached: threading.Event = field(default_factory=threading.Event)
    counted: int = 0

    def __post_init__(self):
        assert self.when in {"before", "after"}

    def put_into(self, faults: Faults) -> None:
        faults.add(_Last(self, user_agent=USER_AGENT, count=1, drop=self.when))
        faults.add(_Rest(self, user_agent=USER_AGENT, count=-1, drop="before"))


class _Part(Fault):
    """A fault that asks the cut."""

    def __init__(self, cut, **fields):
        super().__init__(**fields)
        self.cut = cut


class _Last(_Part):
    """Counts, and is the fault of the n-th request. Asked once for each request, under the lock of the faults."""

    def matches(self, verb, resource, subresource, user_agent):
        counts = verb in COUNTED and self.cut.resource in {"", resource}
        if not counts or not super().matches(verb, resource, subresource, user_agent):
            return False
        self.cut.counted += 1
        if self.cut.counted == self.cut.number:
            self.cut.reached.set()
            return True
        return False


class _Rest(_Part):
    """Is the fault of every request after the n-th."""

    def matches(self, verb, resource, subresource, user_agent):
        return self.cut.reached.is_set() and super().matches(verb, resource, subresource, user_agent)
