"""PromQL over stored samples, against values computed by hand."""

import math

import pytest

from metrics import promql
from metrics.types import Target
from testbed.sandbox.promql import QueryError, evaluate

AT = 1000.0


def labels(name, **more):
    return tuple(sorted({"__name__": name, **more}.items()))


def counter(start, per_second, *, until=AT, seconds=60, step=15):
    times = [until - seconds + step * i for i in range(seconds // step + 1)]
    return tuple((t, start + per_second * (t - times[0])) for t in times)


OWN = {"reporter": "destination", "destination_workload_namespace": "test", "destination_workload": "podinfo-canary"}
SERIES = {
    labels("up", job="a"): ((AT - 10, 1.0),),
    labels("up", job="b"): ((AT - 10, 0.0),),
    labels("old"): ((AT - 400, 1.0),),
    labels("c", code="200", job="a"): counter(0, 9.0),
    labels("c", code="500", job="a"): counter(100, 1.0),
    labels("reset"): ((AT - 45, 10.0), (AT - 30, 20.0), (AT - 15, 5.0), (AT, 15.0)),
    labels("istio_requests_total", response_code="200", **OWN): counter(0, 3.0),
    labels("istio_requests_total", response_code="503", **OWN): counter(0, 1.0),
    **{
        labels(
            "istio_requests_total",
            response_code="200",
            request_protocol="grpc",
            **status,
            **{**OWN, "destination_workload": "rpc"},
        ): counter(0, rate)
        for rate, status in (
            (5.0, {"grpc_response_status": "0"}),
            (1.0, {"grpc_response_status": "5"}),
            (1.0, {"grpc_response_status": "16"}),
            (1.0, {"grpc_response_status": "13"}),
            (1.0, {"grpc_response_status": "2"}),
            (1.0, {}),
        )
    },
    labels("b_bucket", le="0.1", **OWN): counter(0, 90.0),
    labels("b_bucket", le="0.5", **OWN): counter(0, 98.0),
    labels("b_bucket", le="1", **OWN): counter(0, 100.0),
    labels("b_bucket", le="+Inf", **OWN): counter(0, 100.0),
}


def bucket(name, **values):
    """Return the series of a histogram of a workload: samples by bound, ``inf`` for the last one."""
    bounds = {"inf": "+Inf"}
    own = {**OWN, "destination_workload": name}
    return {labels("d_bucket", le=bounds.get(le, le[1:]), **own): samples for le, samples in values.items()}


SERIES |= {
    **bucket("fast", _1=counter(0, 1.0), inf=counter(0, 1.0)),
    **bucket("slow", _1=counter(0, 0.0), _10=counter(0, 98.0), inf=counter(0, 100.0)),
    **bucket("edge", _1=counter(0, 0.0), _10=counter(0, 99.0), inf=counter(0, 100.0)),
    **bucket("idle", _1=counter(7, 0.0), _10=counter(7, 0.0), inf=counter(7, 0.0)),
    **bucket(
        "quiet",
        _1=((AT - 45, 0.0), (AT - 30, 50.0), (AT - 15, 100.0), (AT, 100.0)),
        inf=((AT - 45, 0.0), (AT - 30, 50.0), (AT - 15, 100.0), (AT, 100.0)),
    ),
    **bucket("unbounded", inf=counter(0, 1.0)),
    **bucket("seldom", inf=tuple((AT - 60 * i, 1.0) for i in range(5, -1, -1))),
    **bucket("young", inf=((AT - 15, 1.0), (AT, 2.0))),
    **bucket("gone", inf=((AT - 400, 1.0), (AT - 330, 2.0))),
}


def value(query):
    result = evaluate(query, SERIES, AT)
    if isinstance(result, float):
        return result
    return {tuple(v for k, v in key if k != "__name__"): number for key, number in result.items()}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("-(2)", -2.0),
        ("7 / 2", 3.5),
        ("vector(0)", {(): 0.0}),
        ('up{job="a"}', {("a",): 1.0}),
        ('up{job!="a"}', {("b",): 0.0}),
        ('up{job=~"a|b"}', {("a",): 1.0, ("b",): 0.0}),
        ('up{job=~"."}', {("a",): 1.0, ("b",): 0.0}),
        ('up{job=~"x.*"}', {}),
        ('up{job!~"a.*"}', {("b",): 0.0}),
        ("old", {}),
        ("nothing", {}),
        ("up == 1", {("a",): 1.0}),
        ("up == bool 1", {("a",): 1.0, ("b",): 0.0}),
        ("up > 2", {}),
        ("up * 10", {("a",): 10.0, ("b",): 0.0}),
        ("sum(up)", {(): 1.0}),
        ("sum(up) + sum(up)", {(): 2.0}),
        ("sum(nothing) or vector(0)", {(): 0.0}),
        ("sum(up) or vector(0)", {(): 1.0}),
    ],
)
def test_queries(query, expected):
    assert value(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(rate(c[1m]))", {(): 10.0}),
        ('sum(rate(c{code!~"5.*"}[1m])) / sum(rate(c[1m]))', {(): 0.9}),
        ("sum(rate(c[1m])) by (code)", {("200",): 9.0, ("500",): 1.0}),
        ("sum by (job) (rate(c[1m]))", {("a",): 10.0}),
        ("irate(reset[1m])", {(): 10 / 15}),
        ("sum(increase(c[1m]))", {(): 600.0}),
        ("sum(count_over_time(c[1m]))", {(): 8.0}),
        ("sum(count_over_time(old[1m]))", {}),
        ("sum(count_over_time(old[8m]))", {(): 1.0}),
        ("histogram_quantile(0.99, sum(rate(b_bucket[1m])) by (le))", {(): 0.75}),
        ("histogram_quantile(0.9, sum(rate(b_bucket[1m])) by (le))", {(): 0.1}),
        (promql.success_rate(Target("test", "podinfo-canary"), "1m"), {(): 0.75}),
        (promql.success_rate(Target("test", "rpc"), "1m"), {(): 1.0}),
        (promql.grpc_success_rate(Target("test", "rpc"), "1m"), {(): 0.7}),
        (promql.grpc_success_rate(Target("test", "podinfo-canary"), "1m"), {}),
        (promql.duration("b_bucket", Target("test", "podinfo-canary"), "1m", quantile=0.9), {(): 0.1}),
        (promql.duration("b_bucket", Target("test", "podinfo-canary"), "1m"), {(): 0.75}),
    ],
)
def test_rates_and_quantiles(query, expected):
    found = value(query)
    assert set(found) == set(expected)
    for key, number in expected.items():
        assert found[key] == pytest.approx(number, rel=0.02)


