"""Durations as users write them."""

from datetime import timedelta

import pytest

from controller.core.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1m", 60),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("1m1ms", 60.001),
        ("0s", 0),
    ],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "1d", "-1s", "1 s", "1s ", " 1s", "1m30", "1s-1s", "1..5s", "ten"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is not a duration such as 30s, 1m or 1h30m"):
        parse_duration(text)
