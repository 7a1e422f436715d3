"""What becomes of an event before it is sent: combined, counted, or dropped when its budget is spent. Pure.

Combine → count → budget, as client-go's tools/record does, with the differences of contracts E2 and E3: only halts and
waits combine, per kind and from the fifth text on; and what starts or ends a rollout is never dropped.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from controller.core.events import Event

COMBINE_FROM = 5
COMBINED_PREFIX = "(combined from similar events): "
GROUP_SECONDS = 600.0
BUDGET = 25.0
REFILL_PER_SECOND = 1 / 300
MOST_ENTRIES = 4096
MOST_OBJECTS = 16_384
"""What is forgotten starts over: a spent budget is full again, and a rollout's story is told with the one before it.

So there is room for more objects than the design is made for (10,000). What was sent may be forgotten earlier
(``MOST_ENTRIES``): then a new event is created instead of counting up the old one.
"""

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True)
class _Group:
    texts: set[str]  # those that stand alone; never more than COMBINE_FROM - 1
    last: float


@dataclass(slots=True)
class _Budget:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What identifies an event that may be counted up: everything but its times, and the text only if not combined."""

    uid: str
    type: str
    text: str  # "" for the combined event of a group
    kind: str


@dataclass(frozen=True, slots=True)
class Correlated:
    """An event that is to be sent."""

    entry: Entry
    text: str  # with the prefix if combined


class Recent(Generic[K, T]):
    """The most recently used entries: memory is bounded (contract E8)."""

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        """Keep at most so many."""
        self._entries: OrderedDict[K, T] = OrderedDict()
        self._most = most

    def get(self, key: K) -> T | None:
        """Return an entry, which is now the most recently used, or None."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, value: T) -> None:
        """Keep an entry; the least recently used one goes if there are too many."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)


@dataclass(slots=True)
class Correlator:
    """For one thread at a time."""

    _groups: Recent[tuple[str, str, str], _Group] = field(default_factory=partial(Recent, MOST_OBJECTS))
    _rollouts: Recent[str, int] = field(default_factory=partial(Recent, MOST_OBJECTS))  # begun and ended, by object
    _budgets: Recent[tuple[str, str], _Budget] = field(default_factory=partial(Recent, 2 * MOST_OBJECTS))  # two types

    def correlate(self, uid: str, event: Event, now: float) -> Correlated | None:
        """Return what to send, or None if the budget of the object is spent.

        Args:
            uid: of the object that the event is about.
            event: what happened.
            now: monotonic seconds.
        """
        if event.terminal:
            self._rollouts.put(uid, (self._rollouts.get(uid) or 0) + 1)
        correlated = self._combined(uid, event, now)
        if event.terminal or self._afford(uid, event.type, now):
            return correlated
        return None

    def _combined(self, uid: str, event: Event, now: float) -> Correlated:
        single = Correlated(Entry(uid, event.type, event.text, event.kind), event.text)
        if not event.kind:
            return single
        # Each rollout tells its own story: what the one before it has combined is not carried on.
        kind = f"{event.kind}#{self._rollouts.get(uid) or 0}"
        key = (uid, event.type, kind)
        group = self._groups.get(key)
        if group is None or now - group.last > GROUP_SECONDS:
            group = _Group(set(), now)
            self._groups.put(key, group)
        group.last = now
        if event.text in group.texts:
            return single
        if len(group.texts) < COMBINE_FROM - 1:
            group.texts.add(event.text)
            return single
        return Correlated(Entry(uid, event.type, "", kind), COMBINED_PREFIX + event.text)

    def _afford(self, uid: str, kind: str, now: float) -> bool:
        budget = self._budgets.get((uid, kind))
        if budget is None:
            budget = _Budget(BUDGET, now)
            self._budgets.put((uid, kind), budget)
        budget.tokens = min(BUDGET, budget.tokens + (now - budget.at) * REFILL_PER_SECOND)
        budget.at = now
        if budget.tokens < 1:
            return False
        budget.tokens -= 1
        return True
