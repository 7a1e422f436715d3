"""istiod is frozen in the middle of a rollback: nothing is scaled before the route is through.

It comes alone: a frozen istiod stops everybody.
"""

import os
import signal

from testbed.processes import pause
from tests.mesh.counting import failures
from tests.mesh.story import now

PER_SECOND = 100
FROZEN_SECONDS = 25  # two refused writes, each after the webhook's ten seconds


def test_rollback_waits_for_istiod_and_says_so(new_story, mesh, record_property):
    story = new_story("frozen")
    story.add_workloads()
    with story.call(PER_SECOND) as caller:
        story.add_canary(interval="3s", stepWeight=30, metrics=[], drainSeconds=5)
        story.until(lambda: story.status().get("canaryWeight") == 30, "30 %")
        pause(1)
        os.kill(mesh.places["istiod"], signal.SIGSTOP)
        began = now()
        try:
            story.annotate("abort", story.status()["canaryRevision"])
            pause(FROZEN_SECONDS)
            ready = next(c for c in story.status()["conditions"] if c["type"] == "Ready")
            said = story.events()
            replicas = story.get("deployments", "podinfo-canary")["spec"]["replicas"]
        finally:
            os.kill(mesh.places["istiod"], signal.SIGCONT)
        story.until_state("failed")
        ended = now()
        gone = story.until_gone()
        story.until_answered(gone)
        caller.check()
    record_property("ended", f"{ended - began - FROZEN_SECONDS:.1f}s after istiod was back, 5 of them the drain")
    record_property("said", f"{ready['status']} {ready['reason']}: {ready['message']}; {said[-1]}")
    assert replicas == 1
    assert ready["status"] == "False"
    assert failures(story.requests(), began) == []
