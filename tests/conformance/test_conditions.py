"""What the deployment controller says of a Deployment, and when: conditions, their reasons, words and times."""

import re
from itertools import groupby

import pytest
import yaml

from testbed.sandbox.__main__ import ARTIFACTS

NAME = "podinfo-canary"
PATH = f"{{}}/{NAME}"
DEADLINE = 3  # seconds; times are kept in whole ones, so that it may pass after two
LONG_AFTER = DEADLINE + 3  # seconds: the real controller reacts a second or two late
A_MOMENT = 2  # seconds
REPLICA_SET = rf"{NAME}-[bcdfghjklmnpqrstvwxz2456789]+"


def deployment(api, *, tag="1.2.1", name=NAME, **spec):
    """Create the canary's Deployment with a short deadline, and return it."""
    obj = yaml.safe_load((ARTIFACTS / "workloads" / "canary-deployment.yaml").read_text())
    obj["metadata"] |= {"namespace": api.namespace, "name": name}
    obj["spec"] |= {"progressDeadlineSeconds": DEADLINE, **spec}
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = image(tag)
    return api.made(api.deployments, obj)


def image(tag):
    return f"quay.io/stefanprodan/podinfo:{tag}"


def change(api, **spec):
    """Change the spec, and return the Deployment as the controller has observed that."""
    return observed(api, api.merged(PATH.format(api.deployments), {"spec": spec}))


def push(api, tag):
    """Change the image, and return the Deployment as the API server has it then."""
    operation = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image(tag)}
    answer = api("PATCH", PATH.format(api.deployments), [operation], kind="application/json-patch+json")
    assert answer.status_code == 200, answer.text
    return answer.json()


def observed(api, made):
    """Return the Deployment as the controller has observed its generation."""
    return until(api, lambda obj: obj["status"].get("observedGeneration") == made["metadata"]["generation"])


def until(api, holds):
    return api.until(api.deployments, NAME, lambda obj: "status" in obj and holds(obj))


def until_reason(api, reason, kind="Progressing"):
    return until(api, lambda obj: condition(obj, kind).get("reason") == reason)


def condition(obj, kind="Progressing"):
    return next((c for c in obj.get("status", {}).get("conditions", ()) if c["type"] == kind), {})


def status_and_reason(obj, kind="Progressing"):
    return condition(obj, kind).get("status"), condition(obj, kind).get("reason")


def counts(obj):
    return tuple(obj["status"].get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))


def told(objects, kind="Progressing"):
    """Return status and reason of each object's condition, without what came twice in a row."""
    return [key for key, _ in groupby(status_and_reason(obj, kind) for obj in objects if condition(obj, kind))]


def until_after(api, seconds):
    """Return every state of the Deployment, from now on until some seconds later."""
    return list(api.shown(api.deployments, NAME, seconds=seconds))


CREATED, UPDATED = ("True", "NewReplicaSetCreated"), ("True", "ReplicaSetUpdated")
COMPLETE, EXCEEDED = ("True", "NewReplicaSetAvailable"), ("False", "ProgressDeadlineExceeded")
PAUSED, RESUMED = ("Unknown", "DeploymentPaused"), ("Unknown", "DeploymentResumed")


def seen_until(api, made, reason):
    """Return the states of the Deployment since a version, up to the first with a reason."""
    seen = []
    for obj in api.shown(api.deployments, NAME, since=made["metadata"]["resourceVersion"]):
        seen.append(obj)
        if condition(obj).get("reason") == reason:
            return seen
    raise AssertionError(f"waited in vain for {reason}: {told(seen)}")


# --- Progressing ---


