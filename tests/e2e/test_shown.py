"""What a person types to see a rollout, and what a pipeline types to wait for it."""

import json

from tests.e2e.beginnings import AT_ONCE, CANARY, at_25, promoted


def test_rollouts_are_seen_waited_for_and_remembered(on):
    with on.controller():
        promoted(on)
        assert "nothing to release, the primary runs 1.2.1" in on.shown("wait")
        on.behave(rate=50.0)
        on.push("1.2.2")
        told = on.shown("wait", "--timeout=100s", code=1)
        assert "podinfo" in told
        assert "1.2.1 → 1.2.2 was rolled back: failed checks threshold reached" in told
        picture = on.shown("get")
        assert "state     failed" in picture
        assert "version   1.2.1 → 1.2.2" in picture
        assert "FailedChecks: failed checks threshold reached" in picture
        newest, before = json.loads(on.shown("history", "--output=json"))
        assert (newest["version"], newest["outcome"], newest["reason"]) == ("1.2.1 → 1.2.2", "failed", "FailedChecks")
        assert (before["version"], before["outcome"]) == ("1.2.0 → 1.2.1", "finished")
        assert min(reading["value"] for reading in newest["worst"] if reading["name"] == "istio_requests_total") < 99
        assert on.shown("history").splitlines()[0].split() == [
            *("VERSION", "OUTCOME", "REASON", "STARTED", "TOOK", "WORST")
        ]


def test_rollout_that_is_held_says_so_until_the_timeout(on):
    with on.controller():
        at_25(on, interval="60s")
        on.ask("hold")
        on.until(lambda: on.status()["reason"] == "Held")
        picture = on.shown("get")
        assert "reason    Held: held by the annotation flagger.app/hold, remove it to go on" in picture
        assert "25 %" in picture
        assert "1.2.0 → 1.2.1" in on.shown("wait", "--timeout=1s", code=2)
        on.ask("resume")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"interval": "2s"}}})
        assert "1.2.1 was promoted" in on.shown("wait", "--timeout=100s")


def test_canary_that_cannot_start_says_why(on):
    on.push("1.2.1", held=True)
    on.add_canary(**AT_ONCE)
    with on.controller():
        on.until(lambda: on.status().get("stage") == "starting")
        picture = on.shown("get")
    assert "CanaryNotConverged" in picture
    assert CANARY in picture
