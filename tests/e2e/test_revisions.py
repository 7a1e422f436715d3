"""Versions that come when another is under way."""

from tests.e2e.stage import QUICK


def test_revision_in_the_midst_of_an_analysis_starts_over(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until_said("New revision detected")
        on.until_state("finished")
    on.tells("revision-in-analysis", old=old, new=on.status()["canaryRevision"])
    assert on.image("podinfo") == "1.2.2"


def test_revision_during_a_promotion_waits_its_turn(on):
    on.run_held("1.2.1")
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Copying podinfo-canary.test template spec")
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.release("podinfo-canary")
        for _ in range(2):
            on.release("podinfo")
        on.until_said("New revision detected")
        for _ in range(2):
            on.release("podinfo")
        on.until_state("finished")
    on.tells("revision-in-promotion", old=old, new=on.status()["canaryRevision"])
    assert on.image("podinfo") == "1.2.2"


def test_template_put_back(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.push("1.2.0")
        on.until_state("finished")
    on.tells("template-put-back", revision=on.status()["canaryRevision"])
    assert on.weights() == (100, 0)


def test_primary_that_is_stuck_is_waited_for(on):
    on.run_held("1.2.1")
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Copying podinfo-canary.test template spec")
        on.until_said("1 of 2 replicas are updated")
        assert on.status()["state"] == "running"
        assert on.weights() == (50, 50)
        for _ in range(2):
            on.release("podinfo")
        on.until_state("finished")
    on.tells("primary-stuck")
