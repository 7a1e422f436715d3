"""The mesh of the sandbox, stepped by hand."""

from datetime import timedelta

import pytest

from metrics import promql
from metrics.types import Target
from testbed.sandbox.admin import switch_mesh
from testbed.sandbox.mesh import BUCKETS_MS
from tests.testbed.stepped import image


def mesh(stepped, canary_weight, primary_weight=None):
    for side in ("primary", "canary"):
        stepped.add(f"{side}-deployment")
        stepped.add(f"{side}-service")

    def weigh(obj):
        primary, canary = obj["spec"]["http"][0]["route"]
        primary["weight"] = 100 - canary_weight if primary_weight is None else primary_weight
        canary["weight"] = canary_weight

    stepped.add("virtual-service", weigh)
    stepped.after(0)
    stepped.after(2)
    return stepped.cluster.mesh


def counts(mesh, name="istio_requests_total", **wanted):
    found = {}
    for key, number in mesh.series():
        known = dict(key)
        if known["__name__"] == name and wanted.items() <= known.items():
            found[known["destination_workload"], known.get("response_code", known.get("le"))] = number
    return found


@pytest.mark.parametrize(("canary", "primary"), [(20, 80), (1, 4), (30, 120)])
def test_requests_are_shared_by_weight_whatever_the_weights_add_up_to(stepped, canary, primary):
    it = mesh(stepped, canary, primary)
    before = counts(it)
    stepped.after(10)
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown == {("podinfo", "200"): 800, ("podinfo-canary", "200"): 200}


def test_errors_are_those_of_the_scenario(stepped):
    it = mesh(stepped, 50)
    it.behave("test", "podinfo-canary", error_ratio=0.1767)
    before = counts(it)
    stepped.after(10)
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown["podinfo-canary", "200"] == pytest.approx(500 * 0.8233)
    assert grown["podinfo-canary", "500"] == pytest.approx(500 * 0.1767)


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
@pytest.mark.parametrize("latency_ms", [20.0, 95.0, 823.0, 1567.0, 2525.0])
def test_latency_of_the_scenario_is_what_the_query_measures(stepped, latency_ms, unit):
    it = mesh(stepped, 50)
    stepped.cluster.scrape()
    it.behave("test", "podinfo-canary", latency_ms=latency_ms)
    stepped.after(10)  # the first requests after a change of the clock
    for _ in range(6):
        stepped.cluster.scrape()
        stepped.after(10)
    canary = 'destination_workload="podinfo-canary"'
    query = f"histogram_quantile(0.99, sum(rate(istio_request_duration_{unit}_bucket{{{canary}}}[30s])) by (le))"
    (measured,) = stepped.cluster.prometheus.store.query(query, stepped.cluster.now()).values()
    assert measured == pytest.approx(latency_ms / 1000 if unit == "seconds" else latency_ms)


@pytest.mark.parametrize(("tag", "errors"), [("errors", 175), ("1.2.1", 0)])
def test_workload_answers_as_its_image_says_until_somebody_says_otherwise(stepped, tag, errors):
    it = mesh(stepped, 50)
    stepped.change(image(tag), "podinfo-canary")
    stepped.after(0)
    stepped.after(4)
    before = counts(it).get(("podinfo-canary", "500"), 0)
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) - before == pytest.approx(errors)
    it.behave("test", "podinfo-canary")
    before = counts(it).get(("podinfo-canary", "500"), 0)
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) == before
    it.behave_as_built("test", "podinfo-canary")
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) - before == pytest.approx(errors)


@pytest.mark.parametrize(("apart", "samples"), [(0, 9), (1, 9), (2, 5), (3, 3)])
def test_samples_as_somebody_has_them_who_scrapes_less_often(stepped, apart, samples):
    mesh(stepped, 50)
    for _ in range(9):
        stepped.after(1)
        stepped.cluster.scrape()
    query = 'max(count_over_time(istio_requests_total{destination_workload="podinfo-canary"}[1m]))'
    store = stepped.cluster.prometheus.store
    assert store.query(query, stepped.cluster.now(), apart=timedelta(seconds=apart)) == {(): samples}


def test_requests_to_pods_that_are_gone_are_counted(stepped):
    it = mesh(stepped, 50)
    it.requests_to_nothing.clear()
    stepped.cluster.deployments.take_down("test", "podinfo-canary")
    stepped.after(0)
    stepped.after(10)
    assert it.requests_to_nothing == {"test": pytest.approx(500)}
    assert "sandbox_requests_to_nothing_total" in it.exposition()


