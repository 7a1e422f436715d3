"""What the DaemonSet controller says of a DaemonSet, and what becomes of it when no node fits its pods any more."""

import pytest
import yaml

from deploy.parking import PARKED_LABEL
from testbed.cluster.control_plane import NODES
from testbed.sandbox.__main__ import ARTIFACTS
from tests.fakes.workloads import as_daemon_set

NAME = "podinfo-canary"
A_MOMENT = 2  # seconds
COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "updatedNumberScheduled",
    "numberReady",
    "numberAvailable",
)
ALL, NONE = (NODES,) * 5, (0,) * 5
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
OWN = {"kubernetes.io/os": "linux"}


def daemon_set(api, *, tag="1.2.1", node_selector=OWN, **spec):
    """Create the canary as a DaemonSet, and return it."""
    obj = as_daemon_set(yaml.safe_load((ARTIFACTS / "workloads" / "canary-deployment.yaml").read_text()))
    obj["metadata"] |= {"namespace": api.namespace, "name": NAME}
    obj["spec"] |= spec
    obj["spec"]["template"]["spec"] |= {"nodeSelector": node_selector}
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = image(tag)
    return api.made(api.daemon_sets, obj)


def image(tag):
    return f"quay.io/stefanprodan/podinfo:{tag}"


def push(api, tag):
    """Change the image, and return the DaemonSet as the API server has it then."""
    operation = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image(tag)}
    answer = api("PATCH", f"{api.daemon_sets}/{NAME}", [operation], kind=JSON_PATCH)
    assert answer.status_code == 200, answer.text
    return answer.json()


def select(api, **node_selector):
    """Change the node selector as the controller does, and return the answer."""
    keys = {key.replace("__", "/").replace("_", "."): value for key, value in node_selector.items()}
    return api.merged(f"{api.daemon_sets}/{NAME}", {"spec": {"template": {"spec": {"nodeSelector": keys}}}})


def park(api, value="true"):
    patch = {"spec": {"template": {"spec": {"nodeSelector": {PARKED_LABEL: value}}}}}
    return api.merged(f"{api.daemon_sets}/{NAME}", patch)


def is_observed(obj, made):
    return obj["status"].get("observedGeneration") == made["metadata"]["generation"]


def until(api, holds):
    return api.until(api.daemon_sets, NAME, lambda obj: obj["status"].get("observedGeneration") and holds(obj))


def until_counts(api, *wanted):
    return until(api, lambda obj: counts(obj) == wanted)


def counts(obj):
    """Return how many pods are wanted, there, of the newest template, ready, and available."""
    return tuple(obj["status"].get(key, 0) for key in COUNTS)


def later(api):
    """Return how many pods are wanted, there, of the newest template, ready, and available, from now on."""
    return {counts(obj) for obj in api.shown(api.daemon_sets, NAME, seconds=A_MOMENT)}


def selector(obj):
    return obj["spec"]["template"]["spec"].get("nodeSelector")


def test_defaults(api):
    made = daemon_set(api)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    assert (made["spec"]["updateStrategy"], made["spec"]["revisionHistoryLimit"]) == (rolling, 10)
    assert made["metadata"]["generation"] == 1
    zeros = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
    assert made["status"] == zeros


def test_pods_come_together_on_every_node(api):
    made = daemon_set(api)
    seen = []
    for obj in api.shown(api.daemon_sets, NAME, since=made["metadata"]["resourceVersion"]):
        seen.append(obj)
        if counts(obj) == ALL:
            break
    assert any(counts(obj) == (NODES, NODES, NODES, 0, 0) for obj in seen)
    assert seen[-1]["status"]["observedGeneration"] == 1
    assert "numberUnavailable" not in seen[-1]["status"]
    assert seen[-1]["status"]["numberMisscheduled"] == 0


def test_update_goes_from_node_to_node(api):
    daemon_set(api)
    before = until_counts(api, *ALL)
    made = push(api, "1.2.2")
    assert made["metadata"]["generation"] == before["metadata"]["generation"] + 1
    seen = []
    for obj in api.shown(api.daemon_sets, NAME, since=made["metadata"]["resourceVersion"]):
        seen.append(obj)
        if is_observed(obj, made) and counts(obj) == ALL:
            break
    assert next(counts(obj)[2] for obj in seen if is_observed(obj, made)) == 0
    assert min(obj["status"].get("numberAvailable", 0) for obj in seen) == NODES - 1


