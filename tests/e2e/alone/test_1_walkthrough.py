"""The README's walk-through, typed as it stands, with the controller as its Deployment runs it."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def blocks(section: str) -> list[str]:
    """Return the shell blocks of a section of the README."""
    text = (ROOT / "README.md").read_text()
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    found: list[str] = re.findall(r"^```sh\n(.*?)^```", body, re.DOTALL | re.MULTILINE)
    return found


def test_walk_through_as_written(cluster):
    (install,) = blocks("Install")
    cluster.run(install)
    workloads, first, second, end = blocks("Release something")
    with cluster.pod_of_the_deployment("first") as leader:
        leader.wait_for_lines(3)
        with cluster.pod_of_the_deployment("second"):
            cluster.run(workloads)
            described = cluster.run(first)
            assert "Starting canary deployment for podinfo.test" in described
            assert "Promotion completed! Scaling down podinfo-canary.test" in described
            leader.stop()  # the one that stood by goes on
            seen = cluster.run(second)
            assert "New revision detected podinfo-canary.test" in seen
            primary = json.loads(cluster.run("kubectl -n test get deployment podinfo -o json"))
            assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.4.0")
            assert primary["status"]["availableReplicas"] == 2
            cluster.run(end)
    assert cluster.run("kubectl -n test get canaries") == ""
