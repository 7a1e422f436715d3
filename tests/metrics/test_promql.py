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


def test_duration_is_the_99th_percentile():
    assert promql.duration("some_bucket", TARGET, "1m") == (
        f"histogram_quantile(0.99, sum(irate(some_bucket{{{SELECTOR}}}[1m])) by (le))"
    )


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a.b", 'x",y=~".*'])
def test_names_match_themselves_and_nothing_else(name):
    for query in (promql.success_rate(Target("test", name), "1m"), promql.duration("b", Target("test", name), "1m")):
        promql_parser.parse(query)
        assert "=~" not in query.replace(name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"), "")
    escaped = promql.success_rate(Target(name, "w"), "1m").split('destination_workload_namespace="', 1)[1]
    assert escaped.startswith(name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"')
