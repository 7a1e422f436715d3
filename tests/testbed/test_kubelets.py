"""What the kubelets of the real control plane are made to say."""

from datetime import UTC, datetime, timedelta

import pytest

from testbed.cluster.kubelets import CORES_PER_REQUEST, REST_CORES, Consumption

START = datetime(2018, 10, 10, 12, tzinfo=UTC)
WORKLOAD = ("test", "podinfo")


def pod(name, phase="Running"):
    resources = {"limits": {"cpu": "500m"}}
    container = {"name": "podinfod", "image": "podinfo:1.2.0", "resources": resources}
    return {
        "metadata": {"namespace": "test", "name": name},
        "spec": {"containers": [container]},
        "status": {"phase": phase},
    }


FIRST, SECOND = pod("podinfo-5675cb8d7c-g7kx4"), pod("podinfo-5675cb8d7c-vrf6p")
CANARY = pod("podinfo-canary-746cd9d8c8-wgx8m")


def values(consumption, metric):
    """Return a metric by pod, as Prometheus would read it."""
    found = {}
    for line in consumption.exposition().splitlines():
        name, _, rest = line.partition("{")
        labels, _, value = rest.rpartition("} ")
        if name == metric:
            found[dict(part.split("=") for part in labels.split(","))["pod"].strip('"')] = float(value)
    return found


def after(seconds, pods, requests):
    """Return what pods have used once they have answered so many requests."""
    consumption = Consumption()
    consumption.advance(pods, {}, START)
    consumption.advance(pods, requests, START + timedelta(seconds=seconds))
    return consumption


def test_pod_at_rest_costs_a_little():
    used = values(after(100, [FIRST], {}), "container_cpu_usage_seconds_total")
    assert used["podinfo-5675cb8d7c-g7kx4"] == pytest.approx(100 * REST_CORES, rel=0.11)


def test_pods_share_the_requests_of_their_workload_and_of_no_other():
    used = values(after(10, [FIRST, SECOND, CANARY], {WORKLOAD: 200.0}), "container_cpu_usage_seconds_total")
    each = 10 * REST_CORES + 100 * CORES_PER_REQUEST
    assert used["podinfo-5675cb8d7c-g7kx4"] == pytest.approx(each, rel=0.11)
    assert used["podinfo-5675cb8d7c-vrf6p"] == pytest.approx(each, rel=0.11)
    assert used["podinfo-canary-746cd9d8c8-wgx8m"] == pytest.approx(10 * REST_CORES, rel=0.11)


def test_more_than_the_limit_is_throttled():
    idle = values(after(10, [FIRST], {}), "container_cpu_cfs_throttled_periods_total")
    busy = values(after(10, [FIRST], {WORKLOAD: 1000.0}), "container_cpu_cfs_throttled_periods_total")
    assert idle["podinfo-5675cb8d7c-g7kx4"] < 0.1
    assert busy["podinfo-5675cb8d7c-g7kx4"] == 100.0


def test_pods_that_do_not_run_or_are_gone_say_nothing():
    consumption = after(10, [FIRST, pod("podinfo-5675cb8d7c-aaaaa", phase="Pending")], {})
    assert list(values(consumption, "container_memory_working_set_bytes")) == ["podinfo-5675cb8d7c-g7kx4"]
    consumption.advance([], {}, START + timedelta(seconds=20))
    assert consumption.exposition() == ""