@pytest.mark.parametrize(("at_once", "left"), [(2, 1), ("50%", 1), ("100%", 0)])
def test_more_nodes_at_once(api, at_once, left):
    daemon_set(api, updateStrategy={"rollingUpdate": {"maxUnavailable": at_once}})
    until_counts(api, *ALL)
    made = push(api, "broken")
    there = until(api, lambda obj: is_observed(obj, made) and counts(obj)[2:] == (NODES - left, left, left))
    assert counts(there)[:2] == (NODES, NODES)


def test_broken_pod_stops_an_update_and_is_replaced_once_its_template_was_mended(api):
    daemon_set(api)
    until_counts(api, *ALL)
    push(api, "broken")
    until_counts(api, NODES, NODES, 1, NODES - 1, NODES - 1)
    assert later(api) == {(NODES, NODES, 1, NODES - 1, NODES - 1)}
    push(api, "1.2.2")
    until_counts(api, *ALL)


def test_on_delete_waits_for_somebody(api):
    daemon_set(api, updateStrategy={"type": "OnDelete"})
    until_counts(api, *ALL)
    made = push(api, "1.2.2")
    waits = until(api, lambda obj: is_observed(obj, made))
    assert counts(waits) == (NODES, NODES, 0, NODES, NODES)
    assert later(api) == {(NODES, NODES, 0, NODES, NODES)}


def test_on_delete_has_the_new_template_after_it_was_parked(api):
    daemon_set(api, updateStrategy={"type": "OnDelete"})
    until_counts(api, *ALL)
    park(api)
    until_counts(api, *NONE)
    push(api, "1.2.2")
    park(api, None)
    until_counts(api, *ALL)


def test_parked_has_no_pods_and_gets_them_back(api):
    daemon_set(api)
    before = until_counts(api, *ALL)
    parked = park(api)
    assert selector(parked) == {**OWN, PARKED_LABEL: "true"}
    assert parked["metadata"]["generation"] == before["metadata"]["generation"] + 1
    there = until(api, lambda obj: is_observed(obj, parked) and counts(obj) == NONE)
    until(api, lambda obj: obj["status"]["numberMisscheduled"] == 0)
    assert there["spec"]["template"]["spec"] == parked["spec"]["template"]["spec"]
    back = park(api, None)
    assert back["spec"] == before["spec"]
    assert back["metadata"]["generation"] == before["metadata"]["generation"] + 2
    until(api, lambda obj: is_observed(obj, back) and counts(obj) == ALL)


def test_parked_twice_or_brought_back_twice_moves_nothing(api):
    made = daemon_set(api, node_selector=None)
    assert selector(made) is None
    assert park(api, None)["metadata"]["generation"] == 1
    assert selector(park(api)) == {PARKED_LABEL: "true"}
    assert park(api)["metadata"]["generation"] == 2
    back = park(api, None)
    assert (selector(back), back["metadata"]["generation"]) == (None, 3)
    assert park(api, None)["metadata"]["generation"] == 3


def test_change_while_parked_is_observed_without_pods(api):
    daemon_set(api)
    park(api)
    made = push(api, "1.2.2")
    there = until(api, lambda obj: is_observed(obj, made))
    assert counts(until_counts(api, *NONE)) == NONE
    assert there["status"].get("updatedNumberScheduled", 0) == 0
    assert later(api) == {NONE}


def test_no_node_fits(api):
    made = daemon_set(api, node_selector={"nobody": "here"})
    there = until(api, lambda obj: is_observed(obj, made))
    assert counts(there) == NONE
    assert later(api) == {NONE}


def test_one_node_fits(api):
    daemon_set(api, node_selector={"kubernetes.io/hostname": "node-1"})
    until_counts(api, 1, 1, 1, 1, 1)


def test_nodes_that_fit_no_more(api):
    daemon_set(api)
    until_counts(api, *ALL)
    select(api, kubernetes_io__hostname="node-1")
    until_counts(api, 1, 1, 1, 1, 1)


def test_there_is_no_scale(api):
    daemon_set(api)
    refused = api("PATCH", f"{api.daemon_sets}/{NAME}/scale", {"spec": {"replicas": 0}}, kind=MERGE_PATCH)
    assert refused.status_code == 404


def test_selector_is_immutable(api):
    daemon_set(api)
    patch = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    refused = api("PATCH", f"{api.daemon_sets}/{NAME}", patch, kind=MERGE_PATCH)
    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")


def test_table(api):
    daemon_set(api)
    until_counts(api, *ALL)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    shown = api.http.get(api.daemon_sets, headers=accept).json()
    columns = [column["name"] for column in shown["columnDefinitions"] if not column["priority"]]
    assert columns == ["Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"]
    assert shown["rows"][0]["cells"][:7] == [NAME, *ALL, "kubernetes.io/os=linux"]
