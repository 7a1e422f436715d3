"""Bad input to the whole system: a clear answer, nothing lost, traffic stays where it is, other canaries go on."""

import copy
import logging

import httpx
import pytest

from testbed.sandbox.__main__ import ARTIFACTS
from testbed.sandbox.faults import Fault
from tests.system.harness import CANARY, WRITES, controller, objects, page, stage

DEPLOYMENT = ("apps", "deployments")
ROUTE = ("networking.istio.io", "virtualservices")
SERVICE = ("", "services")


def third_host(obj):
    obj["spec"]["http"][0]["route"].append({"destination": {"host": "third"}, "weight": 0})


def no_port(obj):
    obj["spec"]["ports"] = [{"name": "tcp", "port": 9898}]


def other_host(obj):
    obj["spec"]["http"][0]["route"][1]["destination"]["host"] = "elsewhere"


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda on: on.delete(ROUTE, "podinfo"), "virtual service podinfo.test not found, create it or correct"),
        (lambda on: on.change(ROUTE, "podinfo", third_host), "destination third.test is in the way"),
        (lambda on: on.change(ROUTE, "podinfo", other_host), "no HTTP route holds host podinfo-canary"),
        (
            lambda on: on.delete(SERVICE, "podinfo-canary"),
            "service podinfo-canary.test not found, create it or correct",
        ),
        (lambda on: on.change(SERVICE, "podinfo", no_port), "service podinfo.test has no port named http or https"),
        (
            lambda on: on.delete(DEPLOYMENT, "podinfo"),
            "primary deployment podinfo.test not found, create it or correct",
        ),
        (lambda on: on.delete(DEPLOYMENT, "podinfo-canary"), "canary deployment podinfo-canary.test not found"),
    ],
    ids=["no route", "third host", "other host", "no service", "no port", "no primary", "no canary"],
)
def test_missing_or_foreign_part_is_named_and_nothing_moves(on, spoil, text):
    spoil(on)
    on.add_canary()
    with controller(on):
        on.until_said("Halt podinfo.test advancement ")
        on.until(lambda: on.condition("Ready").get("status") == "False")
    (event,) = on.events()
    assert text in event
    assert text in on.condition("Ready")["message"]
    assert on.canary_status().get("canaryWeight", 0) == 0
    written = {(r.resource, r.subresource) for r in on.requests() if r.verb in WRITES}
    assert written == {("canaries", "status"), ("events", "")}


def test_part_that_appears_starts_the_rollout_at_once(on):
    on.delete(ROUTE, "podinfo")
    on.add_canary()
    with controller(on):
        on.until_said("virtual service podinfo.test not found")
        on.add(*objects("workloads/virtual-service"))
        on.until_said("Advance podinfo.test canary weight 5")
        on.until(lambda: on.condition("Ready")["status"] == "True")


def test_complaint_that_is_put_right_at_rest_is_taken_back(on):
    on.add_canary()
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 5")
        on.delete(ROUTE, "podinfo")
        on.until(lambda: on.condition("Ready")["status"] == "False")
        on.delete(DEPLOYMENT, "podinfo-canary")
        on.until_state("failed")
        on.add(*objects("workloads/virtual-service"), *objects("workloads/canary-deployment"))
        on.until(lambda: on.condition("Ready")["status"] == "True")
    assert on.canary_status()["state"] == "failed"  # the same version is not tried again


def test_younger_of_two_canaries_halts_and_the_older_goes_on(on):  # behaviour 15
    on.add_canary()
    (younger,) = objects("rollouts/podinfo")
    younger["metadata"]["name"] = "younger"  # of two of one second the name decides
    on.add(younger)
    with controller(on):
        on.until_said("Halt younger.test advancement canary podinfo.test is older and names the same workload or route")
        on.until_said("Advance podinfo.test canary weight 10")
    assert not on.said("Advance younger.test")


NULL_INSIDE = {"virtualService": {"name": "podinfo"}, "primary": None}


@pytest.mark.parametrize("spec", [None, [], "text", NULL_INSIDE], ids=["null", "list", "text", "null inside"])
def test_malformed_object_is_answered_and_others_go_on(on, spec):  # contract S18
    on.add_canary()
    broken = copy.deepcopy(on.get(CANARY, "podinfo"))
    broken["metadata"].update(name="broken", uid="broken-uid")
    broken["spec"] = spec
    on.cluster.api.store.put(CANARY, ("test", "broken"), broken)  # as an older schema would have let it in
    with controller(on):
        on.until_said("Halt broken.test advancement spec")
        on.until_said("Advance podinfo.test canary weight 10")
    assert on.said("must be an object, not None") or on.said("spec must be an object")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"down": True}, "success rate unknown, http://127.0.0.1:"),
        ({"answer": "html"}, "is the address right?"),
        ({"answer": "error"}, "success rate unknown, http://127.0.0.1:"),
        ({"answer": "huge"}, "answered with more than 1024 KiB, is it Prometheus?"),
        ({"answer": "empty"}, "success rate unknown, Prometheus has no data for the last 1s"),
        ({"answer": "nan"}, "success rate unknown, Prometheus has no data for the last 1s"),
    ],
    ids=["down", "html", "error", "huge", "empty", "nan"],
)
def test_prometheus_that_gives_no_evidence_halts_and_ends_in_a_roll_back(on, fault, text):
    on.cluster.prometheus.faults.script = None
    for name, value in fault.items():
        setattr(on.cluster.prometheus.faults, name, value)
    on.add_canary(inconclusiveLimit=2)
    with controller(on):
        on.until_state("failed")
        on.until_said("Canary failed!")
    assert on.said(text)
    assert on.said("Rolling back podinfo-canary.test not enough data, inconclusive checks limit reached 2")
    assert on.canary_status()["failedChecks"] == 0
    assert on.weights() == (100, 0)


