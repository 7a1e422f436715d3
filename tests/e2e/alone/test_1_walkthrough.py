"""The README's walk-through, typed as it stands, with the controller as its Deployment runs it."""

import json
import re
from pathlib import Path

import httpx

from testbed.processes import pause

ROOT = Path(__file__).parents[3]
ERRORS = {"errorRatio": 0.6, "latencyMs": 20}


def blocks(section: str) -> list[str]:
    """Return the shell blocks of a section of the README."""
    text = (ROOT / "README.md").read_text()
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    found: list[str] = re.findall(r"^```sh\n(.*?)^```", body, re.DOTALL | re.MULTILINE)
    return found


def nothing_to_fix(cluster, deployment) -> str:
    """Return the last line of what the README's check says, once Prometheus has seen the first requests."""
    arguments = ("check", f"--metrics-server={cluster.places['prometheus']}", "--enable-leader-election")
    for number in range(20):
        said = cluster.execute(f"check-{number}", deployment, *arguments).splitlines()[-1]
        if said.startswith("Nothing to fix"):
            return said
        pause(0.5)
    raise AssertionError(said)


GONE = 'until [ -z "$(kubectl get canaries --all-namespaces -o name)" ]; do sleep 0.5; done'
"""Namespaces of other tests may still be on their way out, and a canary without its parts is something to fix."""


def test_walk_through_as_written(cluster):
    cluster.run(GONE)
    (install,) = blocks("Install")
    assert "-- flagger check" in cluster.run(install)
    deployment = json.loads(cluster.run("kubectl -n istio-system get deployment flagger -o json"))
    quick = ("--port=0", "--control-loop-interval=2s", f"--metrics-server={cluster.places['prometheus']}")
    workloads, load, first, second, third, errors, failure, end = blocks("Release something")
    with cluster.pod("first", deployment, *quick) as leader:
        leader.wait_for_lines(3)
        with cluster.pod("second", deployment, *quick):
            cluster.run(workloads)
            cluster.run(load)
            assert nothing_to_fix(cluster, deployment) in (ROOT / "README.md").read_text()
            described = cluster.run(first)
            assert "Starting canary deployment for podinfo.test" in described
            assert "Promotion completed! Scaling down podinfo-canary.test" in described
            leader.stop()  # the one that stood by goes on
            seen = cluster.run(second)
            assert "canary.flagger.app/podinfo" in seen
            primary = json.loads(cluster.run("kubectl -n test get deployment podinfo -o json"))
            assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.4.0")
            assert primary["status"]["availableReplicas"] == 2
            cluster.run(third)
            assert "exec load -c load -- timeout" in errors  # nothing runs in these pods, so the mesh is told instead
            httpx.put(f"{cluster.places['admin']}/mesh/test/podinfo-canary", json=ERRORS).raise_for_status()
            described = cluster.run(failure)
            assert "Rolling back podinfo-canary.test failed checks threshold reached 10" in described
            assert "Canary failed! Scaling down podinfo-canary.test" in described
            cluster.run(end)
    assert cluster.run("kubectl -n test get canaries") == ""
    (grafana,) = blocks("Watch it")
    assert "port-forward" in cluster.run(grafana)
    cluster.run("kubectl -n istio-system rollout status deployment/flagger-grafana --timeout=60s")
