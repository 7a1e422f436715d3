"""The deployment controller of the sandbox, stepped by hand; tests/conformance asks the real one the same."""

from datetime import timedelta

import pytest

from testbed.sandbox.pods import HOLD
from tests.testbed.stepped import image


def test_pods_take_their_time_and_the_generation_is_observed(stepped):
    stepped.add("primary-deployment")
    assert stepped.after(0) == (2, 2, 0)
    assert stepped.after(2) == (2, 2, 2)
    assert stepped.object()["status"]["observedGeneration"] == 1
    assert stepped.progressing() == "NewReplicaSetAvailable"


def test_rollover_stays_within_max_unavailable(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    assert stepped.after(0) == (2, 1, 1)
    assert stepped.after(2) == (2, 2, 1)
    assert stepped.after(2) == (2, 2, 2)


def test_rollover_with_surge_keeps_all_available(stepped):
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(strategy=surge))
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    seen = [stepped.after(0), stepped.after(2), stepped.after(2)]
    assert seen == [(3, 1, 2), (3, 2, 2), (2, 2, 2)]


def test_broken_image_never_becomes_ready_and_exceeds_its_deadline(stepped):
    stepped.add("canary-deployment", lambda obj: image("broken")(obj["spec"]))
    stepped.after(0)
    assert stepped.status("podinfo-canary") == (1, 1, 0)
    stepped.after(59)
    assert stepped.progressing("podinfo-canary") == "ReplicaSetUpdated"
    stepped.after(1)
    assert stepped.progressing("podinfo-canary") == "ProgressDeadlineExceeded"


def test_paused_deployment_does_not_roll(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(lambda spec: spec.update(paused=True))
    stepped.change(image("2"))
    assert stepped.after(1000) == (2, 0, 2)
    assert stepped.progressing() == "DeploymentPaused"
    stepped.change(lambda spec: spec.update(paused=False))
    assert stepped.after(0) == (2, 1, 1)


def test_scaling_down_to_nothing_and_up_again(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.change(lambda spec: spec.update(replicas=0))
    assert stepped.after(0) == (0, 0, 0)
    stepped.change(lambda spec: spec.update(replicas=3))
    assert stepped.after(0) == (3, 3, 0)
    assert stepped.after(2) == (3, 3, 3)


def test_pods_that_are_taken_down_come_back(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.cluster.deployments.take_down("test", "podinfo")
    assert stepped.after(0) == (2, 2, 0)
    assert stepped.progressing() == "NewReplicaSetAvailable"
    stepped.cluster.deployments.bring_up("test", "podinfo")
    assert stepped.after(0) == (2, 2, 2)


def hold(obj):
    obj["spec"]["template"]["metadata"]["annotations"] = {HOLD: "true"}


def test_pods_that_are_held_wait_for_their_release(stepped):
    assert stepped.cluster.deployments.release("test", "podinfo", pods=1) == 0
    stepped.add("primary-deployment", hold)
    stepped.after(0)
    assert stepped.after(100) == (2, 2, 0)
    for ready in (1, 2):
        assert stepped.cluster.deployments.release("test", "podinfo", pods=1) == 1
        stepped.after(0)
        assert stepped.after(2) == (2, 2, ready)
    assert stepped.cluster.deployments.release("test", "podinfo", pods=1) == 0


# --- progress ---


def replicas(number):
    return lambda spec: spec.update(replicas=number)


def rested(stepped):
    """Bring the canary to rest at 0 replicas, with a template that will never become ready."""
    stepped.add("canary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(replicas(0), "podinfo-canary")
    stepped.after(0)
    stepped.change(image("broken"), "podinfo-canary")
    stepped.after(0)


def test_scaling_up_what_was_complete_does_not_start_the_deadline(stepped):
    rested(stepped)
    for number in (1, 2):
        stepped.change(replicas(number), "podinfo-canary")
        stepped.after(0)
        stepped.after(1000)
        assert stepped.status("podinfo-canary") == (number, number, 0)
        assert stepped.progressing("podinfo-canary") == "NewReplicaSetAvailable"
        assert stepped.condition("Available", "podinfo-canary")["status"] == "False"
    assert stepped.cluster.deployments.step() is None


def test_losing_pods_does_not_start_the_deadline(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.cluster.deployments.take_down("test", "podinfo")
    assert stepped.after(1000) == (2, 2, 0)
    assert stepped.progressing() == "NewReplicaSetAvailable"
    assert stepped.condition("Available")["reason"] == "MinimumReplicasUnavailable"


def test_template_of_before_is_timed_when_it_is_pushed_over_a_pod(stepped):
    rested(stepped)
    stepped.change(image("1.2.1"), "podinfo-canary")
    stepped.change(replicas(1), "podinfo-canary")
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("broken"), "podinfo-canary")
    stepped.after(0)
    assert stepped.progressing("podinfo-canary") == "ReplicaSetUpdated"
    stepped.after(60)
    assert stepped.progressing("podinfo-canary") == "ProgressDeadlineExceeded"


def test_step_says_when_a_deadline_will_pass(stepped):
    stepped.add("canary-deployment", lambda obj: image("broken")(obj["spec"]))
    assert stepped.cluster.deployments.step() == timedelta(seconds=60)
    stepped.clock.advance(45)
    assert stepped.cluster.deployments.step() == timedelta(seconds=15)
    stepped.clock.advance(15)
    assert stepped.cluster.deployments.step() is None
    assert stepped.progressing("podinfo-canary") == "ProgressDeadlineExceeded"


def test_deadline_starts_anew_with_every_pod(stepped):
    stepped.add("primary-deployment", hold)
    stepped.after(0)
    stepped.clock.advance(50)
    stepped.cluster.deployments.release("test", "podinfo", pods=1)
    stepped.after(2)
    stepped.after(59)
    assert stepped.progressing() == "ReplicaSetUpdated"
    updated = stepped.condition("Progressing")
    assert (updated["lastTransitionTime"], updated["lastUpdateTime"]) == (
        "2018-10-10T12:00:00Z",
        "2018-10-10T12:00:52Z",
    )
    stepped.after(1)
    exceeded = stepped.condition("Progressing")
    assert (exceeded["reason"], exceeded["lastTransitionTime"]) == ("ProgressDeadlineExceeded", "2018-10-10T12:01:52Z")
    stepped.cluster.deployments.release("test", "podinfo", pods=1)
    stepped.after(2)
    assert stepped.progressing() == "NewReplicaSetAvailable"


# --- rolling ---


def test_fix_replaces_pods_that_never_became_ready_first(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("broken"))
    assert stepped.after(10) == (2, 1, 1)
    stepped.change(image("3"))
    assert stepped.after(0) == (2, 1, 1)
    assert stepped.after(2) == (2, 2, 1)
    assert stepped.after(2) == (2, 2, 2)


def test_recreated_deployment_has_no_two_versions(stepped):
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(strategy={"type": "Recreate"}))
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    assert stepped.after(0) == (2, 2, 0)
    assert stepped.after(2) == (2, 2, 2)


def test_neither_surge_nor_unavailable_means_that_one_may_lack(stepped):
    neither = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(strategy=neither))
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    assert stepped.after(0) == (2, 1, 1)


@pytest.mark.parametrize(("number", "after"), [(8, (8, 4)), (4, (4, 2)), (2, (2, 1)), (0, (0, 0))])
def test_scaling_while_rolling_keeps_the_proportion(stepped, number, after):
    one_by_one = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(strategy=one_by_one, replicas=6))
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("broken"))
    assert stepped.after(0) == (6, 3, 3)
    stepped.change(replicas(number))
    stepped.after(0)
    assert stepped.status()[:2] == after


