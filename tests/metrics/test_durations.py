"""Durations as Go prints them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.durations import parse_duration
from metrics.durations import go_duration


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (823, "823ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1001, "1.001s"),
        (1500, "1.5s"),
        (1567, "1.567s"),
        (2525, "2.525s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (120_000, "2m0s"),
        (61_010, "1m1.01s"),
        (3_599_999, "59m59.999s"),
        (3_600_000, "1h0m0s"),
        (7_265_100, "2h1m5.1s"),
    ],
)
def test_duration_reads_as_in_go(ms, text):
    assert go_duration(ms) == text


@given(st.integers(0, 10**9))
def test_duration_reads_back(ms):
    text = go_duration(ms)
    assert parse_duration(text) == timedelta(milliseconds=ms)
    assert not re.search(r"\.[0-9]*0s", text)
