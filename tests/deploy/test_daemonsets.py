"""What is seen of a DaemonSet: the rules of ``kubectl rollout status daemonset``, and whether it is parked."""

import copy

import pytest

from deploy.daemonsets import view
from deploy.parking import PARKED_LABEL
from deploy.rollout import rollout_status
from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION
from informers.types import FieldError

OBJECT = {
    "metadata": {
        "namespace": "test",
        "name": "agent",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "annotations": {PROMOTED_ANNOTATION: "stamp", FENCE_ANNOTATION: "5"},
    },
    "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "agent", "image": "agent:1"}], "nodeSelector": {"disk": "ssd"}},
        },
    },
    "status": {
        "observedGeneration": 3,
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    },
}


def daemon_set(*, parked=False, spec=(), **status):
    obj = copy.deepcopy(OBJECT)
    obj["spec"].update(spec)
    if parked:
        obj["spec"]["template"]["spec"]["nodeSelector"][PARKED_LABEL] = "true"
    obj["status"].update(status)
    return obj


NONE = {"desiredNumberScheduled": 0, "currentNumberScheduled": 0, "updatedNumberScheduled": 0, "numberAvailable": 0}


def test_view():
    seen = view(OBJECT, None)
    assert (seen.namespace, seen.name, seen.uid, seen.resource_version) == ("test", "agent", "u", "7")
    assert (seen.generation, seen.replicas, seen.promoted, seen.fenced) == (3, 3, "stamp", "5")
    assert (seen.paused, seen.per_node, seen.failure) == (False, True, "")


@pytest.mark.parametrize(
    ("obj", "replicas", "why"),
    [
        pytest.param(daemon_set(), 3, None, id="converged"),
        pytest.param(
            daemon_set(observedGeneration=2),
            3,
            "the change of its spec is not observed yet",
            id="a change not seen yet",
        ),
        pytest.param(
            daemon_set(updatedNumberScheduled=1), 3, "1 of 3 replicas are updated", id="in its rolling update"
        ),
        pytest.param(
            daemon_set(numberAvailable=2), 3, "2 of 3 updated replicas are available", id="a pod that is not ready"
        ),
        pytest.param(daemon_set(desiredNumberScheduled=4), 4, "3 of 4 replicas are updated", id="a new node"),
        pytest.param(
            daemon_set(spec={"updateStrategy": {"type": "OnDelete"}}, updatedNumberScheduled=2),
            3,
            "2 of 3 replicas are updated",
            id="pods that wait for somebody to delete them",
        ),
        pytest.param(daemon_set(parked=True, **NONE), 0, None, id="parked"),
        pytest.param(
            daemon_set(parked=True, observedGeneration=2),
            0,
            "the change of its spec is not observed yet",
            id="parked and not seen yet",
        ),
        pytest.param(
            daemon_set(observedGeneration=2, **NONE),
            1,
            "the change of its spec is not observed yet",
            id="brought back and not seen yet",
        ),
        pytest.param(daemon_set(**NONE), 1, "no node fits its pods", id="not parked, and no node fits"),
    ],
)
def test_convergence(obj, replicas, why):
    seen = view(obj, None)
    assert (seen.replicas, rollout_status(seen)) == (replicas, why)


def test_what_no_node_fits_is_known_once_it_is_observed():
    assert view(daemon_set(**NONE), None).failure == "no node fits its pods"
    assert view(daemon_set(observedGeneration=2, **NONE), None).failure == ""
    assert view(daemon_set(parked=True, **NONE), None).failure == ""


def test_parked_is_no_other_revision():
    before, parked = view(OBJECT, None), view(daemon_set(parked=True), None)
    assert parked.template == before.template
    other = daemon_set(parked=True)
    other["spec"]["template"]["spec"]["nodeSelector"]["disk"] = "hdd"
    assert view(other, None).template.revision != before.template.revision
    assert view(other, None).template.body != before.template.body


def test_template_is_taken_over_while_the_spec_is_unmoved():
    before = view(OBJECT, None)
    assert view(daemon_set(numberAvailable=1), before).template is before.template
    moved = daemon_set()
    moved["metadata"]["generation"] = 4
    assert view(moved, before).template is not before.template


@pytest.mark.parametrize("count", ["1", -1, 2**31])
def test_count_that_is_none_is_refused(count):
    with pytest.raises(FieldError, match="desiredNumberScheduled"):
        view(daemon_set(desiredNumberScheduled=count), None)
