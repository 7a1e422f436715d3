"""Interruptions of the whole system: killed, cut off, overruled. It goes on where it stood, and never early."""

import time
from datetime import timedelta

import pytest

from testbed.sandbox.faults import Fault
from tests.system.harness import WRITES, controller, objects, page

ROUTE = ("networking.istio.io", "virtualservices")
CANARIES = ("flagger.app", "canaries")
DEPLOYMENTS = ("apps", "deployments")


def test_new_process_goes_on_where_the_old_one_stood(on):
    on.add_canary()
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 20")
    with controller(on):
        on.until_state("finished")
    assert [event for event in on.events() if "Starting" in event] == [
        "Normal   Starting canary deployment for podinfo.test"
    ]
    assert on.weights() == (100, 0)
    assert on.image("podinfo") == on.image("podinfo-canary")


def test_restarts_advance_nothing_early(on):  # contract W3; behaviour 14
    on.add_canary(interval="1h")
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 5")
    nothing_yet = 'flagger_reconcile_total{result="success"} 0.0'
    for _ in range(3):
        with controller(on) as running:
            on.until(lambda it=running: nothing_yet not in page(it.port), every_change=False)
            on.change(DEPLOYMENTS, "podinfo-canary", lambda obj: obj["metadata"].update(labels={"any": "thing"}))
    assert on.canary_status()["canaryWeight"] == 5
    assert on.weights() == (95, 5)


@pytest.mark.parametrize(
    "fault",
    [
        {"code": 409, "count": 3},
        {"code": 500, "count": 3},
        {"code": 429, "count": 2},
        {"drop": "before", "count": 2},
        {"drop": "after", "count": 2},
    ],
    ids=["conflict", "failure", "throttled", "lost request", "lost answer"],
)
@pytest.mark.parametrize("resource", ["canaries", "virtualservices", "deployments"])
def test_writes_that_fail_are_made_good(on, resource, fault):  # contracts W1, W3
    on.cluster.api.faults.add(Fault(verb="patch", resource=resource, skip=1, **fault))
    on.add_canary(stepWeight=25)
    with controller(on):
        on.until_state("finished")
        on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
    assert on.image("podinfo") == on.image("podinfo-canary")
    assert on.weights() == (100, 0)
    assert on.deployment("podinfo-canary")["spec"]["replicas"] == 0
    assert on.cluster.mesh.requests_to_nothing == {}


def test_watches_that_are_cut_are_resumed(on):
    on.add_canary()
    with controller(on):
        for weight in (5, 10, 15):
            on.until_said(f"Advance podinfo.test canary weight {weight}")
            on.cluster.api.cut_watches()
        on.until_state("finished")
    assert on.image("podinfo") == on.image("podinfo-canary")


def reweigh(on, primary, canary):
    def change(obj):
        obj["spec"]["http"][0]["route"][0]["weight"] = primary
        obj["spec"]["http"][0]["route"][1]["weight"] = canary

    on.change(ROUTE, "podinfo", change)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        pytest.param((100, 0), "0", id="back to the start"),
        pytest.param((19, 1), "uneven", id="the same shares of another sum"),
        pytest.param((50, 40), "uneven", id="other shares of another sum"),
    ],
)
def test_route_that_somebody_changes_is_corrected(on, weights, found):
    on.add_canary(interval="1h")
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 5")
        on.until(lambda: on.weights() == (95, 5))
        reweigh(on, *weights)
        on.until_said(f"Correcting podinfo.test canary weight {found} to 5")
        on.until(lambda: on.weights() == (95, 5))


def test_route_at_rest_is_left_as_it_is_whatever_its_weights_add_up_to(on):
    on.add_canary(stepWeight=100)
    with controller(on):
        on.until_state("finished")
        reweigh(on, 9, 1)
        on.until(lambda: on.condition("Ready").get("reason") == "TrafficToNothing")
        assert on.weights() == (9, 1)
        reweigh(on, 150, 0)
        on.until(lambda: on.condition("Ready").get("reason") == "PartsFound")
        assert on.weights() == (150, 0)


def test_canary_object_deleted_in_mid_rollout_lets_go(on):  # behaviour 16
    on.add_canary(interval="1h")
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        on.delete(CANARIES, "podinfo")
        on.until(lambda: on.canary_object() is None)
    assert on.weights() == (100, 0)


def test_canary_workload_deleted_in_mid_rollout_is_rolled_back(on):
    on.add_canary(interval="1h")
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        on.delete(DEPLOYMENTS, "podinfo-canary")
        on.until_state("failed")
        on.until_said("Canary failed!")
    assert on.said("Rolling back podinfo-canary.test the deployment was deleted")
    assert on.weights() == (100, 0)


def test_lost_pods_lose_their_traffic_at_once(on):
    on.add_canary(interval="1h")
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        on.cluster.deployments.take_down("test", "podinfo-canary")
        on.until(lambda: on.weights() == (100, 0))
        on.until_said("Halt podinfo.test advancement available replicas 0 < 1 of podinfo-canary.test")
    assert on.canary_status()["failedChecks"] == 1


