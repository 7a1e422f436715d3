"""Durations as users write them."""

from datetime import timedelta

import pytest

from controller.core.durations import parse_duration, parse_interval


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


@pytest.mark.parametrize("text", ["99999999999h", "999999999999999999999999ms", "20000000000h" * 2, "9" * 5000 + "s"])
def test_durations_that_are_too_long_to_be_computed_are_refused_like_any_other_bad_input(text):
    with pytest.raises(ValueError, match="is too long"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("1500ms", 1.5), ("24h", 86_400), ("23h59m60s", 86_400)])
def test_interval_is_a_duration(text, seconds):
    assert parse_interval(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["0s", "999ms", "24h1ms", "25h"])
def test_interval_has_bounds(text):
    with pytest.raises(ValueError, match=f"^'{text}' is not between 1s and 24h$"):
        parse_interval(text)
