"""The three stories in tests/transcripts, word for word, through the whole system on the sandbox."""

from typing import Any

import pytest
import yaml

from testbed.sandbox.__main__ import ARTIFACTS
from testbed.sandbox.pods import HOLD
from tests.system.harness import WRITES, Stage, controller, stage
from tests.system.readings import GOOD, PROMOTION, ROLLBACK, Script
from tests.telling import told, transcript

ONE_BY_ONE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def assert_told(on: Stage, name: str, **values: str) -> None:
    expected = transcript(name, **values)
    assert told(on.events(), expected) == expected


@pytest.fixture
def on(tmp_path):
    with stage(tmp_path) as the_stage:
        the_stage.add_workloads(one_by_one)
        the_stage.change(("apps", "deployments"), "podinfo-canary", held)
        the_stage.release("podinfo-canary")
        the_stage.until(lambda: the_stage.status("podinfo-canary").get("updatedReplicas") == 1)
        yield the_stage


def one_by_one(obj: dict[str, Any]) -> None:
    if obj["kind"] == "Deployment":
        obj["spec"]["strategy"] = ONE_BY_ONE


def held(obj: dict[str, Any]) -> None:
    """Let the story say when the pods of this version become ready."""
    obj["spec"]["template"]["metadata"]["annotations"] = {HOLD: "true"}


def promote(on: Stage) -> None:
    """Let a rollout run to its end; the primary's second pod is held until the controller has said that it waits."""
    on.until_said("Copying podinfo-canary.test template spec")
    on.release("podinfo")
    on.until_said("1 of 2 updated replicas are available")
    on.release("podinfo")
    on.until_said("Promotion completed!")


def test_promotion_with_six_halts(on):
    on.cluster.prometheus.faults.script = Script(PROMOTION)
    on.add_canary()
    with controller(on):
        promote(on)
        on.until_state("finished")
    assert_told(on, "promotion")
    assert on.canary_status()["failedChecks"] == 6
    assert on.image("podinfo") == on.image("podinfo-canary")
    assert on.weights() == (100, 0)
    assert on.deployment("podinfo-canary")["spec"]["replicas"] == 0
    assert on.cluster.mesh.requests_to_nothing == {}


def test_rollback_at_ten_failed_checks(on):
    on.cluster.prometheus.faults.script = Script(ROLLBACK)
    on.add_canary()
    before = on.image("podinfo")
    with controller(on):
        on.until_said("Canary failed!")
        on.until_state("failed")
    assert_told(on, "rollback")
    assert on.canary_status()["failedChecks"] == 10
    assert on.image("podinfo") == before
    assert on.weights() == (100, 0)
    assert on.deployment("podinfo-canary")["spec"]["replicas"] == 0
    assert on.cluster.mesh.requests_to_nothing == {}


def test_new_revision_after_a_failure(on):
    on.cluster.prometheus.faults.script = Script(ROLLBACK)
    on.add_canary()
    with controller(on):
        on.until_state("failed")
        on.until_said("Canary failed!")
        on.until(lambda: not on.status("podinfo-canary").get("replicas"))  # the old pods are gone
        on.expire_events()
        old = on.canary_status()["canaryRevision"]
        on.cluster.prometheus.faults.script = Script([GOOD])
        on.push("quay.io/stefanprodan/podinfo:1.2.1-new")
        on.until_said("0 of 1 updated replicas are available")
        on.release("podinfo-canary")
        promote(on)
        on.until_state("finished")
    new = on.canary_status()["canaryRevision"]
    assert_told(on, "new-revision", old=old, new=new)
    assert on.canary_status()["failedChecks"] == 0
    assert on.image("podinfo") == "quay.io/stefanprodan/podinfo:1.2.1-new"


def granted() -> set[tuple[str, str]]:
    """Return which resources the service account may use how."""
    account = yaml.safe_load_all((ARTIFACTS / "flagger" / "account.yaml").read_text())
    (role,) = [obj for obj in account if obj["kind"] == "ClusterRole"]
    return {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def asked_for(on: Stage) -> set[tuple[str, str]]:
    return {
        (f"{r.resource}/{r.subresource}" if r.subresource else r.resource, r.verb)
        for r in on.requests()
        if not r.resource.startswith("/")
    }


def logged(on: Stage, verb: str, resource: str) -> int:
    """Return how many such requests were logged, which is a moment after they were carried out."""
    return sum((r.verb, r.resource, r.subresource) == (verb, resource, "") for r in on.requests())


def test_full_promotion_costs_no_more_than_30_writes_and_2_reads(on):
    on.cluster.prometheus.faults.script = Script([GOOD])
    on.add_canary()
    with controller(on):
        promote(on)
        on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
        on.until_said("Promotion completed!")  # events have a thread of their own, and may come after the last write
        on.until(lambda: logged(on, "patch", "canaries") == 2, every_change=False)  # the finalizer, held and released
        on.until(lambda: logged(on, "create", "events") == len(on.events()), every_change=False)
        requests = [r for r in on.requests() if r.resource != "events" and r.verb not in {"list", "watch"}]
        resting = len(on.requests())
        on.change(("apps", "deployments"), "podinfo", lambda obj: obj["metadata"].update(labels={"any": "change"}))
        on.until(lambda: on.status("podinfo").get("availableReplicas") == 2)
    writes = [r for r in requests if r.verb in WRITES]
    reads = [r for r in requests if r.verb == "get" and not r.resource.startswith("/")]
    assert len(writes) <= 30
    assert len(reads) <= 2
    assert on.requests()[resting:] == []
    elsewhere = {
        ("events", "patch"),
        ("namespaces", "get"),
        ("namespaces", "watch"),
    }  # no event comes twice, all are watched
    assert asked_for(on) | elsewhere == granted()
    assert len(on.cluster.prometheus.queries) == 2 * 10  # one per metric and round with traffic
