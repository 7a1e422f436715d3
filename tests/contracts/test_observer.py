"""What every observer promises, against each server that speaks Prometheus' API, as its documentation says it answers.

A new provider, or another server of this one, is one more rig.
"""

from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest

from hack.bench.prometheus import workloads_of
from metrics.prometheus import PrometheusObserver
from metrics.types import Check, Limits, NoData, ObserverClosedError, OwnCheck, Target, Unavailable, Value
from tests.fakes.metrics_servers import STUBS, Serving

TARGET = Target("test", "podinfo-canary", canary="podinfo")
RATE = Check("istio_requests_total", 99.0, "1m")
DURATION = Check("istio_request_duration_milliseconds_bucket", 500.0, "1m")
OWN = OwnCheck("errors", 'errors{workload="{{ workload }}"}', Limits(high=1.0), "1m")


@dataclass
class Rig:
    """An observer, and the server that it asks."""

    server: Serving

    @property
    def stub(self):
        return self.server.stub

    @contextmanager
    def observer(self, **environ):
        with closing(PrometheusObserver(self.server.url, threads=4, environ={**self.stub.environ, **environ})) as made:
            yield made

    def observed(self, *checks, **environ):
        with self.observer(**environ) as observer:
            return observer.observe(TARGET, checks)


@pytest.fixture(params=STUBS, ids=lambda stub: stub.name)
def rig(request):
    with Serving(request.param()) as server:
        yield Rig(server)


def test_one_reading_per_check_in_their_order_and_in_the_unit_of_the_limit(rig):
    rig.stub.number = "0.5"
    assert rig.observed(RATE, DURATION, OWN) == (Value(50.0), Value(0.5), Value(0.5))
    assert rig.observed() == ()


@pytest.mark.parametrize("number", [None, "NaN", "+Inf"])
def test_nothing_that_could_be_judged_is_no_data(rig, number):
    rig.stub.number = number
    assert rig.observed(RATE, OWN) == (NoData(), NoData())


def test_answer_of_a_part_of_the_data_is_never_a_number(rig):
    rig.stub.in_part = True
    for reading in rig.observed(RATE, DURATION, OWN):
        assert isinstance(reading, Unavailable)
        assert reading.reason.startswith(f"{rig.server.url} answered ")


def test_query_that_is_not_understood_is_said_in_the_servers_words(rig):
    (reading,) = rig.observed(OwnCheck("nonsense", "nonsense", Limits(high=1.0), "1m"))
    assert reading.reason.startswith(f"{rig.server.url} answered ")
    assert "nonsense" in reading.reason


def test_queries_are_asked_as_they_are(rig):
    with rig.observer() as observer:
        assert observer.ask(["vector(1)", "up"]) == (Value(1.0), Value(1.0))
    assert sorted(form["query"] for form in rig.stub.forms) == ["up", "vector(1)"]


def test_server_behind_a_proxy_that_lets_nothing_but_get_pass(rig):
    rig.stub.get_only = True
    (refused,) = rig.observed(RATE)
    assert refused.reason == f"{rig.server.url} answered 405 Method Not Allowed: Method Not Allowed"
    assert rig.observed(RATE, PROMETHEUS_METHOD="GET") == (Value(100.0),)
    posted, got = rig.server.requests[0], rig.server.requests[-1]
    assert (got.method, got.body) == ("GET", b"")
    assert "content-type" not in got.headers
    assert dict(got.query)["query"] in posted.body.decode().replace("+", " ") or got.query["query"].startswith("(sum")


MANY = [Target(f"team-{n % 3}", f"w.{n}") for n in range(20)]


def grouped(rig, check, targets=MANY, **environ):
    with rig.observer(**environ) as observer:
        return observer.observe_group(observer.group_of(targets[0], check), targets)


@pytest.mark.parametrize("check", [RATE, replace(RATE, protocol="grpc"), DURATION], ids=["rate", "gRPC", "duration"])
def test_one_query_has_a_reading_for_each_of_many_workloads(rig, check):  # contract O4
    rig.stub.number = "0.5"
    rig.stub.numbers = {"w.1": "0.25", "w.2": "NaN", "w.3": None}
    half, quarter = (Value(0.5), Value(0.25)) if check is DURATION else (Value(50.0), Value(25.0))
    assert grouped(rig, check) == (half, quarter, NoData(), NoData(), *(half,) * 16)
    first, *again = [form["query"] for form in rig.stub.forms]
    assert len(workloads_of(first)) == 3 * 20
    assert [len(workloads_of(query)) for query in again] == ([2 * 2] if check is DURATION else [])


def test_number_that_cannot_be_the_answer_for_one_says_nothing_of_the_others(rig):  # contract O4
    rig.stub.numbers = {"w.1": "7"}
    first, second, *_ = grouped(rig, RATE)
    assert (first, second) == (Value(100.0), Unavailable(f"{rig.server.url} answered 7, which is not a success rate"))