def test_exposition_is_prometheus_text(stepped):
    it = mesh(stepped, 0)
    stepped.after(10)
    assert (
        'istio_requests_total{destination_workload="podinfo",destination_workload_namespace="test",'
        'reporter="destination",response_code="200"} '
    ) in it.exposition()


def test_latency_above_the_largest_bucket_is_in_no_finite_one(stepped):
    it = mesh(stepped, 50)
    canary = {"destination_workload": "podinfo-canary"}
    before = counts(it, "istio_request_duration_milliseconds_bucket", **canary)
    it.behave("test", "podinfo-canary", latency_ms=BUCKETS_MS[-1] + 1)
    stepped.after(10)
    after = counts(it, "istio_request_duration_milliseconds_bucket", **canary)
    grown = {bound: number - before.get((workload, bound), 0) for (workload, bound), number in after.items()}
    assert grown == {f"{bound:g}": 0 for bound in BUCKETS_MS} | {"+Inf": 500}
    for _ in range(4):
        stepped.cluster.scrape()
        stepped.after(10)
    query = (
        "histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket"
        '{destination_workload="podinfo-canary"}[30s])) by (le))'
    )
    (measured,) = stepped.cluster.prometheus.store.query(query, stepped.cluster.now()).values()
    assert measured == BUCKETS_MS[-1]


# --- requests to nothing ---


def delete(stepped, plural, name):
    kind = next(k for k in stepped.cluster.api.objects.kinds() if k.plural == plural)
    stepped.cluster.api.objects.delete(kind, "test", name)


def edit(stepped, plural, name, change):
    kind = next(k for k in stepped.cluster.api.objects.kinds() if k.plural == plural)

    def apply(obj):
        change(obj["spec"])
        return obj

    stepped.cluster.api.objects.change(kind, kind.versions[0], "test", name, apply)


BREAKS = {
    "service is deleted": lambda stepped: delete(stepped, "services", "podinfo-canary"),
    "service selects no pods": lambda stepped: edit(
        stepped, "services", "podinfo-canary", lambda spec: spec.update(selector={"app": "other"})
    ),
    "service has no selector": lambda stepped: edit(
        stepped, "services", "podinfo-canary", lambda spec: spec.pop("selector")
    ),
    "service selects by a label that the pods lack": lambda stepped: edit(
        stepped, "services", "podinfo-canary", lambda spec: spec["selector"].update(role="canary")
    ),
    "deployment is deleted": lambda stepped: delete(stepped, "deployments", "podinfo-canary"),
    "deployment has no pods": lambda stepped: stepped.change(lambda spec: spec.update(replicas=0), "podinfo-canary"),
}


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
def test_requests_to_a_side_without_pods_are_counted(stepped, breaks):
    it = mesh(stepped, 25)
    stepped.after(10)
    it.requests_to_nothing.clear()
    before = counts(it)
    breaks(stepped)
    stepped.after(10)
    assert it.requests_to_nothing == {"test": pytest.approx(250)}
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown == {("podinfo", "200"): 750, ("podinfo-canary", "200"): 0}


def test_requests_follow_the_selector_to_another_workload(stepped):
    it = mesh(stepped, 25)
    before = counts(it)
    edit(stepped, "services", "podinfo-canary", lambda spec: spec.update(selector={"app": "podinfo"}))
    stepped.after(10)
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown == {("podinfo", "200"): 1000, ("podinfo-canary", "200"): 0}


# --- routes that proxies learn of later ---


def weigh(stepped, canary_weight):
    def change(spec):
        primary, canary = spec["http"][0]["route"]
        primary["weight"], canary["weight"] = 100 - canary_weight, canary_weight

    edit(stepped, "virtualservices", "podinfo", change)


def to_canary(stepped, seconds):
    """Return how many requests the canary gets in some seconds, a tick each."""
    before = counts(stepped.cluster.mesh).get(("podinfo-canary", "200"), 0)
    for _ in range(seconds):
        stepped.after(1)
    return counts(stepped.cluster.mesh).get(("podinfo-canary", "200"), 0) - before


def lag(stepped, seconds):
    switch_mesh(stepped.cluster.mesh, "PUT", ["mesh", "test"], {"routeLagSeconds": seconds})


