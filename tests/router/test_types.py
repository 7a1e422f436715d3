"""Weights cannot be built wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.types import Weights


@given(st.integers(0, 100))
def test_weights_add_up(percent):
    weights = Weights.to_canary(percent)
    assert (weights.canary, weights.primary + weights.canary) == (percent, 100)


@pytest.mark.parametrize(("primary", "canary"), [(50, 49), (101, -1), (-1, 101), (0, 0)])
def test_other_weights_are_refused(primary, canary):
    with pytest.raises(ValueError, match=f"at least 0 and add up to 100, not {primary}/{canary}"):
        Weights(primary, canary)
