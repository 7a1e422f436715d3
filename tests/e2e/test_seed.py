"""The three stories in tests/transcripts, word for word."""

from tests.e2e.stage import Stage


def promote(on: Stage) -> None:
    """Let a rollout run to its end; the primary's second pod waits until the controller has said so."""
    on.until_said("Copying podinfo-canary.test template spec")
    on.release("podinfo")
    on.until_said("1 of 2 updated replicas are available")
    on.release("podinfo")
    on.until_state("finished")


def fail(on: Stage) -> None:
    """Let a rollout do well until weight 15, and then ever worse."""
    on.until_said("Advance podinfo.test canary weight 15")
    rates = (69.17, 61.39, 55.06, 47.00, 45.5, 44.1, 42.2, 41.7, 40.3, 38.08)
    for failed, rate in enumerate(rates, 1):
        on.behave(rate=rate)
        on.until_failed_checks(failed)
    on.behave()
    on.until_state("failed")


def assert_at_rest(on: Stage) -> None:
    assert on.weights() == (100, 0)
    assert on.replicas("podinfo-canary") == 0
    assert on.requests_to_nothing() == 0


def test_promotion_with_six_halts(on):
    on.run_held("1.2.1")
    on.add_canary()
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 15")
        for failed, seconds in enumerate((2.525, 1.567, 0.823), 1):
            on.behave(seconds=seconds)
            on.until_failed_checks(failed)
        on.behave()
        on.until_said("Advance podinfo.test canary weight 30")
        for failed, rate in enumerate((82.33, 87.22, 94.74), 4):
            on.behave(rate=rate)
            on.until_failed_checks(failed)
        on.behave()
        promote(on)
    on.tells("promotion")
    assert on.status()["failedChecks"] == 6
    assert on.image("podinfo") == "1.2.1"
    assert_at_rest(on)


def test_rollback_at_ten_failed_checks(on):
    on.add_canary()
    with on.controller():
        fail(on)
    on.tells("rollback")
    assert on.status()["failedChecks"] == 10
    assert on.image("podinfo") == "1.2.0"
    assert_at_rest(on)


def test_new_revision_after_a_failure(on):
    on.add_canary(threshold=1, inconclusiveLimit=0)
    with on.controller():
        on.behave(rate=50)
        on.until_state("failed")
        on.until(lambda: not on.workload("podinfo-canary")["status"].get("replicas"))  # the old pods are gone
        old = on.status()["canaryRevision"]
        on.forget_events()
        on.behave()
        on.push("1.2.2", held=True)
        on.until_said("0 of 1 updated replicas are available")
        on.release("podinfo-canary")
        promote(on)
    on.tells("new-revision", old=old, new=on.status()["canaryRevision"])
    assert on.status()["failedChecks"] == 0
    assert on.image("podinfo") == "1.2.2"
    assert_at_rest(on)
