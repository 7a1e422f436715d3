"""``make cluster``: a real control plane with Prometheus and a mesh, and what to type.

With a command, that is run instead, with CLUSTER naming the file that says where everything is; its exit code is ours.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from hack.claims import claimed
from hack.cluster.binaries import find_binaries
from hack.cluster.commands import call, run_until_interrupted, say
from hack.cluster.control_plane import start, wait_until
from hack.cluster.definitions import find_definitions
from hack.cluster.flux import find_definition
from hack.cluster.kubelets import KubeletsOfCluster
from hack.cluster.mesh import MeshOfCluster
from hack.cluster.monitoring import Prometheus
from hack.cluster.releases import find_release
from hack.processes import pause

REPOSITORY = Path(__file__).parents[2]

SERVED = (
    "/apis/flagger.app/v1beta1/canaries",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
    "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
)


def main() -> int:
    """Return 0, or the exit code of the command."""
    parser = argparse.ArgumentParser(prog="python -m hack.cluster", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(".cluster"), help="for data, logs and kubeconfigs")
    parser.add_argument("--port", type=int, default=0, help="of the API server; 0 takes a free one")
    parser.add_argument("--kubernetes", default="", help="another release than that of go.mod, 1.30.14 for example")
    parser.add_argument("command", nargs="*", help="to run once everything is there")
    options = parser.parse_args()
    directory = options.directory.resolve()
    return run_until_interrupted(lambda stack: _run(stack, directory, options))


def _run(stack: ExitStack, directory: Path, options: argparse.Namespace) -> int:
    command = options.command
    stack.enter_context(claimed(directory, "make cluster" if not command else f"hack.cluster -- {' '.join(command)}"))
    binaries, definitions = find_binaries(say), [*find_definitions(say), find_definition(say)]
    if options.kubernetes:
        binaries = find_release(options.kubernetes, binaries, say)
    began = time.monotonic()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    plane = start(stack, binaries, directory, port=options.port)
    access = plane.access
    call(binaries, access, "kubectl", "create", "namespace", "istio-system")  # which Istio would have brought
    ours = (REPOSITORY / "artifacts/flagger" / f"{name}.yaml" for name in ("crd", "metrictemplates"))
    for path in (*ours, *definitions):
        call(binaries, access, "kubectl", "apply", "--server-side", "--filename", str(path))
    with access.client("admin") as admin:  # a new kind is served a moment after its definition is there
        wait_until(lambda: all(admin.get(path).is_success for path in SERVED), plane.processes, "our kinds are served")
    mesh = stack.enter_context(MeshOfCluster(access.kubeconfig("mesh")))
    kubelets = stack.enter_context(KubeletsOfCluster(access.kubeconfig("mesh"), mesh.mesh))
    prometheus = Prometheus(
        binaries, directory / "prometheus", mesh.url.removeprefix("http://"), kubelets=kubelets.target
    )
    stack.callback(prometheus.stop)
    processes = [*plane.processes, prometheus.start()]
    chart = ("flagger", str(REPOSITORY / "charts/flagger"), "--namespace=istio-system")
    values = (f"--set=metricsServer={prometheus.url}", "--set=kinds.httpRoutes=true")
    call(binaries, access, "helm", "upgrade", "--install", *chart, *values)
    controllers = access.kubeconfig_for(
        access.token_of("istio-system", "flagger"), access.directory / "flagger.kubeconfig", namespace="istio-system"
    )
    places = {
        "binaries": str(binaries),
        "directory": str(directory),
        "server": access.server,
        "kubeconfig": str(access.kubeconfig("admin")),
        "controllersKubeconfig": str(controllers),
        "prometheus": prometheus.url,
        "targets": str(prometheus.targets),
        "admin": mesh.url,
        "auditLog": str(plane.audit_log),
    }
    state = directory / "cluster.json"
    state.write_text(json.dumps(places, indent=2) + "\n")
    say(f"The control plane is ready after {time.monotonic() - began:.0f}s.")
    if options.command:
        return subprocess.run(options.command, env={**os.environ, "CLUSTER": str(state)}, check=False).returncode
    say(*_what_to_type(places))
    while True:
        pause(1.0)
        for process in processes:
            process.check()


def _what_to_type(places: dict[str, str]) -> list[str]:
    return [
        "",
        "A Kubernetes control plane is running, with kwok's nodes, Prometheus and a mesh; charts/flagger is installed.",
        "Pods of kwok run nothing, so the controller runs here, as their account. In another terminal:",
        "",
        f"  export KUBECONFIG={places['kubeconfig']} PATH={places['binaries']}:$PATH",
        f"  .venv/bin/flagger --kubeconfig {places['controllersKubeconfig']} \\",
        f"      --metrics-server {places['prometheus']} --control-loop-interval 5s",
        "",
        f"  .venv/bin/flagger check --kubeconfig {places['controllersKubeconfig']} \\",
        f"      --metrics-server {places['prometheus']} --enable-leader-election",
        "",
        "and in a third one, with the same KUBECONFIG and PATH, what the README says under Release something, or:",
        "",
        "  kubectl apply -f artifacts/namespaces -f artifacts/workloads",
        "  kubectl apply -f artifacts/rollouts/podinfo.yaml",
        "  kubectl -n test get canaries -w",
        "  kubectl -n test set image deployment/podinfo-canary podinfod=quay.io/stefanprodan/podinfo:errors",
        f"""  curl -X PUT {places["admin"]}/mesh/test/podinfo-canary -d '{{"errorRatio": 0.2, "latencyMs": 900}}'""",
        "",
        f"  Prometheus, with the alerts: {places['prometheus']}/alerts; it scrapes the controller once it knows of it:",
        f"""  echo '[{{"targets": ["127.0.0.1:8080"]}}]' > {places["targets"]}/flagger.json""",
        "",
        f"  tail -f {places['auditLog']}",
        "",
        "Ctrl-C ends everything.",
    ]


if __name__ == "__main__":
    sys.exit(main())
