"""What is seen of a StatefulSet: the rules of ``kubectl rollout status statefulset``."""

import copy

import pytest

from controller.core.decide import decide
from deploy.rollout import rollout_status
from deploy.statefulsets import HELD, view
from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION
from informers.types import FieldError
from tests.controller.core.builders import MINUTE, NOW, said, starting, workload, world

OBJECT = {
    "metadata": {
        "namespace": "test",
        "name": "db",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "annotations": {PROMOTED_ANNOTATION: "stamp", FENCE_ANNOTATION: "5"},
    },
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}},
    },
    "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
}


def stateful_set(*, partition=None, spec=(), **status):
    obj = copy.deepcopy(OBJECT)
    obj["spec"].update(spec)
    if partition is not None:
        obj["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    obj["status"].update(status)
    return obj


def test_view():
    seen = view(OBJECT, None)
    assert (seen.namespace, seen.name, seen.uid, seen.resource_version, seen.generation) == ("test", "db", "u", "7", 3)
    assert (seen.replicas, seen.promoted, seen.fenced, seen.paused) == (3, "stamp", "5", False)


@pytest.mark.parametrize(
    ("obj", "why"),
    [
        pytest.param(stateful_set(), None, id="converged"),
        pytest.param(
            stateful_set(observedGeneration=2), "the change of its spec is not observed yet", id="a change not seen yet"
        ),
        pytest.param(stateful_set(updatedReplicas=1), "1 of 3 replicas are updated", id="in its rolling update"),
        pytest.param(
            stateful_set(availableReplicas=2), "2 of 3 updated replicas are available", id="a pod that is not ready"
        ),
        pytest.param(
            stateful_set(replicas=1, updatedReplicas=1, availableReplicas=1),
            "1 of 3 replicas are updated",
            id="scaled up one after the other",
        ),
        pytest.param(stateful_set(partition=2, updatedReplicas=1), None, id="all that the partition lets through"),
        pytest.param(
            stateful_set(partition=1, updatedReplicas=1), "2 of 3 replicas are updated", id="not all of them yet"
        ),
        pytest.param(stateful_set(partition=9), None, id="a partition that would hold everything, and nothing to hold"),
        *(
            pytest.param(
                stateful_set(partition=partition, updatedReplicas=0, currentRevision="db-1", updateRevision="db-2"),
                "its partition keeps all pods at the old template",
                id=f"a partition of {partition} that holds everything",
            )
            for partition in (3, 9)
        ),
        pytest.param(
            stateful_set(partition=9, updatedReplicas=0, currentRevision="db-1", updateRevision="db-1"),
            None,
            id="the old template came back",
        ),
        pytest.param(
            stateful_set(partition=2, updatedReplicas=0, currentRevision="db-1", updateRevision="db-2"),
            "2 of 3 replicas are updated",
            id="a partition that lets one through, and it is not there yet",
        ),
        pytest.param(
            stateful_set(partition=2, updatedReplicas=1, currentRevision="db-1", updateRevision="db-2"),
            None,
            id="a partition that has let one through",
        ),
        pytest.param(
            stateful_set(partition=2, replicas=1, updatedReplicas=0, currentRevision="db-1", updateRevision="db-2"),
            "1 of 3 replicas are updated",
            id="the pods below the partition come first",
        ),
        pytest.param(
            stateful_set(spec={"updateStrategy": {"type": "OnDelete"}}, updatedReplicas=2),
            "2 of 3 replicas are updated",
            id="pods that wait for somebody to delete them",
        ),
    ],
)
def test_convergence(obj, why):
    assert rollout_status(view(obj, None)) == why


def test_pods_that_a_partition_holds_all_back_count_as_old_so_that_the_start_is_timed():
    held = {"updatedReplicas": 0, "currentRevision": "db-1", "updateRevision": "db-2"}
    seen = view(stateful_set(partition=3, **held), None)
    assert (seen.current_replicas, seen.updated_replicas, seen.failure) == (3, 0, seen.unready)
    none = view(stateful_set(partition=3, replicas=0, **held), None)
    assert (none.current_replicas, none.unready, none.failure) == (0, "", "")


def test_template_is_taken_over_while_the_spec_is_unmoved():
    before = view(OBJECT, None)
    assert view(stateful_set(availableReplicas=1), before).template is before.template
    moved = stateful_set()
    moved["metadata"]["generation"] = 4
    assert view(moved, before).template is not before.template


@pytest.mark.parametrize("partition", ["1", -1, 2**31])
def test_partition_that_is_none_is_refused(partition):
    with pytest.raises(FieldError, match="partition"):
        view(stateful_set(partition=partition), None)


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (5, f"Waiting for podinfo.test rollout to finish: {HELD} (deployment podinfo-canary.test)"),
        (11, f"Rolling back podinfo-canary.test progress deadline exceeded, {HELD}"),
    ],
)
def test_canary_whose_pods_are_all_held_back_is_not_judged_and_is_rolled_back_in_the_end(minutes, told):
    seen = view(stateful_set(partition=3, updatedReplicas=0, currentRevision="db-1", updateRevision="db-2"), None)
    fields = {field: getattr(seen, field) for field in ("replicas", "current_replicas", "updated_replicas")}
    fields |= {field: getattr(seen, field) for field in ("available_replicas", "failure", "unready")}
    start = starting(start_time=NOW - minutes * MINUTE)
    plan = decide(world(status=start, canary_workload=workload(**fields), weight=0))
    assert said(plan)[0] == told
    assert not plan.observe
