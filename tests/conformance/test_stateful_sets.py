"""What the StatefulSet controller says of a StatefulSet, and what becomes of it by its scale subresource."""

import pytest
import yaml

from testbed.sandbox.__main__ import ARTIFACTS
from tests.fakes.workloads import as_stateful_set

NAME = "podinfo-canary"
A_MOMENT = 2  # seconds
COUNTS = ("replicas", "currentReplicas", "updatedReplicas", "readyReplicas", "availableReplicas")
JSON_PATCH = "application/json-patch+json"


def stateful_set(api, *, tag="1.2.1", **spec):
    """Create the canary as a StatefulSet, and return it."""
    obj = as_stateful_set(yaml.safe_load((ARTIFACTS / "workloads" / "canary-deployment.yaml").read_text()))
    obj["metadata"] |= {"namespace": api.namespace, "name": NAME}
    obj["spec"] |= spec
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = image(tag)
    return api.made(api.stateful_sets, obj)


def image(tag):
    return f"quay.io/stefanprodan/podinfo:{tag}"


def push(api, tag):
    """Change the image, and return the StatefulSet as the API server has it then."""
    operation = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image(tag)}
    answer = api("PATCH", f"{api.stateful_sets}/{NAME}", [operation], kind=JSON_PATCH)
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(api, **spec):
    """Change the spec, and return the StatefulSet as the controller has observed that."""
    made = api.merged(f"{api.stateful_sets}/{NAME}", {"spec": spec})
    return until(api, lambda obj: is_observed(obj, made))


def is_observed(obj, made):
    return obj["status"].get("observedGeneration") == made["metadata"]["generation"]


def until(api, holds):
    return api.until(api.stateful_sets, NAME, lambda obj: "updateRevision" in obj.get("status", {}) and holds(obj))


def until_counts(api, *wanted):
    return until(api, lambda obj: counts(obj) == wanted)


def counts(obj):
    """Return how many pods there are, of the old and of the new revision, ready, and available."""
    return tuple(obj["status"].get(key, 0) for key in COUNTS)


def revisions(obj):
    return obj["status"]["currentRevision"], obj["status"]["updateRevision"]


def later(api):
    """Return how many pods there are, of the old and of the new revision, ready, and available, from now on."""
    return {counts(obj) for obj in api.shown(api.stateful_sets, NAME, seconds=A_MOMENT)}


def scaled(api, replicas):
    """Scale as the controller does, and return the answer."""
    path = f"{api.stateful_sets}/{NAME}/scale"
    return api("PATCH", path, {"spec": {"replicas": replicas}}, kind="application/merge-patch+json")


def test_defaults(api):
    spec = stateful_set(api)["spec"]
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert (spec["podManagementPolicy"], spec["revisionHistoryLimit"]) == ("OrderedReady", 10)
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_pods_come_one_after_the_other(api):
    made = stateful_set(api, replicas=3)
    assert made["metadata"]["generation"] == 1
    seen = []
    for obj in api.shown(api.stateful_sets, NAME, since=made["metadata"]["resourceVersion"]):
        seen.append(obj)
        if "status" in obj and counts(obj) == (3, 3, 3, 3, 3):
            break
    assert all(obj["status"]["replicas"] - obj["status"].get("availableReplicas", 0) <= 1 for obj in seen)
    current, update = revisions(seen[-1])
    assert current == update
    assert current.startswith(f"{NAME}-")
    assert seen[-1]["status"]["observedGeneration"] == 1


def test_update_is_counted_and_becomes_current_once_it_is_through(api):
    stateful_set(api, replicas=2)
    before = until_counts(api, 2, 2, 2, 2, 2)
    made = push(api, "1.2.2")
    assert made["metadata"]["generation"] == before["metadata"]["generation"] + 1
    begun = until(api, lambda obj: is_observed(obj, made) and counts(obj)[:3] == (2, 1, 1))
    old, new = revisions(begun)
    assert (old, new != old) == (revisions(before)[0], True)
    done = until(api, lambda obj: revisions(obj) == (new, new))
    assert counts(done) == (2, 2, 2, 2, 2)


def test_template_that_was_there_before_has_its_revision_again(api):
    stateful_set(api, replicas=1)
    first = revisions(until_counts(api, 1, 1, 1, 1, 1))
    push(api, "1.2.2")
    until(api, lambda obj: first[0] not in revisions(obj))
    push(api, "1.2.1")
    assert revisions(until(api, lambda obj: revisions(obj) == first)) == first


def test_broken_pod_stops_an_update(api):
    stateful_set(api, replicas=2)
    until_counts(api, 2, 2, 2, 2, 2)
    push(api, "broken")
    until_counts(api, 2, 1, 1, 1, 1)
    assert later(api) == {(2, 1, 1, 1, 1)}


