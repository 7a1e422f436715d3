"""The controller that leads is killed at each stage of a promotion and of a rollback.

Its container is started again at once, as a kubelet does, and the standby of the chart leads as soon as the lease lets
it. It comes alone: the chart's controllers are everybody's.
"""

import os
import signal
from itertools import pairwise

from tests.mesh.counting import failures
from tests.mesh.story import now

PER_SECOND = 100


def test_controller_killed_at_each_stage_loses_no_request(new_story, mesh, record_property):
    story = new_story("killed")
    story.add_workloads()
    took = []

    def kill():
        pid, identity = mesh.leader()
        os.kill(pid, signal.SIGKILL)
        began = now()
        took.append(story.until(lambda: mesh.leader()[1] != identity, "another one leads") - began)

    def kill_at(stage, weight):
        def there():
            status = story.status()
            return (status.get("stage"), status.get("canaryWeight", 0)) == (stage, weight)

        story.until(there, f"{stage} at {weight} %", seconds=60)
        kill()

    with story.call(PER_SECOND) as caller:
        story.add_canary(interval="3s", stepWeight=10, maxWeight=30, metrics=[], drainSeconds=10)
        for stage, weight in (("progressing", 10), ("progressing", 20), ("promoting", 30), ("draining", 0)):
            kill_at(stage, weight)
        story.until_state("finished")
        story.until_gone()
        story.release("1.4.0")
        kill_at("starting", 0)
        kill_at("progressing", 20)
        story.annotate("abort", story.status()["canaryRevision"])
        kill()
        kill_at("draining", 0)
        story.until_state("failed")
        gone = story.until_gone()
        story.until_answered(gone)
        caller.check()
    record_property("killed", f"{len(took)} times; another one led after {min(took):.1f} to {max(took):.1f}s")
    record_property("failed", f"{len(failures(story.requests(), 0))} of {len(story.requests())} {story.flags(0)}")
    assert failures(story.requests(), 0) == []
    weights = [weight for _, weight in story.weights]
    weights = weights[weights.index(10) :]  # the first step may be quicker than whoever looks
    assert weights[:4] == [10, 20, 30, 0]
    assert all(after in {before + 10, 0} for before, after in pairwise(weights))
    assert weights[-1] == 0
