"""Objects that are deleted or doubled, and controllers that come and go."""

import pytest

from tests.e2e.stage import QUICK, artifact


def test_canary_object_deleted_in_mid_rollout(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.delete("canaries", "podinfo")
        on.until(lambda: on.get("canaries", "podinfo") is None)
        assert on.weights() == (100, 0)
        on.until_said("is being deleted")
    on.tells("object-deleted")
    assert on.image("podinfo") == "1.2.0"


def test_two_canaries_on_one_workload(on):
    on.add_canary(**QUICK)
    on.add_canary(lambda obj: obj["metadata"].update(name="younger"), **QUICK)
    with on.controller():
        on.until_said("Halt younger.test")
        on.until_state("finished")
    told = on.events()
    halt = next(event for event in told if "younger.test" in event)
    told.remove(halt)
    assert "canary podinfo.test is older and names the same workload or route" in halt
    assert not any("younger" in event for event in told)
    assert on.status("younger").get("canaryWeight", 0) == 0


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_controller_that_comes_and_goes_at_each_stage(on, end):
    on.push("1.2.1", held=True)
    on.add_canary(**QUICK)
    stages = (
        lambda: on.until_said("1 of 2 running replicas are old"),
        lambda: (on.release("podinfo-canary"), on.until_said("canary weight 25"), on.behave(rate=90)),
        lambda: (on.until_failed_checks(1), on.until_said("success rate"), on.behave()),
        lambda: on.until_said("Copying podinfo-canary.test template spec"),
        lambda: (on.release("podinfo"), on.until_said("1 of 2 updated replicas are available")),
        lambda: (on.release("podinfo"), on.until_state("finished")),
    )
    for play in stages:
        with on.controller() as process:
            play()
            if end == "killed":
                process.kill()
    on.tells("restarted")
    assert on.image("podinfo") == "1.2.1"
    assert on.weights() == (100, 0)
    assert on.requests_to_nothing() == 0


def test_controller_that_is_away_while_a_version_fails(on):
    on.add_canary(**QUICK, threshold=2)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(rate=90)
        on.until_failed_checks(1)
    with on.controller():
        on.until_state("failed")
    on.tells("restarted-and-failed")
    assert on.weights() == (100, 0)


def test_object_may_be_made_again(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.delete("canaries", "podinfo")
        on.until(lambda: on.get("canaries", "podinfo") is None)
        on.add(artifact("rollouts/podinfo"))
        on.until(lambda: on.weights() == (95, 5))
