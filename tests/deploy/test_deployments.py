"""The view of a Deployment. The adapter is tested by its contract."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert (seen.progress_deadline, seen.resumed_at, seen.failure) == (timedelta(minutes=10), None, "")


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


@pytest.mark.parametrize(("seconds", "deadline"), [(None, 600), (1, 1), (2**31 - 1, 2**31 - 1)])
def test_progress_deadline_is_that_of_the_spec(seconds, deadline):
    obj = deployment()
    obj["spec"]["progressDeadlineSeconds"] = seconds
    assert view(obj, None).progress_deadline == timedelta(seconds=deadline)


@pytest.mark.parametrize("seconds", ["600", True, 1.5, -1, 2**31, 10**30, float("nan"), float("inf"), []])
def test_progress_deadline_that_is_none_is_refused_by_name(seconds):
    obj = deployment()
    obj["spec"]["progressDeadlineSeconds"] = seconds
    with pytest.raises(
        ValueError, match=r"^spec\.progressDeadlineSeconds must be a whole number between 0 and 2147483647, not "
    ):
        view(obj, None)


@pytest.mark.parametrize(
    ("condition", "resumed"),
    [
        ({"type": "Progressing", "reason": "DeploymentResumed", "lastUpdateTime": "2018-10-10T12:00:00Z"}, True),
        ({"type": "Progressing", "reason": "DeploymentResumed", "lastUpdateTime": "2018-10-10T14:00:00+02:00"}, True),
        ({"type": "Progressing", "reason": "DeploymentResumed", "lastUpdateTime": None}, False),
        ({"type": "Progressing", "reason": "DeploymentPaused", "lastUpdateTime": "2018-10-10T12:00:00Z"}, False),
        ({"type": "Available", "reason": "DeploymentResumed", "lastUpdateTime": "2018-10-10T12:00:00Z"}, False),
    ],
    ids=["resumed", "in another zone", "no time", "paused", "another condition"],
)
def test_moment_of_resuming_is_read_from_the_condition(condition, resumed):
    obj = deployment()
    obj["status"]["conditions"] = [{"type": "Other"}, {"status": "Unknown", **condition}]
    assert view(obj, None).resumed_at == (datetime(2018, 10, 10, 12, 0, tzinfo=UTC) if resumed else None)


def test_moment_without_a_zone_is_refused():
    obj = deployment()
    condition = {"type": "Progressing", "reason": "DeploymentResumed", "lastUpdateTime": "2018-10-10T12:00:00"}
    obj["status"]["conditions"] = [condition]
    with pytest.raises(ValueError, match="time zone"):
        view(obj, None)


@pytest.mark.parametrize(
    ("condition", "failure"),
    [
        ({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"}, "exceeded quota: pods"),
        ({"type": "ReplicaFailure", "status": "True", "message": None}, ""),
        ({"type": "ReplicaFailure", "status": "False", "message": "exceeded quota: pods"}, ""),
        ({"type": "Available", "status": "True", "message": "Deployment has minimum availability."}, ""),
    ],
    ids=["failing", "without a message", "no longer", "another condition"],
)
def test_failure_is_the_message_of_the_condition(condition, failure):
    obj = deployment()
    obj["status"]["conditions"] = [{"type": "Other"}, condition]
    assert view(obj, None).failure == failure


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just([]) | st.just({})


@given(
    deadline=ODD,
    condition=st.fixed_dictionaries(
        {"type": st.sampled_from(["Progressing", "ReplicaFailure"]), "reason": st.just("DeploymentResumed")},
        optional={"status": ODD | st.just("True"), "message": ODD, "lastUpdateTime": ODD | st.datetimes().map(str)},
    ),
)
def test_odd_values_end_in_no_other_error_than_the_cache_expects(deadline, condition):
    obj = deployment()
    obj["spec"]["progressDeadlineSeconds"] = deadline
    obj["status"]["conditions"] = [condition]
    try:
        seen = view(obj, None)
    except (KeyError, TypeError, ValueError):
        return
    assert isinstance(seen.failure, str)
    assert timedelta() <= seen.progress_deadline < timedelta(days=365 * 100)
    assert seen.resumed_at is None or seen.resumed_at.tzinfo is not None


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
