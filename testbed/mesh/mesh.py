"""All of the mesh: the control plane of testbed/cluster, istiod, the nodelet, Prometheus, and the chart."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from testbed.cluster.binaries import find_binaries
from testbed.cluster.commands import call, environ_for, say
from testbed.cluster.control_plane import ControlPlane, schedulable, start_without_nodes, wait_until
from testbed.cluster.definitions import find_definitions
from testbed.cluster.monitoring import Prometheus
from testbed.mesh.istio import MANIFESTS, start_istiod, webhook_is_strict
from testbed.mesh.network import API_SERVER, NODE, make_node
from testbed.mesh.numbers import job
from testbed.mesh.programs import find_programs
from testbed.processes import Process

REPOSITORY = Path(__file__).parents[2]
CHART = ("flagger", str(REPOSITORY / "charts/flagger"), "--namespace=istio-system")
NEEDED = ("etcd", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "prometheus", "helm")
_SCRAPE = timedelta(seconds=1)
_SERVED = (
    "/apis/flagger.app/v1beta1/canaries",
    *(f"/apis/networking.istio.io/{version}/virtualservices" for version in ("v1", "v1beta1", "v1alpha3")),
    "/apis/networking.istio.io/v1alpha3/envoyfilters",
    "/apis/security.istio.io/v1/peerauthentications",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is."""

    state: Path  # a file with the same for other processes
    shell: Path
    processes: Sequence[Process]

    def what_to_type(self) -> list[str]:
        """Return what a user reads."""
        shell = os.path.relpath(self.shell)
        return [
            "",
            "Istio is running: istiod with its webhook, a process and an Envoy per pod, Prometheus, and the controller",
            "(charts/flagger). In another terminal, a shell that is in there:",
            "",
            f"  {shell}",
            "",
            "and in it what the README says under Release something, or any of:",
            "",
            "  kubectl get pods --all-namespaces",
            "  kubectl -n istio-system exec deployment/flagger -- flagger check \\",
            "    --metrics-server=http://prometheus.istio-system:9090 --enable-leader-election",
            "  kubectl -n istio-system logs deployment/flagger --follow",
            "",
            "Ctrl-C ends everything.",
        ]


def start(stack: ExitStack, directory: Path, interval: str, settings: Sequence[str]) -> Places:
    """Start everything in the namespaces that we are in; ProcessError if that fails.

    Args:
        stack: ends it.
        directory: for data, logs and credentials; empty.
        interval: between the rounds of a rollout.
        settings: of istiod, NAME=VALUE.
    """
    binaries, programs = find_binaries(say, NEEDED), find_programs(say)
    began = time.monotonic()
    make_node()
    addresses = (str(NODE), str(API_SERVER))
    plane = start_without_nodes(stack, binaries, directory, port=443, addresses=addresses)
    access = plane.access
    call(binaries, access, "kubectl", "create", "namespace", "istio-system")
    ours = (REPOSITORY / "artifacts/flagger" / f"{name}.yaml" for name in ("crd", "metrictemplates"))
    for path in (*ours, *find_definitions(say)):
        call(binaries, access, "kubectl", "apply", "--server-side", "--filename", str(path))
    nodelet = _start_nodelet(plane, directory, programs)
    stack.callback(nodelet.stop)
    with access.client("admin") as admin:
        wait_until(lambda: all(admin.get(path).is_success for path in _SERVED), plane.processes, "all kinds are served")
        call(binaries, access, "kubectl", "apply", "--filename", str(MANIFESTS))
        environ = dict(setting.split("=", 1) for setting in settings)
        istiod = start_istiod(programs, plane, directory / "istiod", environ, kubeconfig=access.kubeconfig("mesh"))
        stack.callback(istiod.stop)
        targets = directory / "nodes" / "targets"
        prometheus = Prometheus(binaries, directory / "prometheus", job(targets), listen="0.0.0.0:9090", scrape=_SCRAPE)
        stack.callback(prometheus.stop)
        processes = [*plane.processes, nodelet, istiod, prometheus.start()]
        wait_until(lambda: webhook_is_strict(admin), processes, "istiod's webhook is strict")
        wait_until(lambda: schedulable(admin), processes, "all nodes are ready")
    metrics_server = "--set=metricsServer=http://prometheus.istio-system:9090"
    kinds = (f"--set=kinds.{kind}=true" for kind in ("httpRoutes", "metricTemplates"))
    values = (metrics_server, f"--set=controlLoopInterval={interval}", *kinds)
    call(binaries, access, "helm", "upgrade", "--install", *CHART, *values, "--wait", "--timeout=60s")
    state = _write_state(directory, binaries, plane, {"istiod": istiod.pid, "settings": environ})
    say(f"The mesh is ready after {time.monotonic() - began:.0f}s.")
    return Places(state, directory / "shell", processes)


def _start_nodelet(plane: ControlPlane, directory: Path, programs: Path) -> Process:
    options = {
        "access": plane.access.directory,
        "server": plane.access.server,
        "directory": directory / "nodes",
        "programs": programs,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = ["env", f"--chdir={REPOSITORY}", sys.executable, "-m", "testbed.mesh.nodelet", *arguments]
    nodelet = Process("nodelet", command, directory / "logs" / "nodelet.log")
    nodelet.wait_for_lines(1)
    return nodelet


def _write_state(directory: Path, binaries: Path, plane: ControlPlane, more: Mapping[str, object]) -> Path:
    places = {
        "binaries": str(binaries),
        "directory": str(directory),
        "server": plane.access.server,
        "kubeconfig": str(plane.access.kubeconfig("admin")),
        "prometheus": "http://127.0.0.1:9090",
        "auditLog": str(plane.audit_log),
        **more,
    }
    state = directory / "mesh.json"
    state.write_text(json.dumps(places, indent=2) + "\n")
    environ = environ_for(plane.access)
    names = ("KUBECONFIG", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    lines = [f"export {name}='{environ[name]}'" for name in names] + [f"export PATH='{binaries}':$PATH"]
    (directory / "environment").write_text("\n".join(lines) + "\n")
    return state