def test_new_template_in_mid_rollout_starts_over(on):
    on.add_canary()
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 15")
        on.push("quay.io/stefanprodan/podinfo:1.2.2")
        on.until_said("New revision detected podinfo-canary.test")
        on.until_state("finished")
        on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
    assert on.image("podinfo") == "quay.io/stefanprodan/podinfo:1.2.2"


def test_template_put_back_in_mid_rollout_ends_it(on):
    on.add_canary(interval="1h")
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        on.push(on.image("podinfo"))
        on.until_said("Nothing to roll out podinfo.test already runs the template of podinfo-canary.test")
        on.until_state("finished")
    assert on.weights() == (100, 0)


def test_image_that_never_starts_is_rolled_back_at_its_deadline(on):
    def never_ready(obj):
        obj["spec"]["progressDeadlineSeconds"] = 0
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = "podinfo:broken"

    on.change(DEPLOYMENTS, "podinfo-canary", never_ready)
    on.add_canary()
    with controller(on):
        on.until_state("failed")
        on.until_said("Canary failed!")
    assert on.said("Rolling back podinfo-canary.test progress deadline exceeded")
    assert not on.said("Advance")


def test_other_canaries_go_on_while_prometheus_is_slow_for_one(on):
    on.cluster.prometheus.faults.delay_seconds = 0.3
    on.add_canary()
    quick = [*objects("workloads/primary-deployment", "workloads/primary-service", "workloads/virtual-service")]
    quick += [*objects("workloads/canary-deployment", "workloads/canary-service", "rollouts/podinfo")]
    for obj in quick:
        renamed(obj)
        on.add(obj)
    with controller(on):
        on.until(lambda: on.said("Promotion completed! Scaling down quick-canary.test"))
        assert on.canary_status().get("state") == "running"


def renamed(obj):
    """Make podinfo's objects those of another service, judged by pod health only."""
    meta, spec = obj["metadata"], obj["spec"]
    meta["name"] = meta["name"].replace("podinfo", "quick")
    if obj["kind"] == "Deployment":
        spec["selector"]["matchLabels"]["app"] = spec["template"]["metadata"]["labels"]["app"] = meta["name"]
    elif obj["kind"] == "Service":
        spec["selector"]["app"] = meta["name"]
    elif obj["kind"] == "VirtualService":
        for destination in spec["http"][0]["route"]:
            destination["destination"]["host"] = destination["destination"]["host"].replace("podinfo", "quick")
    else:
        spec["virtualService"]["name"] = "quick"
        for side in (spec["primary"], spec["canary"]):
            side.update({key: value.replace("podinfo", "quick") for key, value in side.items()})
        spec["canaryAnalysis"].update(metrics=[], stepWeight=50, drainSeconds=0)


def test_at_rest_nothing_is_written_whatever_happens(on):  # contract W3; behaviour 13
    def writes():
        return [request for request in on.requests() if request.verb in WRITES and request.resource != "events"]

    def finalizer_patches():
        return [(request.resource, request.subresource) for request in writes()].count(("canaries", ""))

    on.add_canary(stepWeight=50)
    with controller(on):
        on.until_state("finished")
        on.until(lambda: finalizer_patches() == 2, every_change=False)  # the last write of a rollout is one of them
        on.until_said("Promotion completed!")
        before = len(writes())
        on.change(ROUTE, "podinfo", lambda obj: obj["spec"]["http"][0].update(timeout="3s"))
        on.change(DEPLOYMENTS, "podinfo-canary", lambda obj: obj["spec"].update(replicas=3))
        on.until(lambda: on.status("podinfo-canary").get("availableReplicas") == 3)
        on.cluster.api.cut_watches()
    assert len(writes()) == before


def test_round_is_not_held_before_its_time(on):
    on.add_canary(stepWeight=25)
    with controller(on, control_loop_interval=timedelta(milliseconds=300)):
        on.until_state("finished")
    events = on.cluster.api.store.list(("", "events"), "test")[0]
    advances = sorted(
        int(e["metadata"]["name"].rpartition(".")[2], 16) / 1e9 for e in events if "Advance" in e["message"]
    )
    assert advances[1] - advances[0] >= 0.3


def test_interval_counts_from_when_the_route_carries_the_weight_however_slowly_it_is_written(on):  # behaviour 14
    on.cluster.api.faults.add(Fault(verb="patch", resource="virtualservices", delay_seconds=1.5, count=-1))
    on.add_canary(stepWeight=50, maxWeight=50, interval="1s")
    with controller(on):
        on.until(lambda: on.weights() == (50, 50))
        carried = time.monotonic()
        on.until_said("Copying podinfo-canary.test template spec")
        assert time.monotonic() - carried >= 1.0
        assert not on.said("Correcting")


@pytest.mark.parametrize("limit", [{"threshold": 1}, {"inconclusiveLimit": 1}], ids=["threshold", "inconclusive"])
def test_one_conflict_on_the_route_rolls_no_healthy_version_back(on, limit):  # contract W5
    on.cluster.api.faults.add(Fault(verb="patch", resource="virtualservices", code=409, count=1, skip=1))
    on.add_canary(stepWeight=25, **limit)
    with controller(on):
        on.until_state("finished")
    assert not on.said("Correcting")
    assert not on.said("Rolling back")
    assert on.image("podinfo") == on.image("podinfo-canary")