def test_answer_of_a_part_of_the_data_is_a_number_for_none_of_many(rig):  # contract O4
    rig.stub.in_part = True
    for reading in grouped(rig, RATE):
        assert isinstance(reading, Unavailable)
        assert not reading.nobody_there
        assert reading.reason.startswith(f"{rig.server.url} answered ")


@pytest.mark.parametrize(("environ", "longest"), [({}, 12_000), ({"PROMETHEUS_METHOD": "GET"}, 4_000)])
def test_query_of_many_with_long_names_is_several_short_ones(rig, environ, longest):  # contract O4
    targets = [Target(f"team-{n}-{'x' * 55}", f"w-{n}-{'y' * 240}") for n in range(30)]
    assert grouped(rig, DURATION, targets, **environ) == (Value(1.0),) * 30
    assert len(rig.server.requests) > 1
    for request in rig.server.requests:
        assert len(request.body or urlencode(request.query)) <= longest


def test_server_that_is_away_is_away_for_all(rig):
    with closing(PrometheusObserver("http://127.0.0.1:9", threads=1, environ=rig.stub.environ)) as observer:
        for reading in observer.observe_group(observer.group_of(TARGET, RATE), MANY):
            assert reading.reason.startswith("http://127.0.0.1:9 cannot be reached: ")
            assert reading.nobody_there


def test_queries_of_users_are_never_asked_together(rig):  # contract O4
    with rig.observer() as observer:
        assert observer.group_of(TARGET, OWN) is None


def test_workloads_that_are_asked_for_together_share_all_but_their_limit(rig):
    with rig.observer() as observer:
        group = observer.group_of(TARGET, RATE)
        assert observer.group_of(Target("other", "other"), replace(RATE, threshold=50.0)) == group
        for other in (replace(RATE, interval="30s"), replace(RATE, protocol="grpc"), DURATION):
            assert observer.group_of(TARGET, other) != group
        assert observer.group_of(replace(TARGET, reporter="source"), RATE) != group
        for name in ("", "a|b", 'a"', "a\nb", ".*"):
            assert observer.group_of(Target("test", name), RATE) is None
            assert observer.group_of(Target(name, "w"), RATE) is None


def test_wrong_path_is_a_reading(rig):
    with closing(PrometheusObserver(f"{rig.server.url}/ui", threads=1, environ=rig.stub.environ)) as observer:
        (reading,) = observer.observe(TARGET, (RATE,))
    assert reading == Unavailable(f"{rig.server.url}/ui answered 404 Not Found: 404 page not found")


def test_server_that_is_away_is_a_reading(rig):
    with closing(PrometheusObserver("http://127.0.0.1:9", threads=1, environ=rig.stub.environ)) as observer:
        (reading,) = observer.observe(TARGET, (RATE,))
    assert reading.reason.startswith("http://127.0.0.1:9 cannot be reached: ")


def test_observer_says_where_it_asks_and_asks_nowhere_else(rig):
    with rig.observer() as observer:
        assert observer.where == rig.server.url
        assert set(observer.servers) == {rig.server.url}
        assert observer.ask(["up"], address="http://elsewhere") == (Unavailable("http://elsewhere may not be asked"),)
    assert rig.server.requests == []


def test_observer_that_was_closed_has_measured_nothing(rig):
    with rig.observer() as observer:
        observer.close()
        group = observer.group_of(TARGET, RATE)
        for ask in (
            lambda: observer.observe(TARGET, (RATE,)),
            lambda: observer.observe_group(group, MANY),
            lambda: observer.ask(["up"]),
        ):
            with pytest.raises(ObserverClosedError):
                ask()
    assert rig.server.requests == []


REFUSING = [stub for stub in STUBS if {"PROMETHEUS_HEADERS", "PROMETHEUS_PASSWORD"} & stub.environ.keys()]


@pytest.mark.parametrize("stub", REFUSING, ids=lambda stub: stub.name)
def test_server_that_wants_to_know_who_asks_says_so(stub):
    with Serving(stub()) as server, closing(PrometheusObserver(server.url, threads=1, environ={})) as observer:
        (reading,) = observer.observe(TARGET, (RATE,))
    assert reading.reason.startswith(f"{server.url} answered ")
    assert "no org id" in reading.reason or "no credentials provided" in reading.reason


def test_thanos_is_told_that_a_part_is_not_enough():
    (thanos,) = [stub for stub in STUBS if stub.name == "Thanos"]
    with Serving(thanos(in_part=True)) as server:
        (reading,) = Rig(server).observed(RATE)
        assert server.stub.forms[0] | {"dedup": "true", "partial_response": "false"} == server.stub.forms[0]
        assert "answered execution: fetch series" in reading.reason
        (warned,) = Rig(server).observed(RATE, PROMETHEUS_PARAMETERS="")
        assert "answered only in part: fetch series" in warned.reason