def test_weights_are_known_at_once_unless_a_lag_is_asked_for(stepped):
    mesh(stepped, 50)
    assert to_canary(stepped, 1) == 50
    weigh(stepped, 20)
    assert to_canary(stepped, 1) == 20


def test_weights_are_those_of_some_time_ago(stepped):
    mesh(stepped, 50)
    lag(stepped, 3)
    assert to_canary(stepped, 4) == 200
    weigh(stepped, 20)
    assert to_canary(stepped, 2) == 100
    weigh(stepped, 10)
    assert [to_canary(stepped, 1) for _ in range(6)] == [50, 20, 20, 10, 10, 10]


def test_pods_that_go_before_proxies_know_are_missed(stepped):
    it = mesh(stepped, 50)
    lag(stepped, 3)
    stepped.after(4)
    it.requests_to_nothing.clear()
    weigh(stepped, 0)
    stepped.change(lambda spec: spec.update(replicas=0), "podinfo-canary")
    assert to_canary(stepped, 10) == 0
    assert it.requests_to_nothing == {"test": pytest.approx(150)}


def test_deletion_of_a_route_is_learned_of_later_too(stepped):
    mesh(stepped, 50)
    lag(stepped, 2)
    stepped.after(4)
    delete(stepped, "virtualservices", "podinfo")
    assert [to_canary(stepped, 1) for _ in range(4)] == [50, 50, 0, 0]
    stepped.add("virtual-service", lambda obj: obj["spec"]["http"][0]["route"].pop(0))
    assert [to_canary(stepped, 1) for _ in range(4)] == [0, 0, 100, 100]


def test_lag_of_one_namespace_does_not_hold_in_another(stepped):
    mesh(stepped, 50)
    switch_mesh(stepped.cluster.mesh, "PUT", ["mesh", "other"], {"routeLagSeconds": 30})
    weigh(stepped, 20)
    assert to_canary(stepped, 1) == 20


def test_lag_that_ends_shows_the_route_as_it_is(stepped):
    mesh(stepped, 50)
    lag(stepped, 30)
    weigh(stepped, 20)
    assert to_canary(stepped, 1) == 50
    lag(stepped, 0)
    assert to_canary(stepped, 1) == 20


def test_switch_keeps_what_it_does_not_name(stepped):
    it = stepped.cluster.mesh
    switch_mesh(it, "PUT", ["mesh", "test"], {"requestsPerSecond": 7, "routeLagSeconds": 2.5})
    switch_mesh(it, "PUT", ["mesh", "test"], {"requestsPerSecond": 8})
    assert (it.traffic, it.route_lags) == ({"test": 8.0}, {"test": 2.5})
    switch_mesh(it, "PUT", ["mesh", "test"], {"routeLagSeconds": 0})
    assert (it.traffic, it.route_lags) == ({"test": 8.0}, {"test": 0.0})


def test_requests_of_users_who_ask_seldom_come_together(stepped):
    mesh(stepped, 50)
    switch_mesh(stepped.cluster.mesh, "PUT", ["mesh", "test"], {"burstSeconds": 3})
    assert [to_canary(stepped, 1) for _ in range(6)] == [0, 0, 150, 0, 0, 150]
    switch_mesh(stepped.cluster.mesh, "PUT", ["mesh", "test"], {"burstSeconds": 0})
    assert [to_canary(stepped, 1) for _ in range(2)] == [50, 50]


@pytest.mark.parametrize("wrong", [{"routeLagSeconds": -1}, {"requestsPerSecond": -1}, {"lag": 3}, {}])
def test_switch_that_cannot_be_changes_nothing(stepped, wrong):
    it = stepped.cluster.mesh
    with pytest.raises(ValueError, match="requestsPerSecond, routeLagSeconds, burstSeconds"):
        switch_mesh(it, "PUT", ["mesh", "test"], {"requestsPerSecond": 7, **wrong} if wrong else wrong)
    assert (it.traffic, it.route_lags) == ({}, {})


def test_latency_beyond_the_largest_bucket_is_measured_as_such(stepped):
    it = mesh(stepped, 50)
    it.behave("test", "podinfo-canary", latency_ms=30_000.0)
    for _ in range(7):
        stepped.after(10)
        stepped.cluster.scrape()
    query = promql.duration("istio_request_duration_milliseconds_bucket", Target("test", "podinfo-canary"), "30s")
    (measured,) = stepped.cluster.prometheus.store.query(query, stepped.cluster.now()).values()
    assert measured == -10_000.0
