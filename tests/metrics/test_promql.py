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


@pytest.mark.parametrize("rate", ["irate", "rate"])
def test_duration_is_the_99th_percentile_and_negative_beyond_the_largest_bucket(rate):
    assert promql.duration("some_bucket", TARGET, "1m", rate=rate) == (
        f"histogram_quantile(0.99, sum({rate}(some_bucket{{{SELECTOR}}}[1m])) by (le)) * (1 - 2 * "
        f'(max(sum({rate}(some_bucket{{{SELECTOR},le!="+Inf"}}[1m])) by (le)) < bool '
        f'0.99 * sum({rate}(some_bucket{{{SELECTOR},le="+Inf"}}[1m]))))'
    )
    assert promql.duration("some_bucket", TARGET, "1m") == promql.duration("some_bucket", TARGET, "1m", rate="irate")


def test_count_of_series_is_of_any_workload_or_of_those_that_are_named():
    other = SELECTOR.replace("podinfo-canary", "podinfo")
    assert promql.count_of("istio_requests_total") == 'count(istio_requests_total{reporter="destination"})'
    assert promql.count_of("istio_requests_total", [TARGET, Target("test", "podinfo")]) == (
        f"count(istio_requests_total{{{SELECTOR}}} or istio_requests_total{{{other}}})"
    )


def test_count_of_a_histogram_is_of_one_bucket():
    assert promql.count_of("some_bucket") == 'count(some_bucket{reporter="destination",le="+Inf"})'
    assert promql.count_of("some_bucket", [TARGET]) == f'count(some_bucket{{{SELECTOR},le="+Inf"}})'


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
