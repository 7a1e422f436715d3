"""What the observer makes of what comes back over HTTP, from a server that misbehaves on request."""

import threading
from contextlib import closing
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from metrics import prometheus as prometheus_module
from metrics.prometheus import PrometheusObserver
from metrics.types import Check, Limits, NoData, ObserverClosedError, OwnCheck, Target, Unavailable, Value
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.prometheus import PrometheusServer, SampleStore
from tests.fakes.api import FakeApi, hangs_up, says

TARGET = Target("test", "podinfo-canary")
RATE = Check("istio_requests_total", 99.0, "1m")
SECONDS = Check("istio_request_duration_seconds_bucket", 500.0, "1m")
MILLISECONDS = Check("istio_request_duration_milliseconds_bucket", 500.0, "30s")


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


def observed(url, *checks, environ=None, **more):
    with closing(PrometheusObserver(url, threads=4, environ=environ or {}, **more)) as observer:
        return observer.observe(TARGET, checks or (RATE,))


def vector(*values):
    return {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, v]} for v in values]}}


@pytest.mark.parametrize(
    ("check", "answer", "reading"),
    [
        (RATE, vector("0.8233"), Value(pytest.approx(82.33))),
        (SECONDS, vector("2.525"), Value(2525.0)),
        (MILLISECONDS, vector("823"), Value(823.0)),
        (SECONDS, vector("-10"), Value(10_000.0, at_least=True)),
        (MILLISECONDS, vector("-10000"), Value(10_000.0, at_least=True)),
        (RATE, {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}, Value(100.0)),
        (RATE, vector(), NoData()),
        (RATE, vector("NaN"), NoData()),
        (RATE, vector("+Inf"), NoData()),
    ],
    ids=[
        "rate",
        "seconds",
        "milliseconds",
        "seconds beyond the largest bucket",
        "milliseconds beyond the largest bucket",
        "scalar",
        "empty",
        "NaN",
        "Inf",
    ],
)
def test_answers_become_readings_in_the_unit_of_the_limit(api, check, answer, reading):
    api.default = says(answer)
    assert observed(api.url, check) == (reading,)


def test_queries_are_asked_as_they_are_and_answered_in_their_order(api):
    api.default = says(vector("0.5"))
    with closing(PrometheusObserver(api.url, threads=1, environ={})) as observer:
        assert observer.ask(["vector(1)", "count(x)"]) == (Value(0.5), Value(0.5))
        assert observer.ask([]) == ()
    assert [request.body for request in api.requests] == [b"query=vector%281%29", b"query=count%28x%29"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            says({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400),
            "answered bad_data: parse error",
        ),
        (says({"status": "error"}), "answered error: it gives no reason"),
        (says(b"oops", 500), "answered 500 Internal Server Error: oops"),
        (says(b"<html>Log in", 401), "answered 401 Unauthorized"),
        (
            says(b"moved", 302, Location="http://u:secret@elsewhere/login?next=secret"),
            "answered 302 Found: it redirects to http://elsewhere/login, and that is not followed",
        ),
        (says(b"<html>"), "answered application/json where JSON of Prometheus was expected, is the address right?"),
        (says(b"\xff\xfe"), "where JSON of Prometheus was expected"),
        (says(b"null"), "where JSON of Prometheus was expected"),
        (says({"status": "success"}), "answered with JSON that is not a query result"),
        (says({"status": "success", "data": None}), "answered with JSON that is not a query result"),
        (says(vector("many")), "answered with JSON that is not a query result"),
        (says({"status": "success", "data": {"resultType": "vector", "result": [None]}}), "is not a query result"),
        (says({"status": "success", "data": {"resultType": "scalar", "result": [1]}}), "is not a query result"),
        (says(vector("1", "2")), "answered with 2 series where one was expected"),
        (
            says({"status": "success", "data": {"resultType": "matrix", "result": []}}),
            "answered with a matrix where a vector was expected",
        ),
        (says(b"x" * (1024 * 1024 + 1)), "answered with more than 1024 KiB, is it Prometheus?"),
        (hangs_up, "failed: "),
    ],
    ids=[
        "error",
        "error without words",
        "500",
        "log-in page",
        "redirect",
        "html",
        "no utf-8",
        "null",
        "no data",
        "null data",
        "no number",
        "null series",
        "half a sample",
        "two series",
        "matrix",
        "huge",
        "hangs up",
    ],
)
def test_whatever_goes_wrong_is_a_reading_that_says_what_and_where(api, answer, text):
    api.default = answer
    ((reading),) = observed(api.url)
    assert isinstance(reading, Unavailable)
    assert reading.reason.startswith(api.url)
    assert text in reading.reason


