"""Which invariants a record breaks, and by which write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.invariants import moments, spans
from tests.invariants.moments import Paces
from tests.invariants.record import Change, Record
from tests.invariants.scenes import Scene, scenes

MOMENTS = {
    "weights": moments.weights_add_up,
    "rest": moments.rest_is_rest,
    "foreign": moments.foreign_fields_stay,
    "passed": moments.only_what_passed_is_promoted,
    "promoted": moments.finished_is_promoted,
    "drained": moments.ended_is_drained,
}
SPANS = {
    "nothing": spans.nothing_goes_to_nothing,
    "judged": spans.traffic_is_judged,
    "moves": spans.rollouts_move,
    "steps": spans.steps_keep_their_distance,
}
WORDS = frozenset({*MOMENTS, *SPANS, "ends", "witness"})
"""One word for each invariant."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold."""

    word: str
    what: str
    by: Change | None  # the write that broke it

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.word}: {self.what}; {self.by or 'at the end'}"


def judge(record: Record, paces: Paces) -> Sequence[Broken]:
    """Return what is broken, in the order of the invariants."""
    names = sorted({change.name for change in record.changes if change.resource == "canaries"})
    found = (broken for name in names for broken in _judged(record, scenes(record, name), paces))
    return (*must_have_a_witness(record), *found)


def must_have_a_witness(record: Record) -> Sequence[Broken]:
    """Return what is wrong with the record itself: without knowing who wrote, half of the invariants are blind."""
    stated = [
        c for c in record.changes if c.resource == "canaries" and c.after and "state" in (c.after.get("status") or {})
    ]
    if stated and not any(change.ours for change in stated):
        return (Broken("witness", "nobody is known to have written the status", stated[0]),)
    return ()


def must_have_ended(record: Record) -> Sequence[Broken]:
    """Return the rollouts that run at the end of a record, and name nobody who must act."""
    names = sorted({change.name for change in record.changes if change.resource == "canaries"})
    return tuple(
        Broken("ends", f"{name} is {last.status.get('stage')} at the end", None)
        for name in names
        if (last := scenes(record, name)[-1]).running and not last.names_somebody
    )


def _judged(record: Record, seen: Sequence[Scene], paces: Paces) -> Iterator[Broken]:
    for word, of_moments in MOMENTS.items():
        yield from (Broken(word, what, by) for by, what in of_moments(seen, paces))
    for word, of_spans in SPANS.items():
        yield from (Broken(word, what, by) for by, what in of_spans(record, seen, paces))
