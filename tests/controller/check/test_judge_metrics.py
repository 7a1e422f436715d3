"""What Prometheus' answers mean."""

import pytest

from controller.check.facts import Objects
from controller.check.judge import judge
from controller.check.judge_metrics import MILLISECONDS, REQUESTS, SECONDS
from metrics.types import Check, Unavailable, Value
from tests.controller.check.facts_builders import NONE, SOME, api, bad, facts, metrics, world
from tests.controller.core import builders

AWAY = Unavailable("http://prometheus:9090 did not answer within 5s")
NO_SIDECARS = (
    f'Prometheus has {REQUESTS}, but none with reporter="destination": no workload that is called has a sidecar'
)
OF = "of podinfo or podinfo-canary in namespace test"


def having(*, requests=SOME, seconds=SOME, milliseconds=SOME):
    return {REQUESTS: requests, SECONDS: seconds, MILLISECONDS: milliseconds}


def of(*readings):
    return {("test", "podinfo"): readings}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"series": having(requests=NONE, seconds=NONE, milliseconds=NONE), "of_canaries": of(NONE, NONE)},
            [
                (
                    "problem",
                    "NoIstioSeries",
                    f"Prometheus has no {REQUESTS}: it does not scrape the mesh, or nobody has sent a request yet",
                )
            ],
            id="nothing of Istio is said once",
        ),
        pytest.param(
            {"series": having(requests=Value(0.0))},
            [
                (
                    "problem",
                    "NoIstioSeries",
                    f"Prometheus has no {REQUESTS}: it does not scrape the mesh, or nobody has sent a request yet",
                )
            ],
            id="a count of zero",
        ),
        pytest.param(
            {"series": having(requests=NONE), "others": SOME},
            [
                (
                    "problem",
                    "NoIstioSeries",
                    NO_SIDECARS,
                )
            ],
            id="only the ingress reports",
        ),
        pytest.param(
            {"series": having(seconds=NONE, milliseconds=NONE), "of_canaries": of(SOME, NONE)},
            [("warning", "NoDurations", f"Prometheus has {REQUESTS}, but neither {SECONDS} nor {MILLISECONDS}")],
            id="durations are turned off",
        ),
        pytest.param(
            {"series": having(seconds=NONE), "of_canaries": of(SOME, NONE)},
            [
                (
                    "problem",
                    "WrongDurationMetric",
                    f"It checks {SECONDS}, which Prometheus does not have: Istio since 1.5 has {MILLISECONDS}",
                )
            ],
            id="the seed's metric on a new Istio",
        ),
        pytest.param({"series": having(milliseconds=NONE)}, [], id="an old Istio"),
        pytest.param(
            {"of_canaries": of(NONE, SOME)},
            [("warning", "NoSeriesOfWorkloads", f"Prometheus has no {REQUESTS} {OF}")],
            id="a service without traffic",
        ),
        pytest.param(
            {"of_canaries": of(SOME, AWAY)},
            [("warning", "CannotTell", f"Whether Prometheus has {SECONDS} {OF} cannot be told: {AWAY.reason}")],
            id="no answer for one canary",
        ),
        pytest.param(
            {"series": having(seconds=AWAY)},
            [("warning", "CannotTell", f"Which of Istio's series Prometheus has cannot be told: {AWAY.reason}")],
            id="no answer on the second question",
        ),
    ],
)
def test_what_is_said_of_the_metrics(changes, found):
    assert bad(facts(metrics=metrics(**changes))) == found


def test_metric_of_a_newer_istio_on_an_old_one():
    spec = builders.spec(checks=(Check(MILLISECONDS, 500.0, "1m"),))
    looks = (world(canary=builders.canary(status=builders.at_rest(), spec=spec)),)
    asked = facts(
        api=api(objects=Objects(looks)), metrics=metrics(series=having(milliseconds=NONE), of_canaries=of(NONE))
    )
    (finding,) = [f for f in judge(asked) if f.level != "ok"]
    assert finding.what == f"It checks {MILLISECONDS}, which Prometheus does not have: Istio before 1.5 has {SECONDS}"
    assert finding.fix.startswith(f"Set spec.canaryAnalysis.metrics[0].name to {SECONDS};")
    assert finding.about == "test/podinfo"


@pytest.mark.parametrize("looks", [(), (world(canary=builders.canary(spec=builders.spec(checks=()))),)])
def test_mesh_that_nobody_has_used_is_no_problem_while_no_canary_is_judged_by_it(looks):
    unused = metrics(series=having(requests=NONE), of_canaries={})
    assert [level for level, *_ in bad(facts(api=api(objects=Objects(looks)), metrics=unused))] == ["warning"]


def test_prometheus_that_is_away_is_said_once():
    assert bad(facts(metrics=AWAY)) == [
        ("problem", "PrometheusUnusable", f"Prometheus cannot be used: {AWAY.reason}"),
    ]
