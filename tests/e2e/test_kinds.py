"""Workloads that are no Deployments: what becomes of them, and what is told of it, is the same."""

import pytest

from tests.e2e.stage import QUICK
from tests.fakes.workloads import AS_KIND


@pytest.fixture(params=sorted(AS_KIND.keys() - {"Deployment"}))
def on(stage, request):
    """A namespace with podinfo's workloads as another kind."""
    stage.target_kind = request.param
    stage.add_workloads()
    return stage


def assert_at_rest(on, image):
    assert (on.image("podinfo"), on.replicas("podinfo-canary"), on.weights()) == (image, 0, (100, 0))
    on.until(lambda: on.available("podinfo") and on.available("podinfo-canary"))
    assert on.requests_to_nothing() == 0


def test_promoted_and_then_rolled_back(on):
    on.add_canary(**QUICK, threshold=1, inconclusiveLimit=0)
    with on.controller():
        on.until_state("finished")
        on.tells("quick")
        assert_at_rest(on, "1.2.1")
        on.forget_events()
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(rate=50)
        on.until_state("failed")
    on.tells("rolled-back-at-once", old=old, new=on.status()["canaryRevision"])
    assert_at_rest(on, "1.2.1")


def test_each_pod_of_the_primary_is_waited_for(on):
    on.run_held("1.2.1")
    on.add_canary(**QUICK)
    pods, waiting = on.replicas("podinfo"), "Waiting for podinfo.test rollout to finish:"
    with on.controller():
        on.until_said("Copying podinfo-canary.test template spec")
        on.until_said(f"{waiting} 1 of {pods} replicas are updated")
        for _ in range(pods - 1):
            on.release("podinfo")
        on.until_said(f"{waiting} {pods - 1} of {pods} updated replicas are available")
        assert on.weights() == (50, 50)
        on.release("podinfo")
        on.until_state("finished")
    on.tells("quick")
    assert_at_rest(on, "1.2.1")
