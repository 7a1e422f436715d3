"""What a reading says of a canary, in the words of the events."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.types import Check, Judgement, Limits, NoData, OwnCheck, Unavailable, Value, Verdict
from metrics.verdicts import judge, rounded, within, worst

RATE = Check("istio_requests_total", 99, "1m")
DURATION = Check("istio_request_duration_seconds_bucket", 500, "2m")


@pytest.mark.parametrize(
    ("check", "number", "text"),
    [
        (RATE, 82.33, "success rate 82.33% < 99%"),
        (RATE, 47.0, "success rate 47.00% < 99%"),
        (RATE, 0.0, "success rate 0.00% < 99%"),
        (RATE, 98.9999, "success rate 98.99% < 99%"),
        (Check(RATE.name, 99.95, "1m"), 99.949, "success rate 99.94% < 99.95%"),
        (Check(RATE.name, 100, "1m"), 99.999, "success rate 99.99% < 100%"),
        (Check(RATE.name, 100, "1m"), 99.9999999, "success rate 99.99% < 100%"),
        (Check(RATE.name, 99.99999, "1m"), 99.99, "success rate 99.99% < 99.99999%"),
        (Check(RATE.name, 99.99999, "1m"), 99.999985, "success rate 99.99998% < 99.99999%"),
        (Check(RATE.name, 99.99999, "1m"), 99.999989999, "success rate 99.99998% < 99.99999%"),
        (Check(RATE.name, 99.9999, "1m"), 99.9995, "success rate 99.9995% < 99.9999%"),
        (Check(RATE.name, 99.9999, "1m"), 50.0, "success rate 50.00% < 99.9999%"),
        (Check(DURATION.name, 1234567.5, "1m"), 2_000_000.0, "request duration 33m20s > 1234567.5ms"),
        (Check(DURATION.name, 1234567.5, "1m"), 1234567.6, "request duration 20m34.568s > 1234567.5ms"),
        (Check(DURATION.name, 100, "1m"), 100.0000001, "request duration 101ms > 100ms"),
        (DURATION, 2525.0, "request duration 2.525s > 500ms"),
        (replace(DURATION, quantile=0.95), 2525.0, "P95 request duration 2.525s > 500ms"),
        (replace(RATE, protocol="grpc"), 82.33, "gRPC success rate 82.33% < 99%"),
        (DURATION, 1567.4, "request duration 1.567s > 500ms"),
        (DURATION, 823.0, "request duration 823ms > 500ms"),
        (DURATION, 500.2, "request duration 501ms > 500ms"),
        (Check(DURATION.name, 0.5, "1m"), 0.6, "request duration 1ms > 0.5ms"),
        (Check(DURATION.name, 2000, "1m"), 120000.0, "request duration 2m0s > 2s"),
    ],
)
def test_number_over_its_limit_fails_with_both(check, number, text):
    judgement = judge(check, Value(number))
    assert (judgement.verdict, judgement.text) == (Verdict.FAIL, text)
    assert (judgement.check, judgement.reading) == (check, Value(number))


@pytest.mark.parametrize(
    ("threshold", "bound", "text"),
    [
        (500, 10_000.0, "request duration over 10s > 500ms"),
        (10_000, 10_000.0, "request duration over 10s > 10s"),
        (15_000, 10_000.0, "request duration over 10s, the largest bucket: the limit of 15s cannot be checked"),
        (10, 7.5, "request duration over 7.5ms, the largest bucket: the limit of 10ms cannot be checked"),
        (1.5, 2.0, "request duration over 2ms > 1.5ms"),
    ],
)
def test_number_beyond_the_largest_bucket_fails_whatever_the_limit(threshold, bound, text):
    judgement = judge(Check(DURATION.name, threshold, "1m"), Value(bound, at_least=True))
    assert (judgement.verdict, judgement.text) == (Verdict.FAIL, text)


@pytest.mark.parametrize(("check", "number"), [(RATE, 99.0), (RATE, 100.0), (DURATION, 500.0), (DURATION, 0.0)])
def test_number_at_or_within_its_limit_passes_and_says_nothing(check, number):
    judgement = judge(check, Value(number))
    assert (judgement.verdict, judgement.text) == (Verdict.PASS, "")


@pytest.mark.parametrize(
    ("check", "reading", "text"),
    [
        (RATE, NoData(), "success rate unknown, Prometheus has no data for the last 1m"),
        (DURATION, NoData(), "request duration unknown, Prometheus has no data for the last 2m"),
        (RATE, Value(math.nan), "success rate unknown, Prometheus has no data for the last 1m"),
        (RATE, Value(math.inf), "success rate unknown, Prometheus has no data for the last 1m"),
        (
            DURATION,
            Value(math.inf, at_least=True),
            "request duration unknown, Prometheus has no data for the last 2m",
        ),
        (
            RATE,
            Unavailable("http://p did not answer within 5s"),
            "success rate unknown, http://p did not answer within 5s",
        ),
    ],
)
def test_nothing_but_a_finite_number_is_conclusive(check, reading, text):
    judgement = judge(check, reading)
    assert judgement == Judgement(check, reading, Verdict.INCONCLUSIVE, text)


def shown(text):
    """Return the two numbers of a text about a rate."""
    return [Decimal(word.rstrip("%")) for word in text.removeprefix("success rate ").split(" < ")]


@given(st.floats(0, 100), st.floats(1, 100))
@example(99.99999, 100.0)
@example(math.nextafter(99.99999, 0), 99.99999)
@example(5e-324, 1.0000000001)
def test_failing_rate_is_shown_below_its_limit(number, threshold):
    judgement = judge(Check(RATE.name, threshold, "1m"), Value(number))
    assert (judgement.verdict is Verdict.FAIL) is (number < threshold)
    if number < threshold:
        rate, limit = shown(judgement.text)
        assert rate < limit
        assert limit == Decimal(repr(threshold))
        assert abs(rate - Decimal(repr(number))) <= Decimal("0.01")


@given(st.floats(1, 1e12), st.floats(1, 1e300))
def test_failing_duration_says_both_without_an_exponent(number, threshold):
    judgement = judge(Check(DURATION.name, threshold, "1m"), Value(number))
    assert (judgement.verdict is Verdict.FAIL) is (number > threshold)
    assert "e+" not in judgement.text


# --- queries of the user's own ---------------------------------------------------------------------------------------


def own(low=None, high=None, unit=""):
    return OwnCheck("checkout errors", "vector(0)", Limits(low, high), "1m", unit)


@pytest.mark.parametrize(
    ("check", "number", "text"),
    [
        (own(high=1, unit="%"), 1.2, "checkout errors 1.20% > 1%"),
        (own(high=1, unit="%"), 1.004, "checkout errors 1.01% > 1%"),
        (own(high=1.234), 1.2341, "checkout errors 1.235 > 1.234"),
        (own(high=100, unit="messages"), 120.0, "checkout errors 120.00 messages > 100 messages"),
        (own(low=5, high=10, unit="ms"), 4.999, "checkout errors 4.99ms < 5ms"),
        (own(low=5, high=10), 10.5, "checkout errors 10.50 > 10"),
        (own(low=-1), -1.5, "checkout errors -1.50 < -1"),
        (own(high=0), 0.0003, "checkout errors 0.0003 > 0"),
        (own(high=0), 1e-12, "checkout errors 0.000000000001 > 0"),
        (own(low=0), -0.0003, "checkout errors -0.0003 < 0"),
        (own(low=0.5), 0.0003, "checkout errors 0.0003 < 0.5"),
        (own(low=0.5), 0.0, "checkout errors 0.00 < 0.5"),
    ],
)
def test_number_beyond_either_limit_fails_with_both(check, number, text):
    assert judge(check, Value(number)) == Judgement(check, Value(number), Verdict.FAIL, text)


@pytest.mark.parametrize(
    ("check", "number", "text"),
    [
        (own(low=5, high=10), 5.0, "5 (at least 5 and at most 10)"),
        (own(low=5), 5.5, "5.5 (at least 5)"),
        (own(high=10, unit="%"), 10.0, "10% (at most 10%)"),
        (own(high=10, unit="messages"), 0.1234567, "0.123457 messages (at most 10 messages)"),
    ],
)
def test_number_within_the_limits_passes_and_can_be_shown(check, number, text):
    assert judge(check, Value(number)).verdict is Verdict.PASS
    assert within(check, number) == text


def test_query_without_data_or_answer_is_inconclusive():
    check = own(high=1)
    nothing = "checkout errors unknown, Prometheus has no data for the last 1m"
    assert judge(check, NoData()) == Judgement(check, NoData(), Verdict.INCONCLUSIVE, nothing)
    assert judge(check, Unavailable("x")).text == "checkout errors unknown, x"


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_what_is_said_of_a_number_that_fails_is_true(number, limit):
    for check, fails in ((own(low=limit), number < limit), (own(high=limit), number > limit)):
        text = judge(check, Value(number)).text
        assert bool(text) == fails
        if text:
            shown, relation, bound = text.removeprefix("checkout errors ").split()
            assert Decimal(bound) == Decimal(repr(limit))
            assert Decimal(shown) < Decimal(bound) if relation == "<" else Decimal(shown) > Decimal(bound)


OWN = OwnCheck("queue", "q", Limits(5.0, 10.0), "1m")


@pytest.mark.parametrize(
    ("check", "number", "shown"),
    [
        pytest.param(RATE, 64.99999999999801, 65.0, id="what adding up left over"),
        pytest.param(RATE, 82.33333, 82.33, id="two digits behind the point"),
        pytest.param(RATE, 98.9999, 98.9999, id="as many as tell it from its limit"),
        pytest.param(RATE, 99.0000001, 99.0, id="a pass at the limit is a pass"),
        pytest.param(DURATION, 500.004, 500.004, id="a duration beyond its limit stays beyond"),
        pytest.param(DURATION, 19.876543, 19.88, id="a duration"),
        pytest.param(replace(OWN, limits=Limits(None, 1.0)), 0.00042123, 0.000421, id="a small one is not 0"),
        pytest.param(OWN, 0.0, 0.0, id="nothing"),
        pytest.param(OWN, math.inf, math.inf, id="no number"),
        pytest.param(RATE, 99 - 2**-46, 99 - 2**-46, id="the last digit of all"),
    ],
)
def test_readings_are_rounded_for_people(check, number, shown):
    assert rounded(check, number) == shown


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_rounding_never_changes_the_verdict(number, limit):
    check = OwnCheck("queue", "q", Limits(None, limit), "1m")
    assert judge(check, Value(rounded(check, number))).verdict is judge(check, Value(number)).verdict


@pytest.mark.parametrize(
    ("check", "numbers", "found"),
    [
        pytest.param(RATE, (99.0, 82.0, 100.0), 82.0, id="the lowest rate"),
        pytest.param(DURATION, (20.0, 900.0, 30.0), 900.0, id="the longest duration"),
        pytest.param(OWN, (6.0, 9.5), 9.5, id="the one nearest to a limit"),
        pytest.param(OWN, (2.0, 11.0), 2.0, id="the one furthest beyond a limit"),
    ],
)
def test_worst_reading(check, numbers, found):
    assert worst(check, *numbers) == found