@pytest.mark.parametrize(
    ("workload", "rate", "expected"),
    [
        ("fast", "irate", 0.99),
        ("slow", "irate", -10.0),
        ("edge", "irate", 10.0),
        ("quiet", "rate", 0.99),
    ],
)
def test_duration_is_negative_beyond_the_largest_bucket(workload, rate, expected):
    assert value(promql.duration("d_bucket", Target("test", workload), "1m", rate=rate)) == {
        (): pytest.approx(expected)
    }


@pytest.mark.parametrize(("workload", "rate"), [("idle", "irate"), ("idle", "rate"), ("quiet", "irate")])
def test_duration_without_a_request_is_no_number(workload, rate):
    (number,) = value(promql.duration("d_bucket", Target("test", workload), "1m", rate=rate)).values()
    assert math.isnan(number)


@pytest.mark.parametrize("workload", ["unbounded", "nobody"])
def test_duration_without_buckets_is_nothing(workload):
    assert value(promql.duration("d_bucket", Target("test", workload), "1m")) == {}


@pytest.mark.parametrize(
    ("workloads", "expected"), [(("fast",), 1.0), (("fast", "slow"), 10.0), (("nobody", "slow"), 10.0)]
)
def test_largest_bucket_is_that_of_any_of_the_workloads(workloads, expected):
    assert value(promql.largest_bucket("d_bucket", [Target("test", name) for name in workloads])) == {(): expected}


@pytest.mark.parametrize(
    ("workloads", "window", "expected"),
    [
        (("slow",), "30s", {(): 4.0}),
        (("slow",), "7s", {(): 1.0}),
        (("slow", "nobody"), "15s", {(): 2.0}),
        (("slow", "seldom"), "15s", {(): 1.0}),
        (("seldom",), "5s", {(): 1.0}),
        (("seldom",), "1m", {(): 2.0}),
        (("seldom",), "2m", {(): 4.0}),
        (("young",), "15s", {}),
        (("gone",), "1m", {}),
        (("nobody",), "1m", {}),
    ],
)
def test_samples_in_two_windows_of_the_workload_that_is_scraped_least_often(workloads, window, expected):
    targets = [Target("test", name) for name in workloads]
    assert value(promql.samples_in_two_windows("d_bucket", targets, window)) == expected


def test_series_without_a_sample_in_two_windows_has_none():
    series = {
        key: tuple((t - 20, v) for t, v in samples) for key, samples in bucket("late", inf=counter(0, 1.0)).items()
    }
    (number,) = evaluate(promql.samples_in_two_windows("d_bucket", [Target("test", "late")], "5s"), series, AT).values()
    assert number == 0.0


def test_counter_reset_counts_from_zero():
    (increase,) = value("increase(reset[1m])").values()
    assert increase >= 25  # 10, then 5 and 10 after the reset


def test_success_rate_without_traffic_is_no_number():
    series = {key: ((AT - 30, 0.0), (AT, 0.0)) for key in SERIES if dict(key).get("response_code")}
    (number,) = evaluate(promql.success_rate(Target("test", "podinfo-canary"), "1m"), series, AT).values()
    assert math.isnan(number)


@pytest.mark.parametrize(
    ("query", "kind", "text"),
    [
        ("sum(", "bad_data", "unclosed left parenthesis"),
        ("deriv(c[1m])", "execution", "deriv"),
        ("topk(1, up)", "execution", "topk"),
    ],
)
def test_what_is_not_supported_is_an_error(query, kind, text):
    with pytest.raises(QueryError) as raised:
        evaluate(query, SERIES, AT)
    assert raised.value.kind == kind
    assert text in str(raised.value)
