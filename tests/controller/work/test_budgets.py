"""What one key may cost (contract D9)."""

import pytest

from controller.work.budgets import RESERVE, Budgets
from tests.controller.clock import FakeClock


def test_budget_of_a_key_is_its_own_and_fills_up():  # contract D9
    clock = FakeClock()
    budgets = Budgets(monotonic=clock, most=10)
    assert budgets.wait("a", 1.0) == 0
    budgets.charge("a", 12)
    assert budgets.wait("a", 1.0) == pytest.approx(3.0)
    assert budgets.wait("b", 1.0) == 0
    clock.advance(2.5)
    assert budgets.wait("a", 1.0) == pytest.approx(0.5)
    clock.advance(0.5)
    assert budgets.wait("a", 1.0) == 0
    clock.advance(1000)
    assert budgets.wait("a", 1.0) == 0
    budgets.charge("a", 10)
    assert budgets.wait("a", 2.0) == pytest.approx(0.5)
    budgets.forget("a")
    budgets.forget("never seen")
    assert budgets.wait("a", 2.0) == 0


def test_what_is_urgent_may_take_from_a_reserve():  # contract D9
    budgets = Budgets(monotonic=FakeClock(), most=10)
    budgets.charge("a", 10)
    assert budgets.wait("a", 1.0) == 1
    assert budgets.wait("a", 1.0, urgent=True) == 0
    budgets.charge("a", RESERVE)
    assert budgets.wait("a", 1.0, urgent=True) == 1


def test_budget_that_is_full_is_not_held():
    clock = FakeClock()
    budgets = Budgets(monotonic=clock, most=10)
    budgets.charge("a", 0)
    budgets.charge("a", 5)
    clock.advance(5)
    budgets.wait("a", 1.0)
    assert budgets._tokens == {}


def test_budget_fills_at_its_own_pace_and_one_token_is_enough():  # contract D9
    clock = FakeClock()
    budgets = Budgets(monotonic=clock, most=10)
    budgets.charge("a", 4)
    budgets.charge("a", 6)
    assert budgets.wait("a", 4.0) == pytest.approx(0.25)
    clock.advance(0.25)
    assert budgets.wait("a", 4.0) == 0
    budgets.charge("a", 1)
    clock.advance(0.125)
    assert budgets.wait("a", 4.0) == pytest.approx(0.125)
