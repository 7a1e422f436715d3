"""The known checks and their limits."""

import math
from dataclasses import replace

import pytest

from metrics.checks import CHECKS, check_problem
from metrics.types import Check, Limits, OwnCheck, Target, Value

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


def test_only_durations_have_a_second_query_of_the_whole_window():
    target = Target("test", "podinfo")
    assert CHECKS[RATE].fallback is None
    for name in (SECONDS, MILLISECONDS):
        kind = CHECKS[name]
        assert kind.fallback(target, "1m") == kind.query(target, "1m").replace("irate(", "rate(")


@pytest.mark.parametrize(
    ("name", "number", "reading"),
    [
        (RATE, 0.5, Value(50.0)),
        (RATE, 0.0, Value(0.0)),
        (RATE, -0.0, Value(0.0)),
        (RATE, 1.0, Value(100.0)),
        (RATE, 1.0000000000000002, Value(100.0)),
        (RATE, -0.5, None),
        (RATE, 1.0001, None),
        (RATE, 7.0, None),
        (SECONDS, 1e308, None),
        (SECONDS, -1e308, None),
        (MILLISECONDS, 1.1e12, None),
        (MILLISECONDS, 1e12, Value(1e12)),
        (SECONDS, 2.5, Value(2500.0)),
        (SECONDS, -10.0, Value(10_000.0, at_least=True)),
        (MILLISECONDS, 0.0, Value(0.0)),
        (MILLISECONDS, -10_000.0, Value(10_000.0, at_least=True)),
    ],
)
def test_number_is_taken_if_the_query_can_be_answered_with_it_and_a_negative_duration_is_beyond_the_buckets(
    name, number, reading
):
    assert CHECKS[name].reading(number) == reading


@pytest.mark.parametrize(
    "check",
    [
        Check(RATE, 0, "1m"),
        Check(RATE, 1.01, "1m"),
        Check(RATE, 100, "30s"),
        Check(SECONDS, 1, "24h"),
        Check(SECONDS, 1.5, "1s"),
        Check(MILLISECONDS, 100000, "1440m"),
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
            (
                f"name 'istio_request_total' is not a known check, use one of {MILLISECONDS}, {SECONDS}, {RATE}, "
                "or give it a query and a thresholdRange"
            ),
        ),
        (Check(RATE, 99, "1d"), "interval '1d' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 99, "1m30s"), "interval '1m30s' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 99, ""), "interval '' is not a Prometheus duration such as 30s, 1m or 1h"),
        (Check(RATE, 100.5, "1m"), f"threshold 100.5 of {RATE} must be a percentage between 0 and 100"),
        (Check(RATE, -1, "1m"), f"threshold -1 of {RATE} must be a percentage between 0 and 100"),
        (Check(RATE, math.nan, "1m"), f"threshold nan of {RATE} must be a percentage between 0 and 100"),
        (Check(RATE, 0.99, "1m"), f"threshold 0.99 of {RATE} is a percentage: 99, not 0.99"),
        (Check(RATE, 0.999, "1m"), f"threshold 0.999 of {RATE} is a percentage: 99.9, not 0.999"),
        (Check(RATE, 1, "1m"), f"threshold 1 of {RATE} is a percentage: 100, not 1"),
        (Check(SECONDS, 0, "1m"), f"threshold 0 of {SECONDS} must be milliseconds, at least 1"),
        (Check(SECONDS, -5, "1m"), f"threshold -5 of {SECONDS} must be milliseconds, at least 1"),
        (Check(SECONDS, 0.5, "1m"), f"threshold 0.5 of {SECONDS} is in milliseconds: 500, not 0.5"),
        (Check(MILLISECONDS, 0.25, "1m"), f"threshold 0.25 of {MILLISECONDS} is in milliseconds: 250, not 0.25"),
        (Check(SECONDS, math.inf, "1m"), f"threshold inf of {SECONDS} must be milliseconds, at least 1"),
        (Check(SECONDS, math.nan, "1m"), f"threshold nan of {SECONDS} must be milliseconds, at least 1"),
        (Check(RATE, 99, "0m"), "interval 0m is not between 1s and 24h"),
        (Check(RATE, 99, "000s"), "interval 000s is not between 1s and 24h"),
        (Check(RATE, 99, "25h"), "interval 25h is not between 1s and 24h"),
        (Check(RATE, 99, "86401s"), "interval 86401s is not between 1s and 24h"),
        (Check(RATE, 99, "99999999999h"), "interval 99999999999h is not between 1s and 24h"),
        (Check(RATE, 99, "9" * 5000 + "h"), f"interval {'9' * 5000}h is not between 1s and 24h"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_checks_say_what_would_be_right(check, problem):
    assert check_problem(check) == problem


def own(**changes):
    return replace(OwnCheck("checkout errors", "vector(0)", Limits(high=1.0), "1m"), **changes)


@pytest.mark.parametrize("check", [own(), own(unit="%"), own(limits=Limits(1.0, 1.0)), own(limits=Limits(low=-1.0))])
def test_query_of_the_users_own_can_be_a_check(check):
    assert check_problem(check) is None


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (own(interval="1d"), "interval '1d' is not a Prometheus duration such as 30s, 1m or 1h"),
        (own(limits=Limits(high=math.inf)), "thresholdRange of checkout errors must be finite numbers"),
        (own(limits=Limits(low=math.nan)), "thresholdRange of checkout errors must be finite numbers"),
        (
            own(query="{{ pod }}"),
            "query has the unknown variable {{ pod }}, use {{ namespace }}, {{ workload }}, {{ interval }}",
        ),
    ],
)
def test_query_that_cannot_be_a_check_says_what_would_be_right(check, problem):
    assert check_problem(check) == problem
