"""The view of a Deployment. The adapter is tested by its contract."""

from dataclasses import replace

import pytest

from deploy.deployments import view
from deploy.types import PROMOTED_ANNOTATION
from tests.deploy.deployment_objects import deployment


def test_view_holds_what_the_gates_need():
    obj = deployment()
    obj["metadata"]["annotations"] = {PROMOTED_ANNOTATION: "1@x"}
    seen = view(obj, None)
    assert (seen.namespace, seen.name, seen.uid, seen.resource_version) == (
        "test",
        "podinfo-canary",
        "podinfo-canary-uid",
        "5",
    )
    assert (seen.generation, seen.observed_generation, seen.replicas) == (3, 3, 2)
    assert (seen.current_replicas, seen.updated_replicas, seen.available_replicas) == (2, 2, 2)
    assert (seen.paused, seen.deadline_exceeded, seen.promoted) == (False, False, "1@x")


def test_view_of_a_new_deployment_has_zeroes():
    obj = deployment()
    obj["status"] = None
    obj["spec"]["replicas"] = None
    seen = view(obj, None)
    assert (seen.replicas, seen.observed_generation, seen.current_replicas, seen.available_replicas) == (1, 0, 0, 0)
    assert seen.promoted == ""


def test_zero_replicas_are_zero():
    obj = deployment()
    obj["spec"]["replicas"] = 0
    assert view(obj, None).replicas == 0


def test_paused_deployment_is_seen_as_paused():
    obj = deployment()
    obj["spec"]["paused"] = True
    assert view(obj, None).paused


@pytest.mark.parametrize(
    ("condition", "exceeded"),
    [
        (("Progressing", "False", "ProgressDeadlineExceeded"), True),
        (("Progressing", "True", "NewReplicaSetAvailable"), False),
        (("Available", "False", "ProgressDeadlineExceeded"), False),
        (("Progressing", "Unknown", "ProgressDeadlineExceeded"), False),
    ],
)
def test_deadline_is_read_from_the_condition(condition, exceeded):
    obj = deployment()
    kind, status, reason = condition
    obj["status"]["conditions"] = [{"type": "Other"}, {"type": kind, "status": status, "reason": reason}]
    assert view(obj, None).deadline_exceeded is exceeded


@pytest.mark.parametrize(
    ("moved", "fresh"),
    [({}, False), ({"generation": 2}, True), ({"uid": "another"}, True)],
    ids=["unmoved", "another generation", "another object"],
)
def test_template_is_fingerprinted_only_when_it_may_have_changed(moved, fresh):
    obj = deployment()
    known = view(obj, None)
    marked = replace(known, template=replace(known.template, revision="marked"), **moved)
    assert (view(obj, marked).template.revision != "marked") is fresh


@pytest.mark.parametrize("part", ["metadata", "spec"])
def test_malformed_deployment_raises(part):
    obj = deployment()
    obj[part] = None
    with pytest.raises((KeyError, TypeError, AttributeError)):
        view(obj, None)
