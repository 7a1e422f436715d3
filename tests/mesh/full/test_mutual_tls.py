"""Nothing but mutual TLS in a namespace: plain text is refused, and a rollout goes as it does without."""

from tests.mesh.counting import failures, shares
from tests.mesh.story import CALLER, now

PER_SECOND = 100
SETTLE = 1.0
OUTSIDER = "outsider"
STRICT = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "default"},
    "spec": {"mtls": {"mode": "STRICT"}},
}


def add_outsider(story):
    """Add a pod without a sidecar: it has no certificate."""
    meta = {"name": OUTSIDER, "labels": {"sidecar.istio.io/inject": "false"}}
    spec = {"containers": [{"name": "curl", "image": "curlimages/curl", "command": ["sleep", "infinity"]}]}
    story.add({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    story.until(lambda: story.get("pods", OUTSIDER)["status"]["phase"] == "Running", "the outsider runs")


def asked(story, pod, url):
    """Return the body and the status of an answer; status 000 if there was none."""
    curl = f"curl --silent --max-time 5 --write-out ' %{{http_code}}' {url} || true"
    body, _, status = story.mesh.run(f"kubectl -n {story.namespace} exec {pod} -- {curl}").rpartition(" ")
    return body, status.strip()


def by_plain_text(story):
    """Return what the outsider is answered by each pod of podinfo."""
    pods = story.pods("podinfo") + story.pods("podinfo-canary")
    addresses = [pod["status"]["podIP"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return {asked(story, OUTSIDER, f"http://{address}:9898/")[1] for address in addresses}


def test_rollout_under_strict_mutual_tls_loses_no_request(new_story, record_property):
    story = new_story("strict")
    story.add_workloads()
    add_outsider(story)
    assert by_plain_text(story) == {"200"}  # Istio's default is to take both
    story.add(STRICT)
    story.until(lambda: by_plain_text(story) == {"000"}, "plain text is refused")
    with story.call(PER_SECOND) as caller:
        identity = f"URI=spiffe://cluster.local/ns/{story.namespace}/sa/default"
        assert identity in asked(story, CALLER, "http://podinfo:9898/headers")[0]
        story.add_canary(interval="3s", stepWeight=25)
        story.until_state("finished")
        story.until_answered(story.until_gone())
        refused = by_plain_text(story)  # by the new pods
        story.release("1.4.0")
        story.until(lambda: story.status().get("canaryWeight") == 50, "50 %")
        refused |= by_plain_text(story)
        began = now()
        story.annotate("abort", story.status()["canaryRevision"])
        story.until_state("failed")
        story.until_answered(story.until_gone())
        caller.check()
    measured = shares(story.requests(), story.weights, settle=SETTLE)
    record_property("shares", ", ".join(map(str, measured)))
    record_property("failed", f"{len(failures(story.requests(), 0))} of {len(story.requests())} {story.flags(0)}")
    assert refused == {"000"}
    assert began < story.weights[-1][0]
    assert [share for share in measured if not share.fits] == []
    assert {share.weight for share in measured} == {0, 25, 50}
    assert failures(story.requests(), 0) == []
