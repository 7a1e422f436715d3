"""The caller's sidecar hears nothing of istiod for 15 seconds around the end of a rollout, with the drain as shipped.

Only that one sidecar is cut off: its pod names another address of istiod, by Istio's own annotation, and a relay stands
there.
"""

import pytest

from testbed.processes import pause
from tests.mesh.counting import failures
from tests.mesh.relay import Relay
from tests.mesh.story import now

PER_SECOND = 100
CUT_SECONDS = 15
DRAIN_SECONDS = 30


def lingering(obj):
    """Let the primary's old pods serve on for longer than the cut: that sidecar hears of no new ones either."""
    if obj["metadata"]["name"] == "podinfo" and obj["kind"] == "Deployment":
        container = obj["spec"]["template"]["spec"]["containers"][0]
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": CUT_SECONDS + 5}}}


@pytest.mark.parametrize("how", ["hold", "refuse"])
@pytest.mark.parametrize("end", ["promotion", "rollback"])
def test_sidecar_that_learns_late_of_the_end_loses_no_request_to_it(new_story, record_property, end, how):
    story = new_story(f"cut-{end}-{how}")
    story.add_workloads(lingering)
    with Relay() as relay, story.call(PER_SECOND, discovery=relay.address) as caller:
        story.add_canary(interval="8s", stepWeight=30, maxWeight=30, metrics=[])
        if end == "promotion":
            # The route is written once that pod is available, a second or two later.
            story.until(lambda: story.brought("podinfo", of="podinfo-canary"), "the primary's last pod")
        else:
            story.until(lambda: story.status().get("canaryWeight") == 30, "30 %")
            pause(1)
        getattr(relay, how)()
        cut = now()
        if end == "rollback":
            story.annotate("abort", story.status()["canaryRevision"])
        pause(CUT_SECONDS)
        relay.mend()
        story.until_state("finished" if end == "promotion" else "failed")
        gone = story.until_gone()
        story.until_answered(gone)
        caller.check()
    lost = {word: number for word, number in story.flags(cut).items() if word.endswith(" podinfo-canary")}
    routed = story.weights[-1][0]
    last = [request.time for request in story.requests() if request.pod.startswith("podinfo-canary-")][-1]
    record_property("route", f"written {routed - cut:.1f}s after the cut, {len(relay.connected)} connections")
    record_property("to the canary", f"until {last - cut:.1f}s after the cut")
    record_property("failed", f"{len(failures(story.requests(), cut))} {story.flags(cut)}")
    if last - routed < DRAIN_SECONDS:  # Envoy comes back ever more rarely the longer it has tried, up to 30 s
        assert lost == {}
    assert last - cut > CUT_SECONDS - 1  # it was cut off, and nobody had told it
