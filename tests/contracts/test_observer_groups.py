"""A reading of one workload among many is the number that a query of that workload alone is answered with."""

import math
from contextlib import closing
from datetime import UTC, datetime
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from hack.sandbox.prometheus import PrometheusServer, SampleStore
from hack.sandbox.promql import evaluate
from metrics.prometheus import PrometheusObserver
from metrics.promql import WORKLOAD_LABELS
from metrics.queries import QUERIES, group_of
from metrics.types import Check, NoData, Target, Value

AT = 1_700_000_000.0
NAMESPACES = ("team-a", "team-b")
WORKLOADS = ("podinfo", "pod.info", "podxinfo")  # a dot that is taken for any character would mix the last two up
TARGETS = [Target(namespace, workload) for namespace in NAMESPACES for workload in WORKLOADS]
BUCKET = "istio_request_duration_milliseconds_bucket"
CHECKS = (
    Check("istio_requests_total", 99.0, "1m"),
    Check("istio_requests_total", 99.0, "30s", protocol="grpc"),
    Check(BUCKET, 500.0, "1m"),
    Check(BUCKET, 500.0, "2m", quantile=0.5),
)
OF_REQUESTS = MappingProxyType(
    {
        "response_code": st.sampled_from(["200", "404", "500", "503"]),
        "request_protocol": st.sampled_from(["http", "grpc"]),
        "grpc_response_status": st.sampled_from(["", "0", "13"]),
    }
)
OF_DURATIONS = MappingProxyType({"le": st.sampled_from(["1", "10", "100", "+Inf"])})


@st.composite
def series(draw):
    """Return what was scraped: a few series of a few workloads, with gaps, resets and workloads that have none."""
    found = {}
    for _ in range(draw(st.integers(0, 25))):
        target = draw(st.sampled_from(TARGETS))
        name, more = draw(st.sampled_from([("istio_requests_total", OF_REQUESTS), (BUCKET, OF_DURATIONS)]))
        labels = {"__name__": name, "reporter": draw(st.sampled_from(["destination", "destination", "source"]))}
        labels |= zip(WORKLOAD_LABELS, (target.namespace, target.workload), strict=True)
        labels |= {key: draw(values) for key, values in more.items()} | {"pod": draw(st.sampled_from("xy"))}
        value, samples = draw(st.integers(0, 100)), []
        for step in range(draw(st.integers(0, 9))):
            value = 0 if draw(st.integers(0, 9)) == 0 else value + draw(st.integers(0, 20))
            samples.append((AT - 120 + 15 * step, float(value)))
        found[tuple(sorted(labels.items()))] = samples
    return found


def alone(check, target, scraped):
    """Return what each way of asking for one workload is answered with."""
    for query in QUERIES[check.name].queries(target, check):
        result = evaluate(query, scraped, AT)
        assert len(result) <= 1
        yield next(iter(result.values()), None)


def workload_in(labels):
    return tuple(dict(labels)[label] for label in WORKLOAD_LABELS)


def together(check, targets, scraped):
    for query in QUERIES[check.name].queries(targets, check):
        answer = {workload_in(labels): number for labels, number in evaluate(query, scraped, AT).items()}
        yield [answer.get((target.namespace, target.workload)) for target in targets]


def same(one, other):
    nothing = [number is None or math.isnan(number) for number in (one, other)]
    return all(nothing) or (not any(nothing) and math.isclose(one, other, rel_tol=1e-12))


@given(series(), st.sampled_from(CHECKS), st.lists(st.sampled_from(TARGETS), min_size=2, unique=True))
def test_number_among_many_is_the_number_alone(scraped, check, targets):  # contract O4
    for way, answers in enumerate(together(check, targets, scraped)):
        for target, number in zip(targets, answers, strict=True):
            assert same(number, [*alone(check, target, scraped)][way])


@settings(max_examples=20)
@given(series(), st.lists(st.sampled_from(TARGETS), min_size=2, unique=True))
def test_readings_are_the_same_over_http(scraped, targets):  # contract O4
    store = SampleStore()
    for labels, samples in scraped.items():
        for at, value in samples:
            store.take([(labels, value)], datetime.fromtimestamp(at, UTC))
    server = PrometheusServer(store, now=lambda: datetime.fromtimestamp(AT, UTC))
    server.start()
    try:
        with closing(PrometheusObserver(server.url, threads=1, environ={})) as observer:
            for check in CHECKS:
                many = observer.observe_group(group_of(targets[0], check), targets)
                each = [observer.observe(target, (check,))[0] for target in targets]
                for one, other in zip(many, each, strict=True):
                    assert isinstance(one, Value | NoData)
                    assert type(one) is type(other)
                    if isinstance(one, Value):
                        assert math.isclose(one.number, other.number, rel_tol=1e-12)
                        assert one.at_least is other.at_least
    finally:
        server.stop()
