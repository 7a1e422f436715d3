"""What users feel of a promotion and of a rollback, on real proxies: the canary's end loses no request."""

import pytest

from tests.mesh.counting import failures, shares
from tests.mesh.story import ABRUPT, now

PER_SECOND = 100
SETTLE = 1.0  # seconds until proxies have taken over a weight: ten times what it takes on an idle machine


def polite(_obj):
    """Podinfo as made: it serves for three seconds after SIGTERM."""


def abrupt(obj):
    if obj["kind"] == "Deployment":
        obj["spec"]["template"]["spec"]["containers"][0]["command"] = ABRUPT


@pytest.mark.parametrize("pods", [polite, abrupt])
def test_requests_follow_the_weights_and_no_end_loses_any(new_story, mesh, record_property, pods):
    story = new_story(pods.__name__)
    late = int(mesh.places["settings"].get("PILOT_DEBOUNCE_AFTER", "0s")[:-1])  # seconds that istiod waits
    story.add_workloads(pods)
    with story.call(PER_SECOND) as caller:
        story.add_canary(interval=f"{late + 3}s", stepWeight=10)
        story.until_state("finished")
        story.until_answered(story.until_gone())
        promoted = now()
        story.release("1.4.0")
        story.until(lambda: story.status().get("canaryWeight") == 30, "30 %")
        began = now()
        story.annotate("abort", story.status()["canaryRevision"])
        story.until_state("failed")
        gone = story.until_gone()
        story.until_answered(gone)
        caller.check()
    requests = story.requests()
    (first_end, second_end) = [since for since, weight in story.weights if weight == 0][-2:]
    measured = shares(requests, story.weights, settle=SETTLE + late)
    record_property("requests", len(requests))
    record_property("failed", f"{len(failures(requests, 0))} {story.flags(0)}")
    record_property("shares", ", ".join(map(str, measured)))
    # The proxy says to which side it sent what failed: a primary whose pods stop at once loses some by its own update.
    assert [word for word in story.flags(first_end) if word.endswith("podinfo-canary")] == []
    if pods is polite:
        assert failures(requests, first_end, promoted) == []
    assert failures(requests, second_end) == []
    assert began < second_end
    if not late:  # else a weight has hardly arrived when the next one is written
        assert [share for share in measured if not share.fits] == []
    assert {share.weight for share in measured} == {0, 10, 20, 30, 40, 50}
    if pods is polite and not late:  # endpoints come late as well, and the primary's rollover feels it
        assert failures(requests, 0) == []
