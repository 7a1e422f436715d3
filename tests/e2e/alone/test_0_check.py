"""``flagger check`` as the controller's own account, before and after the walk-through's objects are there."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.environments import audited

ACCOUNT = "system:serviceaccount:istio-system:flagger"
NOBODY = "system:serviceaccount:default:nobody"
OBJECTS = (
    "namespaces/test",
    *(f"workloads/{side}-{part}" for side in ("primary", "canary") for part in ("deployment", "service")),
    "workloads/virtual-service",
    "rollouts/podinfo",
)
SCRAPED = """
for _ in $(seq 100); do
    curl -s --data-urlencode 'query=count(istio_requests_total{{destination_workload="podinfo"}})' {}/api/v1/query |
        grep -q '"value"' && exit 0
    sleep 0.3
done
exit 1
"""


def check(cluster, *arguments, kubeconfig=None):
    """Return the exit code and the document."""
    command = [sys.executable, "-m", "controller", "check", "-o", "json", *arguments]
    command += ["--kubeconfig", str(kubeconfig or cluster.places["controllersKubeconfig"])]
    command += ["--metrics-server", cluster.places["prometheus"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, json.loads(done.stdout)


def bad(document):
    """Return what is not as it should be, but for the canaries of stories, which may be on their way out."""
    found = {(f["canary"], f["reason"]) for f in document["findings"] if f["level"] != "ok"}
    return {(canary, reason) for canary, reason in found if not (canary or "").startswith("story-")}


def permissions(document):
    return [f["what"] for f in document["findings"] if f["check"] == "permissions"]


def test_before_and_after_the_objects_are_there(cluster):
    lease = ("--enable-leader-election", "--leader-election-namespace=istio-system")
    _, document = check(cluster, *lease)
    # A story may have used the mesh, and no controller of a story stands for election.
    assert bad(document) - {(None, "NoIstioSeries")} == {(None, "NoLeader")}
    assert document["apiServer"]["user"] == ACCOUNT
    assert permissions(document) == [
        f"{ACCOUNT} may do what the controller does in all namespaces",
        f"{ACCOUNT} may do what the controller does in namespace istio-system to lead",
    ]
    for name in OBJECTS:
        cluster.run(f"kubectl apply -f artifacts/{name}.yaml")
    cluster.run("kubectl -n test rollout status deployment/podinfo deployment/podinfo-canary")
    cluster.run(SCRAPED.format(cluster.places["prometheus"]))
    code, document = check(cluster, *lease, "--namespace=test")
    assert (code, bad(document)) == (0, {(None, "NoLeader")})
    cluster.run("kubectl -n test delete service podinfo-canary")
    code, document = check(cluster, "--namespace=test")
    assert (code, bad(document)) == (1, {("test/podinfo", "ServiceNotUsable")})
    cluster.run("kubectl -n test delete canary podinfo && kubectl delete namespace test --timeout=90s")


def test_account_without_rights_is_told_so_and_nothing_is_tried(cluster, tmp_path):
    cluster.run("kubectl create serviceaccount nobody")
    config = json.loads(Path(cluster.places["controllersKubeconfig"]).read_text())
    config["users"][0]["user"]["token"] = cluster.run("kubectl create token nobody").strip()
    kubeconfig = tmp_path / "nobody.kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    code, document = check(cluster, "--namespace=default", kubeconfig=kubeconfig)
    assert code == 1
    assert permissions(document) == [f"{NOBODY} may do nothing that the controller does in namespace default"]
    requests = [request for user, request in audited(cluster.audit_log) if user == NOBODY]
    assert requests
    assert [request for request in requests if request.code == 403] == []
    cluster.run("kubectl delete serviceaccount nobody")