def test_server_that_cannot_be_reached():
    with FakeApi() as api:
        url = api.url
    ((reading),) = observed(url)
    assert reading.reason.startswith(f"{url} cannot be reached: ")


def test_server_that_does_not_answer(api, monkeypatch):
    monkeypatch.setattr(prometheus_module, "TIMEOUT_SECONDS", 0.1)
    over = threading.Event()
    api.default = lambda handler: over.wait(10) and hangs_up(handler)
    ((reading),) = observed(api.url)
    over.set()
    assert reading == Unavailable(f"{api.url} did not answer within 0.1s")


def test_one_post_per_check_side_by_side_in_their_order(api):
    both = threading.Barrier(2)

    def together(handler):
        both.wait(10)
        says(vector("0.5"))(handler)

    api.default = together
    counted = []
    readings = observed(api.url, RATE, SECONDS, count=lambda outcome, seconds: counted.append(outcome))
    assert readings == (Value(50.0), Value(500.0))
    assert counted == ["value", "value"]
    assert {(r.method, r.path) for r in api.requests} == {("POST", "/api/v1/query")}
    assert sorted(b"histogram_quantile" in r.body for r in api.requests) == [False, True]


@pytest.mark.parametrize("nothing", [vector(), vector("NaN")], ids=["empty", "NaN"])
@pytest.mark.parametrize(
    ("whole_window", "reading", "outcome"),
    [
        (says(vector("0.25")), Value(250.0), "value"),
        (says(vector("-10")), Value(10_000.0, at_least=True), "value"),
        (says(vector("NaN")), NoData(), "no-data"),
        (says(b"oops", 500), Unavailable("{url} answered 500 Internal Server Error: oops"), "unavailable"),
    ],
    ids=["answer", "beyond the largest bucket", "no data either", "error"],
)
def test_duration_without_data_in_the_last_two_scrapes_is_asked_of_the_whole_window(
    api, nothing, whole_window, reading, outcome
):
    api.answers = [says(nothing), whole_window]
    counted = []
    ((found),) = observed(api.url, SECONDS, count=lambda outcome, seconds: counted.append(outcome))
    assert found == (Unavailable(reading.reason.format(url=api.url)) if outcome == "unavailable" else reading)
    assert counted == ["no-data", outcome]
    first, second = (request.body for request in api.requests)
    assert b"irate%28" in first
    assert second == first.replace(b"irate%28", b"rate%28")


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (SECONDS, says(vector("0.25"))),
        (SECONDS, says(vector("-10"))),
        (SECONDS, says(b"oops", 500)),
        (RATE, says(vector())),
    ],
    ids=["duration", "duration beyond the largest bucket", "error", "rate without data"],
)
def test_everything_else_is_asked_once(api, check, answer):
    api.default = answer
    observed(api.url, check)
    assert len(api.requests) == 1


def test_path_prefix_is_kept(api):
    api.default = says(vector("1"))
    for url in (f"{api.url}/prometheus", f"{api.url}/prometheus/"):
        assert observed(url) == (Value(100.0),)
    assert {r.path for r in api.requests} == {"/prometheus/api/v1/query"}