def test_new_deployment_is_created_progresses_and_is_complete(api):
    seen = seen_until(api, deployment(api), "NewReplicaSetAvailable")
    assert told(seen) == [CREATED, UPDATED, COMPLETE]
    assert len({condition(obj)["lastTransitionTime"] for obj in seen if condition(obj)}) == 1
    words = {condition(obj)["reason"]: condition(obj)["message"] for obj in seen if condition(obj)}
    assert re.fullmatch(f'Created new replica set "{REPLICA_SET}"', words["NewReplicaSetCreated"])
    assert re.fullmatch(f'ReplicaSet "{REPLICA_SET}" is progressing.', words["ReplicaSetUpdated"])
    assert re.fullmatch(f'ReplicaSet "{REPLICA_SET}" has successfully progressed.', words["NewReplicaSetAvailable"])
    assert seen[-1]["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


def test_template_that_changes_at_nothing_is_complete_at_once_and_never_timed(api):
    deployment(api, replicas=0)
    old = until_reason(api, "NewReplicaSetAvailable")
    seen = seen_until(api, push(api, "broken"), "NewReplicaSetAvailable")
    assert told(seen) == [CREATED, COMPLETE]
    assert condition(seen[-1])["message"] != condition(old)["message"]
    assert condition(seen[-1])["lastTransitionTime"] == condition(old)["lastTransitionTime"]
    change(api, replicas=1)
    seen = until_after(api, LONG_AFTER)
    assert told(seen) == [COMPLETE]
    assert counts(seen[-1]) == (1, 1, 0)
    assert status_and_reason(seen[-1], "Available") == ("False", "MinimumReplicasUnavailable")
    change(api, replicas=2)
    assert told(until_after(api, A_MOMENT)) == [COMPLETE]


def test_template_that_changes_with_a_pod_there_is_timed(api):
    deployment(api)
    old = until_reason(api, "NewReplicaSetAvailable")
    seen = seen_until(api, push(api, "broken"), "ProgressDeadlineExceeded")
    # Whether the real controller notices the new pod depends on which of its caches is updated first.
    assert [key for key in told(seen) if key != UPDATED] == [CREATED, EXCEEDED]
    exceeded = condition(seen[-1])
    assert re.fullmatch(f'ReplicaSet "{REPLICA_SET}" has timed out progressing.', exceeded["message"])
    assert exceeded["lastTransitionTime"] == exceeded["lastUpdateTime"] > condition(old)["lastTransitionTime"]
    assert counts(seen[-1]) == (2, 1, 1)
    assert status_and_reason(seen[-1], "Available") == ("True", "MinimumReplicasAvailable")


def test_scaling_a_deployment_that_timed_out(api):
    deployment(api, tag="broken")
    exceeded = until_reason(api, "ProgressDeadlineExceeded")
    more = api.merged(PATH.format(api.deployments), {"spec": {"replicas": 2}})
    assert told(seen_until(api, more, "ReplicaSetUpdated")) == [EXCEEDED, UPDATED]
    again = until_reason(api, "ProgressDeadlineExceeded")
    assert condition(again)["lastTransitionTime"] > condition(exceeded)["lastTransitionTime"]
    change(api, replicas=0)
    none = until_reason(api, "NewReplicaSetAvailable")
    assert condition(none)["status"] == "True"
    change(api, replicas=1)
    assert status_and_reason(until(api, lambda obj: counts(obj) == (1, 1, 0))) == COMPLETE


def test_going_back_to_a_template_that_was_there_before(api):
    deployment(api, replicas=0)
    until_reason(api, "NewReplicaSetAvailable")
    observed(api, push(api, "broken"))
    broken = until_reason(api, "NewReplicaSetAvailable")
    back = observed(api, push(api, "1.2.1"))
    assert condition(back) == condition(broken)
    change(api, replicas=1)
    there = until(api, lambda obj: counts(obj) == (1, 1, 1))
    assert condition(there) == condition(broken)
    assert there["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_deadline_counts_from_the_last_progress(api):
    deployment(api, progressDeadlineSeconds=600)
    old = until_reason(api, "NewReplicaSetAvailable")
    observed(api, push(api, "1.2.2"))
    new = until(api, lambda obj: counts(obj) == (1, 1, 1) and status_and_reason(obj) == COMPLETE)
    assert condition(new)["lastTransitionTime"] == condition(old)["lastTransitionTime"]
    assert condition(new)["lastUpdateTime"] >= condition(old)["lastUpdateTime"]  # whole seconds
    assert condition(new)["message"] != condition(old)["message"]


def test_deployment_that_wants_no_deadline_has_no_progress(api):
    deployment(api, progressDeadlineSeconds=2**31 - 1)
    there = until(api, lambda obj: counts(obj) == (1, 1, 1))
    assert condition(there) == {}


# --- Available ---

ROLLING = "RollingUpdate"


@pytest.mark.parametrize(
    ("replicas", "strategy", "available"),
    [
        pytest.param(0, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 0}}, True, id="none wanted"),
        pytest.param(1, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 0}}, False, id="none may lack"),
        pytest.param(1, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 1}}, True, id="one may lack"),
        pytest.param(2, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 1}}, False, id="one of two may lack"),
        pytest.param(3, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": "99%"}}, False, id="two of three"),
        pytest.param(3, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": "100%"}}, True, id="all of three"),
        pytest.param(1, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 5}}, True, id="more than there are"),
        pytest.param(1, {"type": "Recreate", "rollingUpdate": None}, False, id="all at once"),
    ],
)
def test_minimum_of_available_pods(api, replicas, strategy, available):
    deployment(api, tag="broken", replicas=replicas, strategy=strategy)
    there = until(api, lambda obj: counts(obj) == (replicas, replicas, 0) and condition(obj, "Available"))
    reason = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
    words = f"Deployment {'has' if available else 'does not have'} minimum availability."
    assert status_and_reason(there, "Available") == (str(available), reason)
    assert condition(there, "Available")["message"] == words


def test_time_of_available_is_that_of_its_last_change(api):
    seen = seen_until(api, deployment(api), "NewReplicaSetAvailable")
    assert told(seen, "Available") == [("False", "MinimumReplicasUnavailable"), ("True", "MinimumReplicasAvailable")]
    first, there = next(obj for obj in seen if condition(obj, "Available")), seen[-1]
    assert there["status"]["availableReplicas"] == 1
    since = condition(there, "Available")
    assert since["lastTransitionTime"] >= condition(first, "Available")["lastTransitionTime"]
    assert since["lastTransitionTime"] == since["lastUpdateTime"]
    observed(api, push(api, "1.2.2"))
    until(api, lambda obj: counts(obj) == (1, 1, 1) and status_and_reason(obj) == COMPLETE)
    change(api, replicas=0)
    none = until(api, lambda obj: counts(obj) == (0, 0, 0))
    assert condition(none, "Available") == since
    change(api, replicas=1)
    assert status_and_reason(until(api, lambda obj: counts(obj) == (1, 1, 0)), "Available")[0] == "False"


