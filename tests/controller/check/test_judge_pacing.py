"""What is said of rounds and windows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.check.facts import Objects
from controller.check.judge_pacing import pacing
from controller.core.canary import InvalidSpec
from metrics.types import Check
from tests.controller.check.facts_builders import api, facts, world
from tests.controller.core import builders

RATE, DURATION = "istio_requests_total", "istio_request_duration_milliseconds_bucket"
TEN = timedelta(seconds=10)


def told(the_spec, *, default=timedelta(minutes=1), **canary):
    there = replace(world(canary=builders.canary(spec=the_spec, **canary)), default_interval=default)
    return [(str(f.level), str(f.reason), f.what, f.fix) for f in pacing(facts(api=api(objects=Objects((there,)))))]


def paced(interval, *windows, **changes):
    checks = tuple(Check(name, 99.0, window) for name, window in zip((RATE, DURATION), windows, strict=False))
    return builders.spec(interval=interval, checks=checks, **changes)


@pytest.mark.parametrize(
    ("the_spec", "what"),
    [
        pytest.param(
            paced(TEN, "1m", "30s", max_weight=50, step_weight=5),
            "Rounds last 10s and the longest window is 1m: the first of 10 weights is held for 1m (6 rounds), "
            "until the window is filled; each later round looks back over it. "
            "A version is promoted after 2m30s at the earliest",
            id="the defaults",
        ),
        pytest.param(
            paced(TEN, "15s", max_weight=100, step_weight=100),
            "Rounds last 10s and the longest window is 15s: the weight is held for 15s (2 rounds), "
            "until the window is filled; each later round looks back over it. "
            "A version is promoted after 15s at the earliest",
            id="a single step",
        ),
        pytest.param(
            paced(TEN, "9m", max_weight=50, step_weight=25),
            "Rounds last 10s and the longest window is 9m: the first of 2 weights is held for 9m (54 rounds), "
            "until the window is filled; each later round looks back over it. "
            "A version is promoted after 9m10s at the earliest",
            id="just not long",
        ),
        pytest.param(
            paced(timedelta(minutes=10), "1h", max_weight=50, step_weight=7),
            "Rounds last 10m and the longest window is 1h: the first of 8 weights is held for 1h (6 rounds), "
            "until the window is filled; each later round looks back over it. "
            "A version is promoted after 2h10m at the earliest",
            id="long, and so is the rest",
        ),
    ],
)
def test_window_that_is_longer_than_a_round_is_told_with_what_follows(the_spec, what):
    assert told(the_spec) == [("ok", "WindowLongerThanRound", what, "")]


def test_first_step_that_takes_longer_than_all_rounds_together_is_a_warning():
    ((level, reason, what, fix),) = told(paced(TEN, "1h", max_weight=50, step_weight=5))
    assert (level, reason) == ("warning", "WindowLongerThanRound")
    assert "the first of 10 weights is held for 1h (360 rounds)" in what
    assert what.endswith("A version is promoted after 1h1m30s at the earliest")
    assert fix == (
        "Shorten the windows (spec.canaryAnalysis.metrics[].interval) if that is too long; "
        "set spec.canaryAnalysis.interval to 1h if each weight should be judged by its own requests only."
    )


def test_default_interval_of_the_controller_is_heeded():
    ((_, _, what, _),) = told(paced(None, "1m"), default=timedelta(seconds=20))
    assert what.startswith("Rounds last 20s and the longest window is 1m: ")


def test_round_that_is_longer_than_a_window_is_told_what_it_does_not_see():
    sentence = "Rounds last 1h and the shortest window is 1m: a round judges the requests of its last 1m only"
    assert told(paced(timedelta(hours=1), "1m", "1h")) == [("ok", "WindowShorterThanRound", sentence, "")]


@pytest.mark.parametrize(
    "the_spec",
    [paced(timedelta(minutes=1), "1m", "60s"), paced(TEN), InvalidSpec("spec is missing")],
    ids=["as long as each other", "no checks", "invalid"],
)
def test_nothing_is_told_where_there_is_nothing_to_know(the_spec):
    assert told(the_spec) == []


def test_nothing_is_told_of_an_object_that_goes():
    assert told(paced(TEN, "1m"), deleting=True) == []
