"""Proxies that learn of a route late: users must not feel the canary's end for all that."""

from hack.processes import pause
from tests.mesh.counting import failures
from tests.mesh.story import ABRUPT, ROOT, now

PER_SECOND = 100
DEAF_SECONDS = 15


def abrupt(obj):
    if obj["kind"] == "Deployment":
        obj["spec"]["template"]["spec"]["containers"][0]["command"] = ABRUPT


def in_network_of_caller(story, call):
    """Change the packet filter of the caller's pod."""
    program = f"from hack.mesh.nftables import *; {call}"
    script = f"cd {ROOT} && .venv/bin/python -c '{program}'"
    story.mesh.run(f'kubectl -n {story.namespace} exec load -- sh -c "{script}"')


def test_rollback_while_the_callers_proxy_hears_nothing_of_istiod_loses_no_request(new_story, record_property):
    story = new_story("deaf")
    story.add_workloads(abrupt)
    with story.call(PER_SECOND) as caller:
        story.add_canary(interval="3s", stepWeight=30, metrics=[], threshold=10, promotion="atOnce")
        story.until(lambda: story.status().get("canaryWeight") == 30, "30 %")
        pause(1)  # the proxies know
        in_network_of_caller(story, "drop_from(15010)")
        began = now()
        story.annotate("abort", story.status()["canaryRevision"])
        pause(DEAF_SECONDS)
        in_network_of_caller(story, "stop_dropping()")
        story.until_state("failed")
        gone = story.until_gone()
        story.until(lambda: story.requests()[-1].time > gone + 2, "requests after the end")
        caller.check()
    requests = story.requests()
    late = [request for request in requests if began + 2 < request.time and request.pod.startswith("podinfo-canary-")]
    record_property(
        "late", f"{len(late)} of {len(requests)}, the last one {late[-1].time - began:.1f}s after the rollback"
    )
    assert len(late) > DEAF_SECONDS  # the proxy did hear nothing
    assert failures(requests, began) == []