# --- quotas ---


def quota(stepped, pods):
    stepped.cluster.add(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": "test"},
            "spec": {"hard": {"pods": str(pods), "requests.cpu": "4"}},
        }
    )


def test_quota_holds_for_all_deployments_of_its_namespace(stepped):
    quota(stepped, 3)
    stepped.add("primary-deployment")
    stepped.add("canary-deployment", lambda obj: obj["spec"].update(replicas=2))
    stepped.after(0)
    stepped.after(2)
    assert (stepped.status(), stepped.status("podinfo-canary")) == ((2, 2, 2), (1, 1, 1))
    failure = stepped.condition("ReplicaFailure", "podinfo-canary")
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3" in failure["message"]
    assert stepped.condition("ReplicaFailure") == {}
    found = stepped.cluster.api.store.get(("", "resourcequotas"), ("test", "few"))
    assert found["status"] == {"hard": {"pods": "3"}, "used": {"pods": "3"}}
    kind = next(k for k in stepped.cluster.api.objects.kinds() if k.kind == "Deployment")
    stepped.cluster.api.objects.delete(kind, "test", "podinfo")
    stepped.cluster.step()
    assert stepped.condition("ReplicaFailure", "podinfo-canary") == {}
    assert stepped.status("podinfo-canary")[0] == 2


def test_quota_of_another_namespace_does_not_hold(stepped):
    quota(stepped, 0)
    stepped.add("primary-deployment", lambda obj: obj["metadata"].update(namespace="default"))
    stepped.cluster.step()
    found = stepped.cluster.api.store.get(("apps", "deployments"), ("default", "podinfo"))
    assert found["status"]["replicas"] == 2


def test_rollout_that_needs_one_more_than_the_quota_times_out(stepped):
    quota(stepped, 1)
    stepped.add("canary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"), "podinfo-canary")
    stepped.after(0)
    assert stepped.status("podinfo-canary") == (1, 0, 1)
    assert stepped.condition("ReplicaFailure", "podinfo-canary")["reason"] == "FailedCreate"
    stepped.after(60)
    assert stepped.progressing("podinfo-canary") == "ProgressDeadlineExceeded"
    assert stepped.condition("Available", "podinfo-canary")["status"] == "True"


def test_deployments_with_nothing_left_to_do_are_left_alone_until_something_changes(stepped, monkeypatch):
    looked_at = []
    look = stepped.cluster.deployments._sync

    def sync(deployment, *others):
        looked_at.append(deployment["metadata"]["name"])
        return look(deployment, *others)

    monkeypatch.setattr(stepped.cluster.deployments, "_sync", sync)
    for name in ("primary", "canary"):
        stepped.add(f"{name}-deployment")
    for seconds in (0, 2, 2):
        stepped.after(seconds)
    looked_at.clear()
    assert (stepped.after(3600), looked_at) == ((2, 2, 2), [])
    stepped.cluster.deployments.take_down("test", "podinfo")
    assert (stepped.after(0), set(looked_at)) == ((2, 2, 0), {"podinfo"})
    stepped.cluster.deployments.bring_up("test", "podinfo")
    assert stepped.after(0) == (2, 2, 2)
    stepped.change(lambda spec: spec.update(replicas=3))
    assert [stepped.after(0), stepped.after(2)] == [(3, 3, 2), (3, 3, 3)]
