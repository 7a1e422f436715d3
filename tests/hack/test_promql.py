"""PromQL over stored samples, against values computed by hand."""

import math

import pytest

from hack.sandbox.promql import QueryError, evaluate
from metrics import promql
from metrics.types import Target

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
    labels("b_bucket", le="0.1", **OWN): counter(0, 90.0),
    labels("b_bucket", le="0.5", **OWN): counter(0, 98.0),
    labels("b_bucket", le="1", **OWN): counter(0, 100.0),
    labels("b_bucket", le="+Inf", **OWN): counter(0, 100.0),
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
        ("histogram_quantile(0.99, sum(rate(b_bucket[1m])) by (le))", {(): 0.75}),
        ("histogram_quantile(0.9, sum(rate(b_bucket[1m])) by (le))", {(): 0.1}),
        (promql.success_rate(Target("test", "podinfo-canary"), "1m"), {(): 0.75}),
        (promql.duration("b_bucket", Target("test", "podinfo-canary"), "1m"), {(): 0.75}),
    ],
)
def test_rates_and_quantiles(query, expected):
    found = value(query)
    assert set(found) == set(expected)
    for key, number in expected.items():
        assert found[key] == pytest.approx(number, rel=0.02)


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