def readiness(running):
    return httpx.get(f"http://127.0.0.1:{running.port}/readyz", timeout=10)


def test_definition_of_canary_that_is_not_installed_yet_is_waited_for(tmp_path, caplog):  # contracts C15, W2
    with stage(tmp_path, crds=()) as on, controller(on) as running:
        on.until(lambda: _logged(caplog, "canaries.flagger.app is not served"), every_change=False)
        answer = readiness(running)
        assert answer.status_code == 503
        assert "install the CustomResourceDefinition of Canary" in answer.text
        assert httpx.get(f"http://127.0.0.1:{running.port}/healthz", timeout=10).status_code == 200
        on.cluster.add_files([ARTIFACTS / "flagger" / "crd.yaml"])
        on.until(lambda: readiness(running).status_code == 200, every_change=False)
    assert sum("not served" in r.getMessage() + str(getattr(r, "error", "")) for r in caplog.records) == 1


def test_forbidden_is_one_clear_line_and_not_ready(on, caplog):  # contracts R22, W2
    on.cluster.api.faults.add(Fault(verb="list", resource="canaries", code=403, count=-1))
    with controller(on) as running:
        on.until(lambda: _logged(caplog, "grant list and watch of canaries"), every_change=False)
        answer = readiness(running)
        assert (answer.status_code, "403 Forbidden" in answer.text) == (503, True)
        on.cluster.api.faults.clear()
        on.until(lambda: readiness(running).status_code == 200, every_change=False)
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is None


def test_forbidden_write_is_a_log_line_and_others_go_on(on, caplog):
    on.cluster.api.faults.add(Fault(verb="patch", resource="virtualservices", code=403, count=1))
    on.add_canary()
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 10")
    assert _logged(caplog, "patch virtualservices podinfo: 403 Forbidden")


def test_dry_run_says_what_it_would_do_and_writes_nothing(on, caplog):
    caplog.set_level("INFO")
    on.add_canary()
    with controller(on, dry_run=True) as looking:
        on.until(lambda: _logged(caplog, "Would say 'Starting canary deployment for podinfo.test'"), every_change=False)
        on.until(lambda: 'flagger_canary_total{namespace="test"} 1.0' in page(looking.port), every_change=False)
        assert "flagger_canary_status{" not in page(looking.port)  # it has not started
    assert [r for r in on.requests() if r.verb in WRITES] == []


def test_namespaces_confine_what_is_watched(on):
    on.add_canary()
    with controller(on, namespaces=("test", "elsewhere")):
        on.until_said("Advance podinfo.test canary weight 10")
    read = [r for r in on.requests() if r.verb in {"list", "watch"} and r.resource != "namespaces"]
    assert {r.namespace for r in read} == {"test", "elsewhere"}


def _logged(caplog, text):
    return any(text in record.getMessage() + str(getattr(record, "error", "")) for record in caplog.records)


def test_canary_that_cannot_be_read_is_told_and_the_others_go_on(on):
    on.add_canary()
    broken = copy.deepcopy(on.canary_object())
    broken["metadata"].update(name="broken", uid="broken-uid")
    broken["status"] = {"lastCheckTime": "9999-12-31T23:59:59-01:00"}
    on.cluster.api.store.put(CANARY, ("test", "broken"), broken)
    with controller(on) as running:
        on.until_said(
            "Halt broken.test advancement the canary object cannot be read: status.lastCheckTime must be a time"
        )
        on.until_state("finished")
        on.until(lambda: (on.get(CANARY, "broken").get("status") or {}).get("conditions"))
        numbers = page(running.port)
        assert page(running.port, "readyz").strip() == "ok"
    (condition,) = on.get(CANARY, "broken")["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "False", "CanaryUnreadable")
    assert 'flagger_canary_ready{name="broken",namespace="test"} 0.0' in numbers
    assert 'flagger_cache_unreadable_objects{namespace="",resource="canaries"} 1.0' in numbers
    assert 'flagger_cache_healthy{namespace="",resource="canaries"} 1.0' in numbers
    assert sum("broken" in event for event in on.events()) == 1