def test_broken_pod_is_waited_for_after_its_template_was_mended(api):  # kubernetes/kubernetes#67250
    stateful_set(api, replicas=1, tag="broken")
    until_counts(api, 1, 1, 1, 0, 0)
    made = push(api, "1.2.1")
    until(api, lambda obj: is_observed(obj, made))
    assert later(api) == {(1, 1, 0, 0, 0)}


def test_partition_keeps_old_pods_at_their_template(api):
    stateful_set(api, replicas=3)
    until_counts(api, 3, 3, 3, 3, 3)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    change(api, updateStrategy=strategy)
    push(api, "1.2.2")
    held = until_counts(api, 3, 2, 1, 3, 3)
    assert len(set(revisions(held))) == 2
    assert later(api) == {(3, 2, 1, 3, 3)}
    change(api, updateStrategy={"rollingUpdate": {"partition": 0}})
    assert len(set(revisions(until_counts(api, 3, 3, 3, 3, 3)))) == 1


def test_on_delete_waits_for_somebody(api):
    stateful_set(api, replicas=2, updateStrategy={"type": "OnDelete"})
    before = until_counts(api, 2, 2, 2, 2, 2)
    made = push(api, "1.2.2")
    waits = until(api, lambda obj: is_observed(obj, made))
    assert counts(waits) == (2, 2, 0, 2, 2)
    assert revisions(waits)[0] == revisions(before)[0] != revisions(waits)[1]
    assert later(api) == {(2, 2, 0, 2, 2)}


def test_on_delete_has_the_new_template_after_a_scale_to_zero(api):
    stateful_set(api, replicas=2, updateStrategy={"type": "OnDelete"})
    until_counts(api, 2, 2, 2, 2, 2)
    scaled(api, 0)
    until_counts(api, 0, 0, 0, 0, 0)
    made = push(api, "1.2.2")
    until(api, lambda obj: is_observed(obj, made))
    scaled(api, 2)
    there = until(api, lambda obj: obj["status"].get("availableReplicas") == 2)
    assert there["status"]["updatedReplicas"] == 2


def test_change_at_nothing(api):
    stateful_set(api, replicas=0)
    none = until_counts(api, 0, 0, 0, 0, 0)
    made = push(api, "1.2.2")
    there = until(api, lambda obj: is_observed(obj, made) and revisions(obj)[1] != revisions(none)[1])
    assert counts(there) == (0, 0, 0, 0, 0)
    scaled(api, 1)
    there = until(api, lambda obj: obj["status"].get("availableReplicas") == 1)
    assert there["status"]["updatedReplicas"] == 1


@pytest.mark.parametrize("replicas", [0, 3])
def test_scale(api, replicas):
    stateful_set(api, replicas=1)
    before = until_counts(api, 1, 1, 1, 1, 1)
    answer = scaled(api, replicas)
    assert answer.status_code == 200
    scale = answer.json()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"].get("replicas", 0) == replicas
    assert scale["status"]["replicas"] == 1
    assert scale["status"]["selector"] == "app=podinfo-canary"
    after = api("GET", f"{api.stateful_sets}/{NAME}").json()
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert after["spec"] == {**before["spec"], "replicas": replicas}
    there = until_counts(api, *[replicas] * 5)
    assert len(set(revisions(there))) == 1


def test_scale_to_what_it_is_moves_no_generation(api):
    stateful_set(api, replicas=1)
    before = until_counts(api, 1, 1, 1, 1, 1)
    assert scaled(api, 1).status_code == 200
    after = api("GET", f"{api.stateful_sets}/{NAME}").json()
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_scale_on_another_version_is_a_conflict(api):
    made = stateful_set(api, replicas=1)
    until_counts(api, 1, 1, 1, 1, 1)
    patch = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"replicas": 0}}
    refused = api("PATCH", f"{api.stateful_sets}/{NAME}/scale", patch, kind="application/merge-patch+json")
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"serviceName": "other"}, id="serviceName"),
        pytest.param({"podManagementPolicy": "Parallel"}, id="podManagementPolicy"),
        pytest.param({"selector": {"matchLabels": {"app": "other"}}}, id="selector"),
    ],
)
def test_what_is_immutable(api, spec):
    stateful_set(api, replicas=0)
    refused = api("PATCH", f"{api.stateful_sets}/{NAME}", {"spec": spec}, kind="application/merge-patch+json")
    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")


def test_table(api):
    stateful_set(api, replicas=2)
    until_counts(api, 2, 2, 2, 2, 2)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    shown = api.http.get(api.stateful_sets, headers=accept).json()
    columns = [column["name"] for column in shown["columnDefinitions"] if not column["priority"]]
    assert columns == ["Name", "Ready", "Age"]
    assert shown["rows"][0]["cells"][:2] == [NAME, "2/2"]


def test_pods_together(api):
    made = stateful_set(api, replicas=3, podManagementPolicy="Parallel")
    seen = api.shown(api.stateful_sets, NAME, since=made["metadata"]["resourceVersion"])
    there = next(obj for obj in seen if "status" in obj and counts(obj)[0] == 3)
    assert there["status"].get("availableReplicas", 0) == 0
