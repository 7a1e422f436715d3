"""Events that wait: in the order of their objects, and bounded (contracts E3, E4)."""

from datetime import timedelta

from controller.core import events
from controller.events.correlator import Correlated, Entry
from controller.events.outbox import Job, Outbox
from tests.controller.core.builders import NOW, canary

STEP, END = events.advance("podinfo.test", 5), events.completed("podinfo.test")


def job(uid, event=STEP, second=0, namespace="test"):
    correlated = Correlated(Entry(uid, event.type, event.text, event.kind), event.text)
    return Job(canary(uid=uid, namespace=namespace), event, correlated, NOW + timedelta(seconds=second), "name")


def filled(*jobs):
    outbox = Outbox(len(jobs))
    assert [outbox.put(one) for one in jobs] == [None] * len(jobs)
    return outbox


def content(outbox):
    found = []
    for lane in outbox.lanes():
        while (one := outbox.hold(lane)) is not None:
            found.append(one)
            outbox.remove(one)
    return found


def test_each_lane_keeps_its_order():
    first, other, second = jobs = job("a"), job("b"), job("a")
    outbox = filled(*jobs)
    assert outbox.lanes() == ("test/a", "test/b")
    assert outbox.hold("test/a") is first
    assert outbox.hold("test/a") is first
    assert outbox.remove(first)
    assert outbox.hold("test/a") is second
    assert not outbox.remove(second)
    assert ("test/a" in outbox, "test/b" in outbox) == (False, True)
    assert outbox.hold("test/a") is None
    assert content(outbox) == [other]


def test_routine_event_finds_no_room_and_is_dropped():
    held = job("a")
    outbox, late = filled(held), job("b")
    assert outbox.put(late) is late
    assert content(outbox) == [held]


def test_terminal_event_takes_the_place_of_the_oldest_routine_one_in_whichever_lane():
    young, terminal, old = job("a", STEP, 5), job("b", END, 0), job("c", STEP, 1)
    outbox, end = filled(young, terminal, old), job("d", END)
    assert outbox.put(end) is old
    assert content(outbox) == [young, terminal, end]


def test_event_that_is_held_is_not_dropped():
    held, other = job("a", STEP, 0), job("b", STEP, 1)
    outbox = filled(held, other)
    outbox.hold("test/a")
    first, second = job("c", END), job("c", END)
    assert outbox.put(first) is other
    assert outbox.put(second) is None
    assert content(outbox) == [held, first, second]


def test_terminal_events_alone_are_never_dropped():
    ends = [job("a", END, second) for second in range(3)]
    outbox, more = filled(*ends), [job("b", END), job("c", END)]
    assert [outbox.put(one) for one in more] == [None, None]
    late = job("d")
    assert outbox.put(late) is late
    assert content(outbox) == [*ends, *more]


def test_namespace_with_most_events_makes_room_for_those_of_others():  # contract E10
    loud, quiet = [job("a", STEP, second, "loud") for second in range(3)], job("b", STEP, 0, "quiet")
    outbox = filled(*loud, quiet)
    second, late = job("b", STEP, 1, "quiet"), job("a", STEP, 9, "loud")
    assert outbox.put(second) is loud[0]
    assert outbox.put(late) is late
    assert content(outbox) == [*loud[1:], quiet, second]


def test_end_takes_the_place_of_an_event_of_the_namespace_with_most():  # contract E10
    quiet, loud = job("b", STEP, 0, "quiet"), [job("a", STEP, second, "loud") for second in (5, 6)]
    outbox, end = filled(quiet, *loud), job("c", END, 9, "other")
    assert outbox.put(end) is loud[0]
    assert content(outbox) == [quiet, loud[1], end]


def test_event_that_is_held_makes_no_room_for_a_routine_one_of_another_namespace():
    held, end = job("a", STEP, 0, "loud"), job("c", END, 0, "quiet")
    outbox, late = filled(held, end), job("b", STEP, 1, "quiet")
    outbox.hold("loud/a")
    assert outbox.put(late) is late


def test_what_has_gone_makes_room_for_one_more():
    first, second = job("a"), job("b")
    outbox, third, late = filled(first, second), job("c"), job("d")
    outbox.remove(first)
    assert outbox.put(third) is None
    assert outbox.put(late) is late
    assert content(outbox) == [second, third]


def test_terminal_event_that_has_gone_leaves_the_routine_ones_to_be_dropped():
    routine, terminal, other = job("a"), job("b", END), job("c", END)
    outbox = filled(routine, terminal, other)
    outbox.remove(terminal)
    fourth, fifth = job("d", END), job("e", END)
    assert outbox.put(fourth) is None
    assert outbox.put(fifth) is routine
    assert content(outbox) == [other, fourth, fifth]
