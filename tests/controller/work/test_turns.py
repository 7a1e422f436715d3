"""The namespaces take turns, and none of them has every place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.work.turns import Turns, most_of_one


def in_line(*keys, most=None):
    turns = Turns(most)
    for key in keys:
        turns.append(key)
    return turns


def served(turns):
    found = []
    while turns.anybody:
        found.append(turns.popleft())
    return found


def test_namespaces_take_turns_and_each_keeps_its_order():  # contract Q1
    turns = in_line("a/1", "a/2", "a/3", "b/1", "c/1", "b/2")
    assert served(turns) == ["a/1", "b/1", "c/1", "a/2", "b/2", "a/3"]
    assert len(turns) == 0


def test_namespace_with_all_that_it_may_have_is_passed_over():  # contract Q13
    turns = in_line("a/1", "a/2", "a/3", "b/1", most=2)
    assert served(turns) == ["a/1", "b/1", "a/2"]
    assert len(turns) == 1
    turns.done("b/1")
    assert not turns.anybody
    turns.done("a/1")
    assert served(turns) == ["a/3"]


def test_nobody_in_line_is_a_bug_of_whoever_asks():
    with pytest.raises(LookupError):
        Turns().popleft()


@pytest.mark.parametrize(("places", "most"), [(1, 1), (2, 1), (4, 3), (64, 63)])
def test_one_place_is_left_to_others(places, most):
    assert most_of_one(places) == most


@given(st.lists(st.sampled_from(["a/1", "a/2", "a/3", "b/1", "c/1"])), st.integers(1, 3), st.randoms())
def test_everybody_is_served_once_and_never_more_of_one_at_once(keys, most, random):  # contract Q13
    turns, under_way, found = in_line(*keys, most=most), [], []
    while len(turns) or under_way:
        if turns.anybody and (not under_way or random.random() < 0.7):
            under_way.append(turns.popleft())
            of = [key.partition("/")[0] for key in under_way]
            assert max(map(of.count, of)) <= most
        else:
            done = under_way.pop(random.randrange(len(under_way)))
            turns.done(done)
            found.append(done)
    assert sorted(found) == sorted(keys)
    assert not turns._served
