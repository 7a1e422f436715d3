"""What each canary has asked for is brought to the round that asked for it, and to no other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.asking.inquiries import Inquiries
from controller.core.questions import Question, Round
from metrics.types import Check, Target, Value
from tests.controller.core.builders import NOW

KEY = "test/podinfo"
RATE = Check("istio_requests_total", 99.0, "1m")
SECOND = timedelta(seconds=1)
QUESTION = Question(Round(NOW, "1", 10, NOW, None), Target("test", "podinfo-canary"), (RATE,), NOW)


class Run:
    def __init__(self):
        self.asked, self.woken = [], []
        self.inquiries = Inquiries(self, self.woken.append)

    def ask(self, target, checks, *, patience_seconds, answered):
        self.asked.append((target, checks, patience_seconds, answered))

    def bring(self, number=0):
        self.asked[number][-1]([Value(1.0)])


def test_key_is_queued_when_its_readings_are_there_and_they_are_taken_once():  # contract O1
    run = Run()
    assert run.inquiries.take(KEY, QUESTION) is None
    assert run.inquiries.ask(KEY, QUESTION, SECOND)
    assert run.asked[0][:3] == (QUESTION.target, QUESTION.checks, 1.0)
    assert run.inquiries.take(KEY, QUESTION) is None
    assert run.woken == []
    run.bring()
    assert run.woken == [KEY]
    assert run.inquiries.take(KEY, QUESTION) == [Value(1.0)]
    assert run.inquiries.take(KEY, QUESTION) is None


def test_round_asks_once_however_often_it_is_looked_at():  # contract O1
    run = Run()
    assert run.inquiries.ask(KEY, QUESTION, SECOND)
    assert not run.inquiries.ask(KEY, replace(QUESTION, asked_at=NOW + SECOND), SECOND)
    assert run.inquiries.ask("test/other", QUESTION, SECOND)
    assert len(run.asked) == 2


def test_next_round_asks_anew_and_what_the_last_one_asked_for_is_never_brought():  # contract O1
    run = Run()
    later = replace(QUESTION, round=replace(QUESTION.round, weight=20))
    run.inquiries.ask(KEY, QUESTION, SECOND)
    assert run.inquiries.ask(KEY, later, SECOND)
    run.bring(0)
    assert run.woken == []
    assert run.inquiries.take(KEY, later) is None
    run.bring(1)
    assert run.inquiries.take(KEY, later) == [Value(1.0)]


def test_readings_that_no_round_wants_any_more_are_dropped():
    run = Run()
    run.inquiries.ask(KEY, QUESTION, SECOND)
    run.bring()
    later = replace(QUESTION, round=replace(QUESTION.round, weight=20))
    assert run.inquiries.take(KEY, later) is None
    assert run.inquiries.take(KEY, QUESTION) is None


@pytest.mark.parametrize("there", [False, True])
def test_canary_that_is_gone_is_forgotten(there):
    run = Run()
    run.inquiries.ask(KEY, QUESTION, SECOND)
    if there:
        run.bring()
    run.inquiries.forget(KEY)
    if not there:
        run.bring()
        assert run.woken == []
    assert run.inquiries.take(KEY, QUESTION) is None
