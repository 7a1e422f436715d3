"""Writes that the API server refuses: told to the owner, retried at a growing pace, and nobody else waits for it."""

import time
from contextlib import contextmanager

import pytest
import yaml

from controller.core.status_json import SHOWN
from testbed.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from testbed.sandbox.faults import Fault
from tests.system.harness import WRITES, controller, objects, stage
from tests.system.readings import BAD, GOOD, Script
from tests.system.test_faults import renamed

A_WHILE_SECONDS = 2.0


def refuse(on, resource, *, subresource="", verb="patch"):
    on.cluster.api.faults.add(Fault(verb=verb, resource=resource, subresource=subresource, code=403, count=-1))


def writes(on):
    """Return how many writes of the controller there were, events apart."""
    return sum(request.verb in WRITES and request.resource != "events" for request in on.requests())


def writes_in_a_while(on):
    before = writes(on)
    until = time.monotonic() + A_WHILE_SECONDS
    on.until(lambda: time.monotonic() >= until, every_change=False)
    return writes(on) - before


def refused(on):
    ready = on.condition("Ready")
    return ready.get("status") == "False" and ready.get("reason") == "WriteRefused"


def test_step_that_a_policy_refuses_is_told_and_retried_once_a_round(on):
    refuse(on, "virtualservices")
    on.add_canary(interval="1h")
    with controller(on):
        on.until(lambda: refused(on))
        assert writes_in_a_while(on) <= 3
        assert "patch virtualservices" in on.condition("Ready")["message"]
        assert on.said("Halt podinfo.test advancement the API server refuses a write: patch virtualservices")
        assert on.canary_status()["canaryWeight"] == 0  # as the route has it


def test_step_is_taken_once_the_policy_allows_it(on):
    refuse(on, "virtualservices")
    on.add_canary(stepWeight=50)
    with controller(on):
        on.until(lambda: refused(on))
        on.cluster.api.faults.clear()
        on.until_state("finished")
        on.until(lambda: on.condition("Ready")["status"] == "True")
    assert on.weights() == (100, 0)
    assert on.image("podinfo") == on.image("podinfo-canary")


def test_rollback_that_is_refused_is_retried_until_it_went_through(on):
    on.cluster.prometheus.faults.script = Script([GOOD, BAD])
    on.add_canary(threshold=1)
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        refuse(on, "virtualservices")
        on.until(lambda: on.canary_status().get("stage") == "rolling-back" and refused(on))
        assert writes_in_a_while(on) <= 30  # twelve tries between 5 ms and 20 s, whatever woke it
        on.cluster.api.faults.clear()
        on.until_state("failed")
        on.until(lambda: on.condition("Ready")["status"] == "True")
    assert on.weights() == (100, 0)


def test_weight_that_stays_because_a_step_is_refused_is_judged_and_rolled_back(on):
    on.cluster.prometheus.faults.script = Script([GOOD] * 2 + [BAD])
    on.add_canary(threshold=2)
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        on.cluster.api.faults.add(Fault(verb="patch", resource="virtualservices", code=403, count=2))
        on.until_state("failed")
    assert on.said("Rolling back podinfo-canary.test failed checks threshold reached 2")


def test_copy_that_is_refused_is_told_and_the_canary_is_judged_meanwhile(on):
    on.cluster.prometheus.faults.script = Script([GOOD] * 3 + [BAD])
    refuse(on, "deployments")
    on.add_canary(stepWeight=50, threshold=2)
    with controller(on):
        on.until(lambda: on.said("the API server refuses a write: patch deployments podinfo:"))
        on.until_state("failed")
    assert on.image("podinfo") != on.image("podinfo-canary")


def test_scale_that_is_refused_is_told(on):
    refuse(on, "deployments", subresource="scale")
    on.change(("apps", "deployments"), "podinfo-canary", lambda obj: obj["spec"].update(replicas=0))
    on.add_canary()
    with controller(on):
        on.until(lambda: on.said("the API server refuses a write: patch deployments podinfo-canary:"))
        on.until(lambda: refused(on))
        on.cluster.api.faults.clear()
        on.until_state("finished")


def test_another_teams_conflict_does_not_wait_for_a_canary_that_is_refused(on):
    on.cluster.prometheus.faults.script = Script([GOOD, BAD])
    on.add_canary(threshold=1)
    quick = [*objects("workloads/primary-deployment", "workloads/primary-service", "workloads/virtual-service")]
    quick += [*objects("workloads/canary-deployment", "workloads/canary-service", "rollouts/podinfo")]
    with controller(on):
        on.until(lambda: on.weights() == (95, 5))
        refuse(on, "virtualservices")
        on.until(lambda: refused(on))
        writes_in_a_while(on)
        on.cluster.api.faults.clear()
        on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", code=409, count=1, skip=1))
        began = time.monotonic()
        for obj in quick:
            renamed(obj)
            on.add(obj)
        on.until_said("Promotion completed! Scaling down quick-canary.test")
        assert time.monotonic() - began < 10


@contextmanager
def older_definition(tmp_path, *fields):
    """Set the stage on an API server whose definition of Canary lacks fields of the status."""
    old = yaml.safe_load((ARTIFACTS / "flagger" / "crd.yaml").read_text())
    (version,) = old["spec"]["versions"]
    for field in fields:
        del version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"][field]
    definition = tmp_path / "crd.yaml"
    definition.write_text(yaml.safe_dump(old))
    with stage(tmp_path, crds=(VIRTUAL_SERVICE_CRD, definition)) as on:
        on.add_workloads()
        on.cluster.prometheus.faults.script = Script([GOOD])
        yield on


@pytest.mark.parametrize("field", ["state", "stage", "canaryRevision", "canaryGeneration", "canaryUID"])
def test_field_that_an_older_definition_drops_is_named_and_makes_no_loop(tmp_path, field):
    with older_definition(tmp_path, field) as on:
        on.add_canary()
        with controller(on):
            on.until_said(f"the API server serves has no field status.{field}, apply the one of this release")
            on.until(lambda: refused(on))
            assert writes_in_a_while(on) <= 30
    assert on.image("podinfo") != on.image("podinfo-canary")


def test_fields_for_people_that_an_older_definition_drops_stop_no_rollout(tmp_path):
    with older_definition(tmp_path, *SHOWN) as on:
        on.add_canary(stepWeight=50)
        with controller(on):
            on.until_state("finished")
            on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
            at_rest = on.condition("Ready")
            assert writes_in_a_while(on) == 0
    assert on.image("podinfo") == on.image("podinfo-canary")
    assert at_rest["status"] == "True"
    told = (
        "has no field status.message, status.nextCheckTime, status.phase, status.reason, status.version, apply the one"
    )
    assert told in at_rest["message"]
