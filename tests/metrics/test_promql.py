"""The queries, word for word."""

import promql_parser
import pytest

from metrics import promql
from metrics.types import Target

TARGET = Target("test", "podinfo-canary")
SELECTOR = 'reporter="destination",destination_workload_namespace="test",destination_workload="podinfo-canary"'


def test_success_rate_has_one_window_and_a_numerator_that_falls_back_to_zero():
    assert promql.success_rate(TARGET, "30s") == (
        f'(sum(rate(istio_requests_total{{{SELECTOR},response_code!~"5.*"}}[30s])) or vector(0)) / '
        f"sum(rate(istio_requests_total{{{SELECTOR}}}[30s]))"
    )


def test_grpc_success_rate_counts_grpc_requests_only_and_those_without_a_status_as_failed():
    assert promql.grpc_success_rate(TARGET, "30s") == (
        f'(sum(rate(istio_requests_total{{{SELECTOR},request_protocol="grpc",'
        'grpc_response_status=~"0|1|3|5|6|7|8|9|10|11|16"}[30s])) or vector(0)) / '
        f'sum(rate(istio_requests_total{{{SELECTOR},request_protocol="grpc"}}[30s]))'
    )


@pytest.mark.parametrize("reporter", ["source", "waypoint"])
def test_numbers_are_those_of_the_reporter(reporter):
    target = Target("test", "podinfo-canary", reporter)
    for query in (promql.success_rate, promql.grpc_success_rate):
        assert query(target, "1m") == query(TARGET, "1m").replace('destination"', f'{reporter}"')
    assert f'reporter="{reporter}"' in promql.duration("b", target, "1m")
    assert promql.count_of("m", reporter) == f'count(m{{reporter="{reporter}"}})'
    assert promql.count_of_other_reporters("m", reporter) == f'count(m{{reporter!="{reporter}"}})'


@pytest.mark.parametrize("quantile", ["0.5", "0.999"])
def test_quantile_stands_in_the_query_and_in_the_condition_of_the_largest_bucket(quantile):
    query = promql.duration("b", TARGET, "1m", quantile=float(quantile))
    assert query == promql.duration("b", TARGET, "1m").replace("0.99", quantile)
    assert query.count(quantile) == 2


@pytest.mark.parametrize("rate", ["irate", "rate"])
def test_duration_is_by_default_the_99th_percentile_and_negative_beyond_the_largest_bucket(rate):
    assert promql.duration("some_bucket", TARGET, "1m", rate=rate) == (
        f"histogram_quantile(0.99, sum({rate}(some_bucket{{{SELECTOR}}}[1m])) by (le)) * (1 - 2 * "
        f'(max(sum({rate}(some_bucket{{{SELECTOR},le!="+Inf"}}[1m])) by (le)) < bool '
        f'0.99 * sum({rate}(some_bucket{{{SELECTOR},le="+Inf"}}[1m]))))'
    )
    assert promql.duration("some_bucket", TARGET, "1m") == promql.duration("some_bucket", TARGET, "1m", rate="irate")


def test_count_of_series_is_of_any_workload_or_of_those_that_are_named():
    other = SELECTOR.replace("podinfo-canary", "podinfo")
    assert promql.count_of("istio_requests_total") == 'count(istio_requests_total{reporter="destination"})'
    both = [TARGET, Target("test", "podinfo")]
    assert promql.count_of_workloads("istio_requests_total", both) == (
        f"count(istio_requests_total{{{SELECTOR}}} or istio_requests_total{{{other}}})"
    )
    assert promql.count_of_workloads("istio_requests_total", [TARGET], "grpc") == (
        f'count(istio_requests_total{{{SELECTOR},request_protocol="grpc"}})'
    )


def test_count_of_a_histogram_is_of_one_bucket():
    assert promql.count_of("some_bucket") == 'count(some_bucket{reporter="destination",le="+Inf"})'
    assert promql.count_of_workloads("some_bucket", [TARGET]) == f'count(some_bucket{{{SELECTOR},le="+Inf"}})'


def test_count_of_other_reporters():
    assert promql.count_of_other_reporters("m") == 'count(m{reporter!="destination"})'


@pytest.mark.parametrize("window", ["7s", "1m", "24h"])
def test_samples_are_those_of_two_windows(window):
    query = promql.samples_in_two_windows("m", [TARGET, Target("test", "podinfo")], window)
    promql_parser.parse(query)
    twice = f"{2 * int(window[:-1])}{window[-1]}"
    assert query.count(f"[{twice}]") == query.count(f" offset {twice}") == 2


def test_queries_about_a_histogram_can_be_parsed():
    for query in (
        promql.duration("b", TARGET, "1m"),
        promql.largest_bucket("b", [TARGET, Target("test", "podinfo")]),
        promql.samples_in_two_windows("some_bucket", [TARGET], "1m"),
    ):
        promql_parser.parse(query)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a.b", 'x",y=~".*'])
def test_names_match_themselves_and_nothing_else(name):
    for query in (promql.success_rate(Target("test", name), "1m"), promql.duration("b", Target("test", name), "1m")):
        promql_parser.parse(query)
        assert "=~" not in query.replace(name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"), "")
    escaped = promql.success_rate(Target(name, "w"), "1m").split('destination_workload_namespace="', 1)[1]
    assert escaped.startswith(name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"')