# --- ReplicaFailure ---


def quota(api, pods):
    """Create a quota of pods, and wait until it is in force."""
    api.made(api.quotas, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": str(pods)}}})
    api.until(api.quotas, "few", lambda obj: obj.get("status", {}).get("hard") == {"pods": str(pods)})


def refusal(used, limited):
    return (
        rf'pods "{REPLICA_SET}-[bcdfghjklmnpqrstvwxz2456789]{{5}}" is forbidden: exceeded quota: few, '
        rf"requested: pods=1, used: pods={used}, limited: pods={limited}"
    )


def test_quota_refuses_more_pods_until_it_is_gone(api):
    quota(api, 2)
    deployment(api)
    until(api, lambda obj: counts(obj) == (1, 1, 1) and status_and_reason(obj) == COMPLETE)
    change(api, replicas=4)
    short = until(api, lambda obj: condition(obj, "ReplicaFailure") and counts(obj) == (2, 2, 2))
    failure = condition(short, "ReplicaFailure")
    assert status_and_reason(short, "ReplicaFailure") == ("True", "FailedCreate")
    assert re.fullmatch(refusal(2, 2), failure["message"])
    assert failure["lastTransitionTime"] == failure["lastUpdateTime"]
    assert short["status"]["unavailableReplicas"] == 2
    assert status_and_reason(short, "Available") == ("False", "MinimumReplicasUnavailable")
    assert status_and_reason(short) == COMPLETE
    api("DELETE", f"{api.quotas}/few")
    whole = until(api, lambda obj: counts(obj) == (4, 4, 4))
    assert condition(whole, "ReplicaFailure") == {}


def test_quota_that_leaves_nothing_for_a_new_deployment(api):
    quota(api, 0)
    deployment(api)
    seen = until_reason(api, "ProgressDeadlineExceeded")
    assert counts(seen) == (0, 0, 0)
    assert status_and_reason(seen, "ReplicaFailure") == ("True", "FailedCreate")
    assert re.fullmatch(refusal(0, 0), condition(seen, "ReplicaFailure")["message"])
    change(api, replicas=0)
    until(api, lambda obj: status_and_reason(obj) == COMPLETE and not condition(obj, "ReplicaFailure"))


def test_quota_counts_the_pods_of_all_deployments(api):
    quota(api, 1)
    deployment(api, name="other")
    api.until(api.deployments, "other", lambda obj: obj.get("status", {}).get("replicas") == 1)
    deployment(api)
    short = until_reason(api, "FailedCreate", "ReplicaFailure")
    assert re.fullmatch(refusal(1, 1), condition(short, "ReplicaFailure")["message"])


# --- paused ---


def test_paused_deployment_is_not_timed_until_it_is_resumed(api):
    deployment(api)
    until_reason(api, "NewReplicaSetAvailable")
    change(api, paused=True)
    paused = until_reason(api, "DeploymentPaused")
    assert status_and_reason(paused) == PAUSED
    assert condition(paused)["message"] == "Deployment is paused"
    assert counts(observed(api, push(api, "broken"))) == (1, 0, 1)
    assert told(until_after(api, LONG_AFTER)) == [PAUSED]
    change(api, replicas=2)
    assert until(api, lambda obj: obj["status"].get("availableReplicas") == 2)["status"].get("updatedReplicas") is None
    resumed = api.merged(PATH.format(api.deployments), {"spec": {"paused": False}})
    seen = seen_until(api, resumed, "ProgressDeadlineExceeded")
    assert told(seen) == [RESUMED, UPDATED, EXCEEDED]
    words = next(condition(obj)["message"] for obj in seen if status_and_reason(obj) == RESUMED)
    assert words == "Deployment is resumed"
    change(api, paused=True)
    assert told(until_after(api, A_MOMENT)) == [EXCEEDED]


def test_resumed_without_a_change_is_complete(api):
    deployment(api)
    until_reason(api, "NewReplicaSetAvailable")
    change(api, paused=True)
    until_reason(api, "DeploymentPaused")
    resumed = api.merged(PATH.format(api.deployments), {"spec": {"paused": False}})
    assert told(seen_until(api, resumed, "NewReplicaSetAvailable")) == [RESUMED, COMPLETE]


def test_created_paused_has_no_pods(api):
    deployment(api, paused=True)
    until_reason(api, "DeploymentPaused")
    seen = until_after(api, A_MOMENT)
    assert {counts(obj) for obj in seen} == {(0, 0, 0)}
    assert told(seen) == [PAUSED]
    change(api, paused=False)
    until(api, lambda obj: counts(obj) == (1, 1, 1))
