"""Asks for the readings of all canaries. Whoever wants some says so and goes; they are brought when they are there.

Questions that can be asked together are one query. What such a query does not answer in a second, each of its workloads
is asked for alone as well, since one of them may be what it hangs at; the first answer counts. A question that was slow
alone goes to a lane of its own from then on, until it is quick again: it delays those who ask it, and nobody else.

Every question is answered: by Prometheus, or with the reason why not once its time is over.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from controller.asking.batches import Batches
from controller.asking.lane import Lane
from metrics.types import (
    AnyCheck,
    Group,
    MetricsObserver,
    ObserverClosedError,
    OwnCheck,
    Reading,
    Target,
    Unavailable,
)

log = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
"""What takes longer is not waited for by others."""

WAIT_SECONDS = 10.0
"""For a place in a lane: who has had none by then is told so."""

GROUPS_AT_ONCE = 32
SINGLES_AT_ONCE = 16
SLOW_AT_ONCE = 32
MOST_AT_ONCE = GROUPS_AT_ONCE + SINGLES_AT_ONCE + SLOW_AT_ONCE
"""Queries of one server that are under way: what its connections must suffice for."""

MOST_SLOW = 10_000  # questions that are remembered
_NOT_ASKED = "was not asked: it has not answered earlier queries"
_GLANCE_SECONDS = 0.25  # at what waits, while anything does

Answered = Callable[[Sequence[Reading]], None]


@dataclass(slots=True, eq=False)
class _Round:
    """What one canary waits for."""

    since: float
    answered: Answered
    readings: list[Reading | None]


@dataclass(slots=True, eq=False)
class _Question:
    round: _Round
    place: int  # of its reading in the round
    target: Target
    check: AnyCheck
    alone: bool = False  # whether it was put into a lane by itself
    asked: bool = False  # and left it

    @property
    def is_answered(self) -> bool:
        return self.round.readings[self.place] is not None

    @property
    def until(self) -> float:
        return self.round.since + WAIT_SECONDS


@dataclass(slots=True, eq=False)
class _Batch:
    group: Group
    questions: Sequence[_Question]
    late_at: float = field(default=float("inf"))  # when those without an answer are asked alone as well


class Asker:
    """Thread-safe."""

    def __init__(self, observer: MetricsObserver, *, monotonic: Callable[[], float], together: bool = True) -> None:
        """Take who is asked.

        Args:
            observer: which takes ``MOST_AT_ONCE`` questions of each of its servers at once.
            monotonic: clock in seconds.
            together: whether questions of several canaries may be one query.
        """
        self._observer = observer
        self._monotonic = monotonic
        self._together = together
        self._batches: Batches[Group, _Question] = Batches()
        self._under_way: set[_Batch] = set()
        self._rounds: dict[_Round, None] = {}  # without all of their readings, the oldest first
        self._slow: dict[tuple[Target, AnyCheck], None] = {}  # the oldest first
        self._changed = threading.Condition()  # of all these
        self._closing = threading.Event()
        self._groups = Lane("prometheus-groups", most=GROUPS_AT_ONCE, run=self._ask_together)
        self._lanes = {
            server: (
                Lane("prometheus", most=SINGLES_AT_ONCE, run=self._ask_alone),
                Lane("prometheus-slow", most=SLOW_AT_ONCE, run=self._ask_alone),
            )
            for server in observer.servers
        }
        self._thread = threading.Thread(target=self._tend, name="observer")

    def start(self) -> None:
        """Start the thread that keeps the time; those that ask are started when they are needed."""
        self._thread.start()

    def ask(self, target: Target, checks: Sequence[AnyCheck], *, patience_seconds: float, answered: Answered) -> None:
        """Have a canary's readings brought.

        Args:
            target: the workload.
            checks: at least one.
            patience_seconds: how long they may wait for those of others, to be asked as one query.
            answered: given one reading per check, in their order, once all are there, by another thread; never if the
                asker is closed before.
        """
        now = self._monotonic()
        asked = _Round(now, answered, [None] * len(checks))
        with self._changed:
            if not self._rounds:
                self._changed.notify()
            self._rounds[asked] = None
        for place, check in enumerate(checks):
            self._take(_Question(asked, place, target, check), now, patience_seconds)

    def alive(self) -> bool:
        """Whether every thread that was started still runs."""
        tends = self._thread.ident is None or self._thread.is_alive()
        return tends and all(lane.alive() for lane in self._all_lanes())

    def longest_seconds(self) -> float:
        """Return for how long the oldest of those rounds has been waiting that wait for readings."""
        with self._changed:
            oldest = next(iter(self._rounds), None)
        return self._monotonic() - oldest.since if oldest else 0.0

    def close(self) -> None:
        """Cut the observer, and end every thread; nothing is brought any more."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self._observer.cut()
        for lane in self._all_lanes():
            lane.close()
        if self._thread.ident is not None:
            self._thread.join()

    def _take(self, question: _Question, now: float, patience: float) -> None:
        """Put a question where it belongs: to others of its kind, or into a lane."""
        with self._changed:
            is_slow = (question.target, question.check) in self._slow
            group = self._observer.group_of(question.target, question.check) if self._together else None
            if group is None or is_slow:
                batch = None
            else:
                due = self._batches.next_due()
                batch = self._batches.put(group, question, now=now, patience=patience)
                if batch is None:
                    if self._batches.next_due() != due:
                        self._changed.notify()
                    return
        if group is None or batch is None:
            self._put_alone(question, slow=is_slow)
        else:
            self._send(_Batch(group, batch))

    def _send(self, batch: _Batch) -> None:
        if len(batch.questions) == 1:
            self._put_alone(batch.questions[0])
            return
        kind = f"{batch.group.check.name} {batch.group.check.interval}"
        self._groups.put(batch, namespace=kind, until=min(question.until for question in batch.questions))

    def _put_alone(self, question: _Question, *, slow: bool = False) -> None:
        quick_lane, slow_lane = self._lanes.get(_address(question.check), self._lanes[self._observer.where])
        lane = slow_lane if slow else quick_lane
        lane.put(question, namespace=question.target.namespace, until=question.until)

    def _ask_together(self, batch: _Batch) -> None:
        with self._changed:
            batch.late_at = self._monotonic() + SLOW_SECONDS
            self._under_way.add(batch)
            self._changed.notify()
        try:
            targets = [question.target for question in batch.questions]
            readings = self._tried(lambda: self._observer.observe_group(batch.group, targets), len(targets))
        finally:
            with self._changed:
                self._under_way.discard(batch)
        for question, reading in zip(batch.questions, readings, strict=False):
            self._bring_of_group(question, reading)

    def _bring_of_group(self, question: _Question, reading: Reading) -> None:
        """Bring what a query of many says of one; where it says nothing, that one is asked for alone."""
        if isinstance(reading, Unavailable) and not reading.nobody_there:
            if self._asks_alone_first(question):
                self._put_alone(question)
                return
            if question.asked:
                return
            # It still waits for a place: of a server that hangs with one as with many, no more is to be expected.
        self._bring(question, reading)

    def _asks_alone_first(self, question: _Question) -> bool:
        """Return whether a question of a batch was not put into a lane by itself yet, and is from now on."""
        with self._changed:
            first, question.alone = not question.alone, True
        return first

    def _ask_alone(self, question: _Question) -> None:
        with self._changed:
            question.asked = True
            if question.is_answered:
                return
        began = self._monotonic()
        readings = self._tried(lambda: self._observer.observe(question.target, (question.check,)), 1)
        took = self._monotonic() - began
        with self._changed:
            if took < SLOW_SECONDS:
                self._slow.pop((question.target, question.check), None)
            elif not question.is_answered:  # or the server was as slow with many
                self._slow[question.target, question.check] = None
                if len(self._slow) > MOST_SLOW:
                    del self._slow[next(iter(self._slow))]
        for reading in readings:
            self._bring(question, reading)

    def _tried(self, ask: Callable[[], Sequence[Reading]], count: int) -> Sequence[Reading]:
        """Return readings, none of a closed observer; a thread that asks for all outlives what nobody thought of."""
        try:
            return ask()
        except ObserverClosedError:
            return ()
        except Exception as error:
            log.exception("Query failed unexpectedly")
            return (Unavailable(f"the query failed: {type(error).__name__}"),) * count

    def _bring(self, question: _Question, reading: Reading) -> None:
        asked = question.round
        with self._changed:
            if question.is_answered or self._closing.is_set():
                return
            asked.readings[question.place] = reading
            readings = [found for found in asked.readings if found is not None]
            if len(readings) < len(asked.readings):
                return
            del self._rounds[asked]
        asked.answered(readings)

    def _tend(self) -> None:
        """Send what has waited for others long enough, and see to what has had no answer."""
        while not self._closing.is_set():
            now = self._monotonic()
            with self._changed:
                due = self._batches.due(now)
                late = [batch for batch in self._under_way if batch.late_at <= now]
                for batch in late:
                    batch.late_at = float("inf")
            for group, questions in due:
                self._send(_Batch(group, questions))
            for question in (question for batch in late for question in batch.questions):
                if self._asks_alone_first(question):
                    self._put_alone(question)
            self._give_up(now)
            self._rest()

    def _give_up(self, now: float) -> None:
        """Answer those who have had no place in a lane in all of their time."""
        questions = [question for lanes in self._lanes.values() for lane in lanes for question in lane.expired(now)]
        questions += [question for batch in self._groups.expired(now) for question in batch.questions]
        for question in questions:
            where = _address(question.check) or self._observer.where
            self._bring(question, Unavailable(f"{where} {_NOT_ASKED}"))

    def _rest(self) -> None:
        """Wait until something is to be done; nobody is woken while nothing waits."""
        with self._changed:
            if self._closing.is_set():
                return
            now = self._monotonic()
            times = [batch.late_at for batch in self._under_way]
            times += [due for due in (self._batches.next_due(),) if due is not None]
            until = min(times, default=float("inf"))
            self._changed.wait(max(min(until - now, _GLANCE_SECONDS), 0.0) if self._rounds else None)

    def _all_lanes(self) -> Iterable[Lane[_Question] | Lane[_Batch]]:
        yield self._groups
        for lanes in self._lanes.values():
            yield from lanes


def _address(check: AnyCheck) -> str:
    return check.address if isinstance(check, OwnCheck) else ""
