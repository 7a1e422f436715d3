"""Which questions wait for which, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from controller.asking.batches import MOST_TOGETHER, Batches


def test_first_question_of_a_group_is_asked_at_once():  # contract O3
    batches = Batches()
    assert batches.put("a", 1, now=0.0, patience=0.5) == [1]
    assert batches.put("b", 2, now=0.0, patience=0.5) == [2]
    assert batches.next_due() is None


def test_those_that_come_soon_after_wait_for_each_other():  # contract O3
    batches = Batches()
    batches.put("a", 1, now=0.0, patience=0.5)
    assert batches.put("a", 2, now=0.1, patience=0.5) is None
    assert batches.put("a", 3, now=0.3, patience=0.5) is None
    assert batches.next_due() == 0.5
    assert batches.due(0.49) == []
    assert batches.due(0.5) == [("a", [2, 3])]
    assert batches.next_due() is None


def test_nobody_waits_where_nothing_was_asked_for_long():
    batches = Batches()
    batches.put("a", 1, now=0.0, patience=0.5)
    assert batches.put("a", 2, now=0.5, patience=0.5) == [2]


def test_least_patient_decides():
    batches = Batches()
    batches.put("a", 1, now=0.0, patience=0.5)
    batches.put("a", 2, now=0.1, patience=0.5)
    batches.put("a", 3, now=0.1, patience=0.2)
    assert batches.next_due() == 0.2
    assert batches.put("a", 4, now=0.15, patience=0.05) == [2, 3, 4]


def test_full_batch_is_asked_at_once():
    batches = Batches(most=3)
    batches.put("a", 0, now=0.0, patience=0.5)
    found = [batches.put("a", number, now=0.1, patience=0.5) for number in range(1, 6)]
    assert found == [None, None, [1, 2, 3], None, None]
    assert batches.due(1.0) == [("a", [4, 5])]


def test_group_that_was_not_asked_for_long_is_forgotten():
    batches = Batches()
    for group in range(100):
        batches.put(group, 1, now=float(group), patience=0.5)
    assert len(batches._closed_at) == 60


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.floats(0, 0.3), st.sampled_from([0.05, 0.5])), min_size=1, max_size=200
    )
)
def test_every_question_is_asked_once_in_its_group_and_in_time(arrivals):  # contract O3
    batches, now, asked, came = Batches(), 0.0, [], {}

    def note(group, questions, at):
        assert 0 < len(questions) <= MOST_TOGETHER
        for question in questions:
            of, when, patience = came[question]
            assert of == group
            assert at - when <= patience + 1e-9
            asked.append(question)

    for number, (group, later, patience) in enumerate(arrivals):
        end = now + later
        while (due := batches.next_due()) is not None and due <= end:
            for found, questions in batches.due(due):
                note(found, questions, due)
        now = end
        came[number] = group, now, patience
        complete = batches.put(group, number, now=now, patience=patience)
        if complete:
            note(group, complete, now)
    for found, questions in batches.due(now + 1):
        note(found, questions, now)
    assert sorted(asked) == list(range(len(arrivals)))
