"""What becomes of an event before it is sent (contracts E1 to E3, E8)."""

import pytest

from controller.core import events
from controller.events.correlator import COMBINED_PREFIX, Correlator, Entry, Recent

C = "podinfo.test"


def rate(number):
    return events.halt(C, f"success rate {number}% < 99%", kind="istio_requests_total")


def texts(correlator, *said, now=0.0):
    found = [correlator.correlate("uid", event, now) for event in said]
    return [one and one.text for one in found]


def test_steps_never_combine():  # contract E2
    said = [events.advance(C, weight) for weight in range(5, 100, 5)]
    assert texts(Correlator(), *said) == [event.text for event in said]


def test_event_combines_from_fifth_similar_message():  # contract E2
    correlator = Correlator()
    said = texts(correlator, *[rate(n) for n in range(4)], events.advance(C, 5), rate(4), rate(5))
    assert said[:5] == [*[rate(n).text for n in range(4)], events.advance(C, 5).text]
    assert said[5:] == [COMBINED_PREFIX + rate(n).text for n in (4, 5)]
    fifth, sixth = (correlator.correlate("uid", rate(n), 0.0) for n in (6, 7))
    assert fifth.entry == sixth.entry
    assert fifth.entry.text == ""


def test_same_text_only_counts():  # contract E1
    correlator = Correlator()
    assert texts(correlator, *[rate(1)] * 20) == [rate(1).text] * 20


def test_text_that_stood_alone_stays_alone():
    correlator = Correlator()
    texts(correlator, *[rate(n) for n in range(6)])
    assert texts(correlator, rate(0)) == [rate(0).text]


@pytest.mark.parametrize(
    "other",
    [events.halt(C, "request duration 2s > 500ms", kind="duration"), events.waiting(C, "0 of 1", side="primary")],
    ids=["another check", "a wait"],
)
def test_kinds_are_kept_apart(other):  # contract E2
    correlator = Correlator()
    texts(correlator, *[rate(n) for n in range(6)])
    assert texts(correlator, other) == [other.text]


def test_objects_are_kept_apart():
    correlator = Correlator()
    texts(correlator, *[rate(n) for n in range(6)])
    assert correlator.correlate("another", rate(7), 0.0).text == rate(7).text


@pytest.mark.parametrize(("quiet", "combined"), [(600.0, True), (600.1, False)])
def test_group_ends_after_its_last_event(quiet, combined):  # contract E2
    correlator = Correlator()
    for n in range(6):
        texts(correlator, rate(n), now=n * 500.0)
    (text,) = texts(correlator, rate(7), now=2500.0 + quiet)
    assert text.startswith(COMBINED_PREFIX) is combined


def test_new_rollout_tells_its_own_story():  # contract E2
    correlator = Correlator()
    combined = [correlator.correlate("uid", rate(n), 0.0) for n in range(6)][-1]
    texts(correlator, events.new_revision("podinfo-canary.test", "1", "2"))
    again = [correlator.correlate("uid", rate(n), 0.0) for n in range(5)]
    assert [one.text for one in again[:4]] == [rate(n).text for n in range(4)]
    assert again[4].text == COMBINED_PREFIX + rate(4).text
    assert again[4].entry != combined.entry


def test_budget_of_25_and_then_one_in_five_minutes():  # contract E3
    correlator = Correlator()
    said = [events.advance(C, weight) for weight in range(1, 28)]
    assert texts(correlator, *said) == [event.text for event in said[:25]] + [None, None]
    assert texts(correlator, said[0], now=299.9) == [None]
    assert texts(correlator, said[0], now=300.0) == [said[0].text]
    assert texts(correlator, said[0], now=301.0) == [None]


def test_budget_never_holds_more_than_25():
    correlator = Correlator()
    texts(correlator, events.advance(C, 1))
    said = texts(correlator, *[events.advance(C, weight) for weight in range(1, 28)], now=1e6)
    assert said.count(None) == 2


def test_budget_is_kept_by_object_and_type():  # contract E3
    correlator = Correlator()
    texts(correlator, *[events.advance(C, weight) for weight in range(30)])
    assert texts(correlator, rate(1)) == [rate(1).text]
    assert correlator.correlate("another", events.advance(C, 5), 0.0)


def test_final_events_are_never_dropped_and_not_charged():  # contract E3
    correlator = Correlator()
    texts(correlator, *[events.advance(C, weight) for weight in range(24)])
    ends = [events.completed("k"), events.starting(C), events.copying("k", "p")] * 10
    assert texts(correlator, *ends) == [event.text for event in ends]
    assert texts(correlator, events.advance(C, 99), events.advance(C, 100)) == [events.advance(C, 99).text, None]


def test_memory_is_bounded():  # contract E8
    recent: Recent[int, int] = Recent()
    for key in range(4096):
        recent.put(key, key)
    assert recent.get(0) == 0
    recent.put(4096, 4096)
    assert recent.get(1) is None
    assert (recent.get(0), recent.get(4096)) == (0, 4096)
    recent.put(0, 7)
    assert recent.get(0) == 7


def test_entry_identifies_what_is_counted_up():  # contract E1
    correlator = Correlator()
    step, halt = events.advance(C, 5), rate(1)
    assert correlator.correlate("uid", step, 0.0).entry == Entry("uid", "Normal", step.text, "")
    assert correlator.correlate("uid", halt, 0.0).entry == Entry("uid", "Warning", halt.text, halt.kind)
    texts(correlator, *[rate(n) for n in range(2, 5)])
    combined = correlator.correlate("uid", rate(5), 0.0).entry
    assert (combined.uid, combined.type, combined.text) == ("uid", "Warning", "")
    assert combined.kind.startswith(halt.kind)


def test_combined_entries_of_two_rollouts_are_two():
    correlator = Correlator()

    def combined():
        return [correlator.correlate("uid", rate(n), 0.0) for n in range(5)][-1].entry

    found = [combined()]
    for _ in range(2):
        correlator.correlate("uid", events.failed(C), 0.0)
        correlator.correlate("uid", events.starting(C), 0.0)
        found.append(combined())
    assert len(set(found)) == 3


def test_ten_thousand_objects_keep_their_budgets_and_their_rollouts():
    correlator = Correlator()
    step, start = events.advance(C, 5), events.starting(C)
    uids = [f"uid-{number}" for number in range(10_000)]
    for uid in uids[:10]:
        assert [bool(correlator.correlate(uid, step, 0.0)) for _ in range(26)] == [True] * 25 + [False]
    for uid in uids:
        for event in (start, step, rate(1)):
            correlator.correlate(uid, event, 0.0)
    for uid in uids[:10]:
        assert correlator.correlate(uid, step, 0.0) is None
        entries = [correlator.correlate(uid, rate(number), 0.0).entry for number in range(2, 6)]
        assert entries[-1].kind == f"{rate(0).kind}#1"