@pytest.mark.parametrize(
    ("user_info", "environ", "header"),
    [
        ("", {}, None),
        ("", {"PROMETHEUS_TOKEN": " t\n"}, "Bearer t"),
        ("", {"PROMETHEUS_USERNAME": "user", "PROMETHEUS_PASSWORD": "secret"}, "Basic dXNlcjpzZWNyZXQ="),
        ("user:secret@", {}, "Basic dXNlcjpzZWNyZXQ="),
    ],
    ids=["none", "token", "user", "in the address"],
)
def test_credentials_are_sent_and_never_shown(api, user_info, environ, header):
    api.default = says(b"nonsense")
    url = api.url.replace("http://", f"http://{user_info}")
    ((reading),) = observed(url, environ=environ)
    assert api.requests[0].headers.get("authorization") == header
    assert "secret" not in reading.reason
    assert reading.reason.startswith(api.url)


OWN = OwnCheck("errors", 'e{c="{{ name }}",w="{{ target }}",x="{{ variables.x }}"}', Limits(high=1.0), "1m")


def test_own_query_is_asked_with_its_variables_filled_in(api):
    api.default = says(vector("0.5"))
    check = replace(OWN, template="errors", variables=(("x", "y"),))
    with closing(PrometheusObserver(api.url, threads=1, environ={})) as observer:
        assert observer.observe(Target("test", "w", canary="c"), (check,)) == (Value(0.5),)
    assert parse_qs(api.requests[0].body.decode()) == {"query": ['e{c="c",w="w",x="y"}']}


def test_check_that_cannot_be_asked_is_a_reading_with_the_reason(api):
    assert observed(api.url, replace(OWN, query="", problem="no such template")) == (Unavailable("no such template"),)
    assert api.requests == []


def test_address_that_is_allowed_is_asked_without_what_is_shown_to_the_first(api):
    environ = {"PROMETHEUS_TOKEN": "secret", "PROMETHEUS_HEADERS": "X-Scope-OrgID: team-a"}
    check = replace(OWN, query="up")
    with FakeApi() as other:
        api.default, other.default = says(vector("1")), says(vector("2"))
        urls = [other.url + "/prefix/", api.url]
        with closing(PrometheusObserver(api.url, threads=2, others=urls, environ=environ)) as observer:
            assert set(observer.servers) == {api.url, f"{other.url}/prefix"}
            addressed = replace(check, address=f"{other.url}/prefix")
            assert observer.observe(TARGET, (check, addressed, replace(check, address=api.url))) == (
                *(Value(1.0), Value(2.0), Value(1.0)),
            )
            assert observer.ask(["up"], address=f"{other.url}/prefix") == (Value(2.0),)
        assert {request.path for request in other.requests} == {"/prefix/api/v1/query"}
        assert not any({"authorization", "x-scope-orgid"} & set(request.headers) for request in other.requests)
    assert [request.headers["authorization"] for request in api.requests] == ["Bearer secret"] * 2


def test_address_that_is_not_allowed_is_not_asked(api):
    with FakeApi() as other:
        reading = Unavailable(f"{other.url} may not be asked")
        assert observed(api.url, replace(OWN, query="up", address=other.url)) == (reading,)
        assert other.requests == []


def test_observer_that_was_closed_has_measured_nothing(api):
    observer = PrometheusObserver(api.url, threads=1, environ={})
    observer.close()
    observer.close()
    with pytest.raises(ObserverClosedError):
        observer.observe(TARGET, (RATE,))
    assert api.requests == []


def test_sandbox_answers_the_same_way():
    server = PrometheusServer(SampleStore(), now=wall_clock)
    server.start()
    try:
        assert observed(server.url, RATE, SECONDS) == (NoData(), NoData())
        server.faults.script = lambda query: 0.5
        assert observed(server.url, RATE, SECONDS) == (Value(50.0), Value(500.0))
        server.faults.script = None
        for answer in ("html", "error", "huge"):
            server.faults.answer = answer
            assert isinstance(observed(server.url)[0], Unavailable)
        for answer in ("empty", "nan"):
            server.faults.answer = answer
            assert observed(server.url) == (NoData(),)
        server.faults.down = True
        assert isinstance(observed(server.url)[0], Unavailable)
    finally:
        server.stop()
