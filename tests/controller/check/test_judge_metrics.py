"""What Prometheus' answers mean."""

import pytest

from controller.check.facts import Objects
from controller.check.judge import judge
from controller.check.judge_metrics import MILLISECONDS, REQUESTS, SECONDS
from metrics.types import Check, NoData, Unavailable, Value
from tests.controller.check.facts_builders import NONE, SOME, answers, api, bad, facts, metrics, world
from tests.controller.core import builders

AWAY = Unavailable("http://prometheus:9090 did not answer within 5s")
NO_SIDECARS = (
    f'Prometheus has {REQUESTS}, but none with reporter="destination": no workload that is called has a sidecar'
)
OF = "of podinfo or podinfo-canary in namespace test"


@pytest.mark.parametrize(
    ("address", "reason", "advice"),
    [
        ("http://p:9090/graph", "answered 404 Not Found", "Leave /graph out of --metrics-server"),
        ("http://p:9090", "answered 404 Not Found", "Correct --metrics-server"),
        (
            "https://p:9090/x",
            "cannot be reached: WRONG_VERSION_NUMBER",
            "not speak TLS: --metrics-server http://p:9090/x",
        ),
        (
            "http://p:9090",
            "answered 400 Bad Request: Client sent an HTTP request to an HTTPS server.",
            "It speaks TLS: --metrics-server https://p:9090",
        ),
        ("http://p:9090", "answered 401 Unauthorized", "PROMETHEUS_TOKEN"),
        ("http://p:9090", "answered 403 Forbidden", "PROMETHEUS_HEADERS"),
        ("https://p:9090", "cannot be reached: self-signed certificate", "SSL_CERT_FILE"),
        ("http://p:9090", "answered 302 Found: it redirects to /login, and that is not followed", "for logging in"),
        (
            "http://p:9090",
            "answered text/html where JSON of Prometheus was expected",
            "Something else answers at http://p",
        ),
        ("http://p:9090", "cannot be reached: Connection refused", "port-forward service/prometheus"),
    ],
)
def test_advice_fits_the_error(address, reason, advice):
    found = judge(facts(metrics=Unavailable(f"{address} {reason}"), metrics_server=address))
    (fix,) = [finding.fix for finding in found if finding.reason == "PrometheusUnusable"]
    assert advice in fix


def having(*, requests=SOME, seconds=SOME, milliseconds=SOME):
    return {"destination": {REQUESTS: requests, SECONDS: seconds, MILLISECONDS: milliseconds}}


