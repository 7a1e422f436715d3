"""The built-in checks and their limits."""

import math
from dataclasses import replace

import pytest

from metrics.checks import CHECKS, check_problem, label_of
from metrics.types import Check, Limits, OwnCheck

RATE = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"
MILLISECONDS = "istio_request_duration_milliseconds_bucket"


@pytest.mark.parametrize(
    ("name", "label", "unit", "fails_below"),
    [
        (RATE, "success rate", "percent", True),
        (SECONDS, "request duration", "ms", False),
        (MILLISECONDS, "request duration", "ms", False),
    ],
)
def test_known_checks(name, label, unit, fails_below):
    kind = CHECKS[name]
    assert (kind.label, kind.unit, kind.fails_below) == (label, unit, fails_below)


@pytest.mark.parametrize(
    ("check", "label"),
    [
        (Check(RATE, 99, "1m"), "success rate"),
        (Check(RATE, 99, "1m", protocol="grpc"), "gRPC success rate"),
        (Check(SECONDS, 500, "1m", quantile=0.99), "request duration"),
        (Check(SECONDS, 500, "1m", quantile=0.95), "P95 request duration"),
        (Check(SECONDS, 500, "1m", quantile=0.5), "P50 request duration"),
        (Check(MILLISECONDS, 500, "1m", quantile=0.999), "P99.9 request duration"),
        (Check(MILLISECONDS, 500, "1m", quantile=0.29), "P29 request duration"),
    ],
)
def test_label_says_which_requests_and_which_percentile(check, label):
    assert label_of(check) == label
    assert check_problem(check) is None


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
                f"name 'istio_request_total' is not a built-in check, use one of {MILLISECONDS}, {SECONDS}, {RATE}, "
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
        (Check(RATE, 99, "1m", quantile=0.5), f"quantile is for durations, not for {RATE}"),
        (Check(SECONDS, 99, "1m", quantile=95), f"quantile 95 of {SECONDS} must be between 0 and 1: 0.95, not 95"),
        (
            Check(SECONDS, 99, "1m", quantile=math.nan),
            f"quantile nan of {SECONDS} must be between 0 and 1: 0.95, not 95",
        ),
        (Check(SECONDS, 99, "1m", protocol="grpc"), f"protocol is for {RATE}, not for {SECONDS}"),
        (Check(RATE, 99, "1m", protocol="tcp"), "protocol 'tcp' must be http or grpc"),
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
            (
                "query has the unknown variable {{ pod }}, use {{ namespace }}, {{ name }}, {{ target }}, "
                "{{ workload }}, {{ interval }}"
            ),
        ),
    ],
)
def test_query_that_cannot_be_a_check_says_what_would_be_right(check, problem):
    assert check_problem(check) == problem
