"""What the answer to a query of the user's own means."""

import json

import pytest

from controller.check.facts import Objects, OwnAnswer
from controller.check.judge import judge
from controller.check.judge_metrics import METRICS
from controller.check.report import as_json
from controller.core.canary import InvalidSpec
from metrics.types import Check, Limits, NoData, OwnCheck, Unavailable, Value
from tests.controller.check.facts_builders import NONE, answers, api, bad, facts, metrics, world
from tests.controller.core import builders

ERRORS = OwnCheck("checkout errors", 'errors{w="{{ workload }}"}', Limits(high=1.0), "1m", "%")
ASKED = 'errors{w="podinfo-canary"}'


def asked(reading, *, checks=(ERRORS,), **of_metrics):
    spec = builders.spec(checks=checks)
    the_world = world(canary=builders.canary(spec=spec, finalizers=()))
    given = [OwnAnswer(ASKED, reading) if isinstance(check, OwnCheck) else answers() for check in checks]
    found = metrics(of_canaries={("test", "podinfo"): given}, **of_metrics)
    return facts(api=api(objects=Objects(looks=(the_world,))), metrics=found)


@pytest.mark.parametrize(
    ("reading", "level", "reason", "what"),
    [
        (
            Value(0.4),
            "ok",
            "QueryAnswered",
            "Its query for checkout errors answers 0.4% (at most 1%): it passes now",
        ),
        (Value(1.2), "warning", "QueryFails", "Its query fails now: checkout errors 1.20% > 1%"),
        (
            NoData(),
            "warning",
            "QueryWithoutData",
            "Its query for checkout errors has no data now: a round without data does not advance the canary",
        ),
        (
            Unavailable("http://prometheus:9090 answered 400: parse error"),
            "problem",
            "QueryNotAnswered",
            "Its query for checkout errors is not answered: http://prometheus:9090 answered 400: parse error",
        ),
    ],
)
def test_query_is_told_with_what_it_answers(reading, level, reason, what):
    (finding,) = [f for f in judge(asked(reading)) if f.reason == reason]
    assert (finding.level, finding.what, finding.about, finding.query) == (level, what, "test/podinfo", ASKED)


def test_query_stands_in_the_json():
    the_facts = asked(Value(0.4))
    found = json.loads(as_json(the_facts, judge(the_facts)))["findings"]
    assert [finding["query"] for finding in found if "query" in finding] == [ASKED]


def test_query_needs_no_series_of_istio():
    nothing = {"destination": dict.fromkeys(METRICS, NONE)}
    reasons = [f.reason for f in judge(asked(Value(0.4), series=nothing))]
    assert "QueryAnswered" in reasons
    assert [f.level for f in judge(asked(Value(0.4), series=nothing)) if f.reason == "NoIstioSeries"] == ["warning"]


def test_known_check_beside_a_query_is_looked_at_as_ever():
    beside = asked(Value(0.4), checks=(Check("istio_requests_total", 99.0, "1m"), ERRORS))
    assert bad(beside) == []


def test_without_prometheus_nothing_is_said_of_queries():
    away = facts(metrics=Unavailable("http://prometheus:9090 did not answer within 5s"))
    assert not [finding for finding in judge(away) if finding.query]


def test_invalid_object_has_no_queries():
    broken = world(canary=builders.canary(spec=InvalidSpec("x"), finalizers=()))
    assert not [f for f in judge(facts(api=api(objects=Objects(looks=(broken,))))) if f.query]