def of(*asked):
    """Return the answers of the canary's checks; a reading is the one on the number of series."""
    return {("test", "podinfo"): [answers(it) if isinstance(it, Value | NoData | Unavailable) else it for it in asked]}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"series": having(requests=NONE, seconds=NONE, milliseconds=NONE), "of_canaries": of(NONE, NONE)},
            [
                (
                    "problem",
                    "NoIstioSeries",
                    f"Prometheus has no {REQUESTS}: it does not scrape the mesh, or no request was sent yet",
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
                    f"Prometheus has no {REQUESTS}: it does not scrape the mesh, or no request was sent yet",
                )
            ],
            id="a count of zero",
        ),
        pytest.param(
            {"series": having(requests=NONE), "others": {"destination": SOME}},
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
            id="the example's metric on a new Istio",
        ),
        pytest.param({"series": having(milliseconds=NONE)}, [], id="an old Istio"),
        pytest.param(
            {"of_canaries": of(NONE, SOME)},
            [("warning", "NoSeriesOfWorkloads", f"Prometheus has no {REQUESTS} {OF}")],
            id="a service without traffic",
        ),
        pytest.param(
            {"of_canaries": of(SOME, AWAY)},
            [("warning", "CannotTell", f"It is unknown whether Prometheus has {SECONDS} {OF}: {AWAY.reason}")],
            id="no answer for one canary",
        ),
        pytest.param(
            {"series": having(seconds=AWAY)},
            [("warning", "CannotTell", f"It is unknown which of Istio's series Prometheus has: {AWAY.reason}")],
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


def asked_of(check, **changes):
    """Return what is found of a canary with this one check."""
    spec = builders.spec(checks=(check,))
    looks = (world(canary=builders.canary(status=builders.at_rest(), spec=spec)),)
    asked = facts(api=api(objects=Objects(looks)), metrics=metrics(of_canaries=of(answers(**changes))))
    return [f for f in judge(asked) if f.level != "ok"]


@pytest.mark.parametrize(
    ("samples", "level", "often", "window"),
    [
        (0.0, "problem", "never holds", "8m"),
        (1.0, "problem", "never holds", "8m"),
        (2.0, "problem", "never holds", "4m"),
        (3.0, "warning", "does not always hold", "4m"),
    ],
)
def test_window_that_does_not_hold_two_scrapes(samples, level, often, window):
    (finding,) = asked_of(Check(REQUESTS, 99.0, "1m"), samples=Value(samples))
    assert (finding.level, finding.reason, finding.about) == (level, "WindowTooShort", "test/podinfo")
    assert finding.what == (
        f"Its window of 1m for {REQUESTS} {often} the two scrapes of Prometheus that a reading needs"
    )
    assert finding.fix == (
        f"Set spec.canaryAnalysis.metrics[0].interval to {window}, four scrapes or more, or scrape more often."
    )


@pytest.mark.parametrize("samples", [Value(4.0), Value(400.0), NONE])
def test_window_that_holds_two_scrapes_or_of_which_nothing_is_known_yet(samples):
    assert asked_of(Check(REQUESTS, 99.0, "1m"), samples=samples) == []


@pytest.mark.parametrize(
    ("metric", "bucket"), [(MILLISECONDS, 10_000.0), (SECONDS, 10.0)], ids=["milliseconds", "seconds"]
)
def test_limit_beyond_the_largest_bucket(metric, bucket):
    assert asked_of(Check(metric, 10_000.0, "1m"), largest_bucket=Value(bucket)) == []
    (finding,) = asked_of(Check(metric, 15_000.0, "1m"), largest_bucket=Value(bucket))
    assert (finding.level, finding.reason, finding.about) == ("warning", "LimitBeyondBuckets", "test/podinfo")
    assert finding.what == (
        f"Its limit of 15s for {metric} is above the largest bucket, 10s: "
        "durations between the two cannot be distinguished from longer ones, and fail"
    )
    assert finding.fix == (
        "Set spec.canaryAnalysis.metrics[0].threshold to 10000 or less, or give the workloads larger buckets "
        "(annotation sidecar.istio.io/statsHistogramBuckets)."
    )


def test_success_rate_has_no_buckets():
    assert asked_of(Check(REQUESTS, 99.0, "1m"), largest_bucket=NONE) == []


@pytest.mark.parametrize("question", ["samples", "largest_bucket"])
def test_no_answer_on_one_question_about_a_check(question):
    (finding,) = asked_of(Check(MILLISECONDS, 500.0, "1m"), **{question: AWAY})
    assert (finding.level, finding.reason) == ("warning", "CannotTell")
    assert finding.what == f"It is unknown whether {MILLISECONDS} {OF} fits its check: {AWAY.reason}"


def test_prometheus_that_is_away_is_said_once():
    assert bad(facts(metrics=AWAY)) == [
        ("problem", "PrometheusUnusable", f"Prometheus cannot be used: {AWAY.reason}"),
    ]


@pytest.mark.parametrize(
    ("reporter", "nobody", "fix"),
    [
        ("source", "no caller has a sidecar, and no gateway is scraped", "Scrape the ingress gateway"),
        ("waypoint", "no waypoint is in use, or none is scraped", "istioctl waypoint apply"),
    ],
)
def test_reporter_without_series_is_a_problem_of_the_canaries_that_name_it(reporter, nobody, fix):
    spec = builders.spec(checks=(Check(REQUESTS, 99.0, "1m"),), reporter=reporter)
    looks = (world(canary=builders.canary(status=builders.at_rest(), spec=spec)),)
    series = {**having(), reporter: having(requests=NONE)["destination"]}
    others = {"destination": NONE, reporter: SOME}
    asked = facts(api=api(objects=Objects(looks)), metrics=metrics(series=series, others=others, of_canaries=of(NONE)))
    (finding,) = [f for f in judge(asked) if f.level != "ok"]
    assert (finding.level, finding.reason) == ("problem", "NoIstioSeries")
    assert finding.what == f'Prometheus has {REQUESTS}, but none with reporter="{reporter}": {nobody}'
    assert finding.fix.startswith(fix)


def test_reporter_with_series_is_named():
    spec = builders.spec(checks=(Check(REQUESTS, 99.0, "1m"),), reporter="source")
    looks = (world(canary=builders.canary(status=builders.at_rest(), spec=spec)),)
    series, others = {"source": having()["destination"]}, {"source": NONE}
    asked = facts(api=api(objects=Objects(looks)), metrics=metrics(series=series, others=others, of_canaries=of(SOME)))
    assert f'Prometheus has {REQUESTS} with reporter="source"' in [f.what for f in judge(asked)]


def test_service_without_grpc_requests_is_told_so():
    (finding,) = asked_of(Check(REQUESTS, 99.0, "1m", protocol="grpc"), series=NONE)
    assert finding.what == f'Prometheus has no {REQUESTS} {OF} with request_protocol="grpc"'
