"""The README's walk-through, typed as it stands on real Istio: every line of it, `kubectl exec` included.

Two things differ. Rounds of two seconds, windows of ten and drains of five replace longer ones, so that nobody waits
for half an hour; and the load generator is waited for, which somebody who reads on does as well.
"""

import json
import re

from testbed.processes import pause
from tests.mesh.places import ROOT

QUICK = (
    "helm upgrade flagger charts/flagger --namespace=istio-system --reuse-values --set controlLoopInterval=2s --wait"
)
QUICK_CANARY = (
    "sed -e 's/interval: 1m/interval: 10s/' -e 's/^  canaryAnalysis:/&\\n    drainSeconds: 5/' "
    "artifacts/rollouts/podinfo.yaml | kubectl apply -f -"
)


def blocks(section):
    """Return the shell blocks of a section of the README."""
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    return re.findall(r"^```sh\n(.*?)^```", body, re.DOTALL | re.MULTILINE)


def nothing_to_fix(mesh):
    """Type the README's check until Prometheus has seen the first requests; return its last line."""
    (check,) = re.findall(r"^\$ (kubectl -n istio-system exec.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    for _ in range(60):
        said = mesh.run(check).splitlines()[-1]
        if said.startswith("Nothing to fix"):
            return said
        pause(1)
    raise AssertionError(said)


def test_walk_through_as_written(mesh, alone):
    (install,) = blocks("Install")
    assert "-- flagger check" in mesh.run(install)
    mesh.run(QUICK)
    workloads, load, first, second, third, errors, failure, end = blocks("Release something")
    mesh.run(workloads)
    mesh.run(load)
    mesh.run("kubectl -n test wait pod/load --for=condition=Ready --timeout=60s")
    assert nothing_to_fix(mesh) in (ROOT / "README.md").read_text()
    alone()
    create, *rest = first.splitlines()
    assert create == "kubectl apply -f artifacts/rollouts/podinfo.yaml"
    described = mesh.run("\n".join([QUICK_CANARY, *rest]))
    assert "Promotion completed! Scaling down podinfo-canary.test" in described
    assert "canary.flagger.app/podinfo" in mesh.run(second)
    primary = json.loads(mesh.run("kubectl -n test get deployment podinfo -o json"))
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.4.0")
    mesh.run(third)
    # A shell that ends takes its background with it here, so the errors are sent while the next lines are typed.
    described = mesh.run(f"{errors}\n{failure}\nkill %1 || true")
    assert re.search(r"Halt podinfo.test advancement success rate \d+\.\d+% < 99%", described)
    assert "Rolling back podinfo-canary.test failed checks threshold reached 10" in described
    assert "Canary failed! Scaling down podinfo-canary.test" in described
    mesh.run(end)
    assert mesh.run("kubectl -n test get canaries") == ""
    (grafana,) = blocks("Watch it")
    assert "port-forward" in mesh.run(grafana)
    mesh.run("helm uninstall flagger-grafana --namespace=istio-system; kubectl delete namespace test --wait=false")
