"""The known checks and their limits."""

import math

import pytest

from metrics.checks import CHECKS, check_problem
from metrics.types import Check, Target

RATE = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"
MILLISECONDS = "istio_request_duration_milliseconds_bucket"


@pytest.mark.parametrize(
    ("name", "label", "unit", "fails_below", "scale"),
    [
        (RATE, "success rate", "percent", True, 100.0),
        (SECONDS, "request duration", "ms", False, 1000.0),
        (MILLISECONDS, "request duration", "ms", False, 1.0),
    ],
)
def test_known_checks(name, label, unit, fails_below, scale):
    kind = CHECKS[name]
    assert (kind.label, kind.unit, kind.fails_below, kind.scale) == (label, unit, fails_below, scale)
    assert name in kind.query(Target("test", "podinfo"), "1m")


@pytest.mark.parametrize(
    "check",
    [
        Check(RATE, 0, "1m"),
        Check(RATE, 100, "30s"),
        Check(SECONDS, 0.5, "1h"),
        Check(MILLISECONDS, 100000, "90m"),
    ],
    ids=str,
)
def test_good_checks(check):
    assert check_problem(check) is None


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (
            Check("istio_request_total", 99, "1m"),
            f"name 'istio_request_total' is not a known check, use one of {MILLISECONDS}, {SECONDS}, {RATE}",
        ),
        (Check(RATE, 99, "1d"), "interval '1d' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 99, "1m30s"), "interval '1m30s' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 99, ""), "interval '' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 100.5, "1m"), f"threshold 100.5 of {RATE} must be a percentage between 0 and 100"),
        (Check(RATE, -1, "1m"), f"threshold -1 of {RATE} must be a percentage between 0 and 100"),
        (Check(RATE, math.nan, "1m"), f"threshold nan of {RATE} must be a percentage between 0 and 100"),
        (Check(SECONDS, 0, "1m"), f"threshold 0 of {SECONDS} must be milliseconds above 0"),
        (Check(SECONDS, math.inf, "1m"), f"threshold inf of {SECONDS} must be milliseconds above 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_checks_say_what_would_be_right(check, problem):
    assert check_problem(check) == problem
