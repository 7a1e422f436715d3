"""A kind is watched once a canary names it; what of it cannot be seen is the condition of that canary alone."""

import re
from datetime import timedelta

import httpx
import pytest

from controller import watched
from controller.core import pacing
from testbed.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from testbed.sandbox.faults import Fault
from tests.system.harness import controller, page, stage


def ready(running):
    return httpx.get(f"http://127.0.0.1:{running.port}/readyz", timeout=10).status_code == 200


def test_kind_that_no_canary_names_costs_nothing(on, caplog):  # behaviour 19
    for resource in ("deployments", "virtualservices"):
        on.cluster.api.faults.add(Fault(resource=resource, code=403, count=-1))
    with controller(on) as running:
        on.until(lambda: ready(running), every_change=False)
        shown = re.findall(r'flagger_cache_objects{.*resource="(\w+)"', page(running.port))
        assert sorted(shown) == ["canaries", "services"]
    assert {request.resource for request in on.requests()} == {"canaries", "services"}
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


def test_kind_that_the_cluster_lacks_is_its_canarys_condition_and_holds_up_nobody(tmp_path):  # behaviour 19
    with stage(tmp_path, crds=(ARTIFACTS / "flagger" / "crd.yaml",)) as on, controller(on) as running:
        on.add_canary(stepWeight=50, maxWeight=50)
        on.until(lambda: on.condition("Ready").get("reason") == "KindNotServed")
        on.until_said("Halt podinfo.test advancement virtualservices.networking.istio.io is not served")
        assert ready(running)
        on.cluster.add_files([VIRTUAL_SERVICE_CRD])
        on.add_workloads()
        on.until_state("finished")
        assert on.condition("Ready")["status"] == "True"


def test_controller_that_starts_beside_such_a_canary_is_ready_and_serves_the_others(tmp_path):  # contract W2
    with stage(tmp_path, crds=(ARTIFACTS / "flagger" / "crd.yaml",)) as on:
        on.add_canary()
        with controller(on) as running:
            on.until(lambda: ready(running), every_change=False)
            on.until(lambda: on.condition("Ready").get("reason") == "KindNotServed")


def test_rollout_waits_for_parts_that_were_not_seen_yet(on):  # behaviour 19
    with controller(on) as running:
        on.until(lambda: ready(running), every_change=False)
        on.cluster.api.faults.add(Fault(verb="list", resource="deployments", code=500, count=2))
        on.add_canary(stepWeight=50, maxWeight=50)
        on.until_state("finished")
    assert not on.said("not found")
    assert not on.said("Rolling back")


@pytest.mark.parametrize("resource", ["deployments", "virtualservices", "services"])
def test_rollout_halts_when_a_permission_is_taken_away_and_goes_on_when_it_is_back(on, resource, monkeypatch):
    monkeypatch.setattr(watched, "STALE_SECONDS", 0.2)  # behaviour 19
    monkeypatch.setattr(pacing, "UNTIL_SERVED", timedelta(seconds=0.2))
    on.add_canary(stepWeight=1, maxWeight=50)
    with controller(on):
        on.until_said("Advance podinfo.test canary weight 2")
        for verb in ("list", "watch"):
            on.cluster.api.faults.add(Fault(verb=verb, resource=resource, code=403, count=-1))
        on.cluster.api.cut_watches()
        on.until(lambda: on.condition("Ready").get("reason") == "KindForbidden")
        held = on.weights()
        on.cluster.api.faults.clear()
        on.until(lambda: on.condition("Ready").get("status") == "True")
        on.until(lambda: on.weights() > held)
    assert not on.said("Rolling back")


def test_canary_of_a_kind_that_is_not_granted_is_told_so(on):
    on.cluster.api.faults.add(Fault(verb="list", resource="virtualservices", code=403, count=-1))
    with controller(on) as running:
        on.until(lambda: ready(running), every_change=False)
        on.add_canary()
        on.until(lambda: on.condition("Ready").get("reason") == "KindForbidden")
        assert not ready(running)  # every installation grants it
        on.delete(("flagger.app", "canaries"), "podinfo")
        on.until(lambda: on.canary_object() is None)
