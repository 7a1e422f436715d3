"""The built-in checks as Prometheus is asked for them, and what its answers mean."""

import pytest

from metrics import promql
from metrics.checks import CHECKS
from metrics.queries import QUERIES
from metrics.types import Check, Target, Value

RATE = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"
MILLISECONDS = "istio_request_duration_milliseconds_bucket"
TARGET = Target("test", "podinfo-canary")


def asked(check):
    return list(QUERIES[check.name].queries(TARGET, check))


def test_every_known_check_can_be_asked():
    assert QUERIES.keys() == CHECKS.keys()


@pytest.mark.parametrize(("protocol", "query"), [("http", promql.success_rate), ("grpc", promql.grpc_success_rate)])
def test_rate_is_asked_once_by_the_status_of_its_protocol(protocol, query):
    assert asked(Check(RATE, 99, "30s", protocol=protocol)) == [query(TARGET, "30s")]


@pytest.mark.parametrize("name", [SECONDS, MILLISECONDS])
@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_duration_is_asked_of_the_last_two_scrapes_and_then_of_the_whole_window(name, quantile):
    first, second = asked(Check(name, 500, "30s", quantile=quantile))
    assert first == promql.duration(name, TARGET, "30s", quantile=quantile)
    assert second == first.replace("irate(", "rate(")


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
    assert QUERIES[name].reading(number) == reading
