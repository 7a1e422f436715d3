"""Asks for the readings of all canaries. Whoever wants some says so and goes; they are brought when they are there.

Questions that can be asked together are one query. What such a query does not answer in a second, each of its workloads
is asked for alone as well, since one of them may be what it hangs at; the first answer counts. A question that was slow
alone goes to a lane of its own from then on, until it is quick again: it delays those who ask it, and nobody else.

Every question is answered: by Prometheus, or with the reason why not once its time is over.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from controller.asking.asked import Answered, Batch, Question, Round
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

GROUPS_AT_ONCE = 32
SINGLES_AT_ONCE = 16
SLOW_AT_ONCE = 64
MOST_AT_ONCE = GROUPS_AT_ONCE + SINGLES_AT_ONCE + SLOW_AT_ONCE
"""Queries of one server that are under way: what its connections must suffice for."""

MOST_SLOW = 10_000  # questions that are remembered
_NOT_ASKED = "was not asked: it has not answered earlier queries"
_GLANCE_SECONDS = 0.25  # at what waits, while anything does


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
        self._batches: Batches[Group, Question] = Batches()
        self._under_way: set[Batch] = set()
        self._rounds: dict[Round, None] = {}  # without all of their readings, the oldest first
        self._slow: dict[tuple[Target, AnyCheck], None] = {}  # the oldest first
        self._changed = threading.Condition()  # of all these
        self._closing = threading.Event()
        self._groups = Lane("prometheus-groups", most=GROUPS_AT_ONCE, run=self._ask_together)
        self._lanes = {
            server: (
                Lane("prometheus", most=SINGLES_AT_ONCE, run=self._ask_quickly),
                Lane("prometheus-slow", most=SLOW_AT_ONCE, run=self._ask_patiently),
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
        asked = Round(now, answered, [None] * len(checks))
        with self._changed:
            if not self._rounds:
                self._changed.notify()
            self._rounds[asked] = None
        for place, check in enumerate(checks):
            self._take(Question(asked, place, target, check), now, patience_seconds)

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

    def _take(self, question: Question, now: float, patience: float) -> None:
        """Put a question where it belongs: to others of its kind, or into a lane."""
        with self._changed:
            is_slow = (question.target, question.check) in self._slow and self._has_room(question)
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
            self._send(Batch(group, batch))

    def _send(self, batch: Batch) -> None:
        if len(batch.questions) == 1:
            self._put_alone(batch.questions[0])
            return
        kind = f"{batch.group.check.name} {batch.group.check.interval}"
        self._groups.put(batch, namespace=kind, until=min(question.until for question in batch.questions))

    def _put_alone(self, question: Question, *, slow: bool = False) -> None:
        lane = self._lanes_of(question)[slow]
        lane.put(question, namespace=question.target.namespace, until=question.until)

    def _lanes_of(self, question: Question) -> tuple[Lane[Question], Lane[Question]]:
        """Return the lanes of the server that a question goes to, the quick one and the slow one."""
        return self._lanes.get(_address(question.check), self._lanes[self._observer.where])

    def _has_room(self, question: Question) -> bool:
        """Whether the lane of what was slow is not behind; if all are slow, groups find out soonest that none is."""
        return len(self._lanes_of(question)[1]) < SLOW_AT_ONCE

    def _ask_together(self, batch: Batch) -> None:
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

    def _bring_of_group(self, question: Question, reading: Reading) -> None:
        """Bring what a query of many says of one; where it says nothing, that one is asked for alone."""
        if isinstance(reading, Unavailable) and not reading.nobody_there:
            if self._asks_alone_first(question):
                self._put_alone(question)
                return
            if question.asked:
                return
            # It still waits for a place: of a server that hangs with one as with many, no more is to be expected.
        self._bring(question, reading)

    def _asks_alone_first(self, question: Question) -> bool:
        """Return whether a question of a batch was not put into a lane by itself yet, and is from now on."""
        with self._changed:
            first, question.alone = not question.alone, True
        return first

    def _ask_quickly(self, question: Question) -> None:
        """Ask for one; what takes too long leaves its place to others and is asked again where it holds up nobody."""
        if not self._begins(question):
            return
        began = self._monotonic()
        readings = self._asked_alone(question, SLOW_SECONDS)
        if self._monotonic() - began < SLOW_SECONDS:
            self._bring_all(question, readings)
        elif self._is_slow_now(question):
            self._put_alone(question, slow=True)

    def _ask_patiently(self, question: Question) -> None:
        """Ask for one that was slow; if it is quick by now, it is asked like any other the next time."""
        if not self._begins(question):
            return
        began = self._monotonic()
        readings = self._asked_alone(question, None)
        if self._monotonic() - began < SLOW_SECONDS:
            with self._changed:
                self._slow.pop((question.target, question.check), None)
        self._bring_all(question, readings)

    def _begins(self, question: Question) -> bool:
        """Return whether a question that comes out of a lane is still without an answer; it is under way now."""
        with self._changed:
            question.asked = True
            return not question.is_answered

    def _is_slow_now(self, question: Question) -> bool:
        """Note that a question is slow alone, unless its server was as slow with many; return whether it is."""
        with self._changed:
            if question.is_answered or self._closing.is_set():
                return False
            question.asked = False
            self._slow[question.target, question.check] = None
            if len(self._slow) > MOST_SLOW:
                del self._slow[next(iter(self._slow))]
        return True

    def _asked_alone(self, question: Question, seconds: float | None) -> Sequence[Reading]:
        ask = partial(self._observer.observe, question.target, (question.check,), seconds=seconds)
        return self._tried(ask, 1)

    def _bring_all(self, question: Question, readings: Sequence[Reading]) -> None:
        """Bring what was answered: nothing, if the observer was closed meanwhile."""
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

    def _bring(self, question: Question, reading: Reading) -> None:
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
                self._send(Batch(group, questions))
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

    def _all_lanes(self) -> Iterable[Lane[Question] | Lane[Batch]]:
        yield self._groups
        for lanes in self._lanes.values():
            yield from lanes


def _address(check: AnyCheck) -> str:
    return check.address if isinstance(check, OwnCheck) else ""
