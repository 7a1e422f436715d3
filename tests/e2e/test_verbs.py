"""Verbs where they do not fit: what they do where they do is in test_situations.py, but for a hold at rest.

Commands are refused, and say why. An annotation by hand is not refused: it does nothing, now and later.
"""

import pytest

from tests.e2e.beginnings import AT_ONCE, CANARY, at_25, promoted

LONG = "60s"  # a round that does not come within a story
VERBS = ("abort", "promote", "retry")
HELD_NEXT = "the next rollout gets pods but no traffic"


def refused(on, why):
    """Ask for every verb that speaks of a revision, each of which is refused."""
    for verb in VERBS:
        assert why in on.refused(verb)


def annotated_by_hand(on, revision, *verbs):
    on.annotate(**dict.fromkeys(verbs, f"{revision}@by hand"))


def held_before_its_first_step(on):
    """Wait until the next rollout has its pods and stands at the hold."""
    on.until_said("Ann decides")
    on.until(lambda: on.status().get("stage") == "starting" and on.available(CANARY))
    assert on.replicas(CANARY) > 0
    assert on.weights() == (100, 0)


@pytest.mark.parametrize("stage_of_it", ["starting", "progressing"])
def test_retry_of_what_has_not_failed(on, stage_of_it):
    if stage_of_it == "starting":
        on.push("1.2.1", held=True)
    with on.controller():
        on.add_canary(**{**AT_ONCE, "interval": LONG})
        on.until(lambda: on.status().get("stage") == stage_of_it)
        assert f"has not failed, it is running (stage {stage_of_it}" in on.refused("retry")
        annotated_by_hand(on, on.status()["canaryRevision"], "retry")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"interval": "2s"}}})
        if stage_of_it == "starting":
            for name in (CANARY, "podinfo", "podinfo"):
                on.release(name)
        on.until_state("finished")
    on.tells("promoted-in-one-step")


def test_verbs_after_the_copy(on):
    on.run_held("1.2.1")
    with on.controller():
        on.add_canary(**AT_ONCE)
        on.until_said("Copying podinfo-canary.test template spec")
        revision = on.status()["canaryRevision"]
        assert "there is nothing left to skip" in on.refused("promote")
        assert f"revision {revision} has not failed, its template is being copied" in on.refused("retry")
        assert f"ends as it would have (stage promoting), and {HELD_NEXT}" in on.ask("hold")
        annotated_by_hand(on, revision, "promote", "retry")
        for _ in range(2):
            on.release("podinfo")
        on.until_state("finished")
        assert "no longer held: the next rollout is not held" in on.ask("resume")
    on.tells("promoted-in-one-step")


def test_verbs_while_rolling_back(on):
    with on.controller():
        revision = at_25(on, interval=LONG)
        with on.slow_routes():
            on.ask("abort")
            on.until(lambda: on.status()["stage"] == "rolling-back")
            refused(on, f"revision {revision} is being rolled back (stage rolling-back)")
            assert f"ends as it would have (stage rolling-back), and {HELD_NEXT}" in on.ask("hold")
            annotated_by_hand(on, revision, "abort", "promote")
            assert on.weights() == (75, 25)
        on.until_state("failed")
        assert "no longer held: the next rollout is not held" in on.ask("resume")
    on.tells("aborted", before="Normal   Advance podinfo.test canary weight 25\n")
    assert (on.weights(), on.replicas(CANARY), on.image("podinfo")) == ((100, 0), 0, "1.2.0")


def test_verbs_while_draining_after_a_rollback(on):
    with on.controller():
        revision = at_25(on, interval=LONG, drainSeconds=60)
        on.ask("abort")
        on.until(lambda: on.status()["stage"] == "draining")
        refused(on, f"the analysis of revision {revision} is over (stage draining)")
        assert f"ends as it would have (stage draining), and {HELD_NEXT}" in on.ask("hold")
        assert "no longer held: the next rollout is not held" in on.ask("resume")
        annotated_by_hand(on, revision, "abort", "promote")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"drainSeconds": 0}}})
        on.until_state("failed")
    on.tells("aborted", before="Normal   Advance podinfo.test canary weight 25\n")
    assert (on.weights(), on.replicas(CANARY), on.image("podinfo")) == ((100, 0), 0, "1.2.0")


def test_retry_by_hand_while_rolling_back_waits_for_the_end(on):
    with on.controller():
        revision = at_25(on, interval=LONG)
        with on.slow_routes():
            on.ask("abort")
            on.until(lambda: on.status()["stage"] == "rolling-back")
            annotated_by_hand(on, revision, "retry")
            on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"interval": "2s"}}})
        on.until_state("finished")
    on.tells("retried", revision=revision)


def test_verbs_while_draining_after_a_promotion(on):
    with on.controller():
        on.add_canary(**AT_ONCE, drainSeconds=60)
        on.until(lambda: on.status().get("stage") == "draining")
        revision = on.status()["canaryRevision"]
        refused(on, f"the analysis of revision {revision} is over (stage draining)")
        assert f"ends as it would have (stage draining), and {HELD_NEXT}" in on.ask("hold")
        assert "no longer held: the next rollout is not held" in on.ask("resume")
        annotated_by_hand(on, revision, *VERBS)
        on.until_said("Cannot abort")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"drainSeconds": 0}}})
        on.until_state("finished")
    on.tells("too-late-to-abort", revision=revision)
    assert (on.weights(), on.replicas(CANARY), on.image("podinfo")) == ((100, 0), 0, "1.2.1")


def test_verbs_at_rest_after_a_promotion(on):
    with on.controller():
        old = promoted(on)
        refused(on, f"revision {old}")
        annotated_by_hand(on, old, *VERBS)
        assert "is not held, there is nothing to resume" in on.ask("resume")
        on.annotate(hold="Ann decides")
        assert "held already (Ann decides): no rollout is running, and the next one gets pods" in on.ask("hold")
        on.push("1.2.2")
        held_before_its_first_step(on)
        on.ask("resume")
        on.until(lambda: on.status()["state"] == "finished" and on.image("podinfo") == "1.2.2")
    on.tells("held-at-rest-after-a-promotion", old=old, new=on.status()["canaryRevision"])


def test_verbs_at_rest_after_a_rollback(on):
    with on.controller():
        revision = at_25(on, interval=LONG)
        on.ask("abort")
        on.until_state("failed")
        for verb in ("abort", "promote"):
            assert f"no rollout is running: revision {revision} has failed" in on.refused(verb)
        annotated_by_hand(on, revision, "abort", "promote")
        assert "no rollout is running, and the next one gets pods but no traffic" in on.ask("hold")
        on.annotate(hold="Ann decides")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"interval": "2s"}}})
        assert "It is held, and gets no traffic until you resume it" in on.ask("retry")
        held_before_its_first_step(on)
        assert "the first step follows once pods" in on.ask("resume")
        on.until_state("finished")
    on.tells("held-at-rest-after-a-rollback", revision=revision)
    assert on.image("podinfo") == "1.2.1"
