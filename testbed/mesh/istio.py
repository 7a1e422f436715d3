"""istiod, with Istio's own definitions and its validating webhook."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx

from testbed.cluster.control_plane import ControlPlane, wait_until
from testbed.mesh.agent import XDS
from testbed.mesh.network import NODE
from testbed.processes import Process

WEBHOOK = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio-validator-istio-system"
MANIFESTS = Path(__file__).parent / "istiod.yaml"
_MESH = {
    "accessLogFile": "/dev/stdout",
    "accessLogEncoding": "JSON",
    "defaultConfig": {"discoveryAddress": f"{NODE}:{XDS}"},
}
_UPSTREAM_ENVOY = {  # two filters are in Istio's build of Envoy only
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}


def start_istiod(
    programs: Path, plane: ControlPlane, directory: Path, environ: Mapping[str, str], *, kubeconfig: Path
) -> Process:
    """Start istiod and return once it answers; ProcessError if it does not.

    Args:
        programs: the directory with the programs.
        plane: whose objects it reads.
        directory: for its files.
        environ: more of its settings, such as PILOT_DEBOUNCE_AFTER.
        kubeconfig: with which it does so.
    """
    directory.mkdir(parents=True, exist_ok=True)
    mesh = directory / "mesh.json"
    mesh.write_text(json.dumps(_MESH))
    identity = {
        "POD_NAME": "istiod",
        "POD_NAMESPACE": "istio-system",
        "CLUSTER_ID": "Kubernetes",
        "REVISION": "default",
    }
    settings = {**_UPSTREAM_ENVOY, **identity, "VALIDATION_WEBHOOK_CONFIG_NAME": "istio-validator", **environ}
    arguments = [
        "discovery",
        f"--kubeconfig={kubeconfig}",
        f"--meshConfig={mesh}",
        f"--secureGRPCAddr=:{XDS}",
        "--grpcAddr=:15010",
        "--httpsAddr=:15017",
        "--httpAddr=:8080",
        "--monitoringAddr=:15014",
        "--domain=cluster.local",
    ]
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ["env", f"--chdir={directory}", *given, str(programs / "pilot-discovery"), *arguments]
    process = Process("istiod", command, directory / "istiod.log")
    wait_until(_ready, [process, *plane.processes], "istiod is ready")
    return process


def webhook_is_strict(admin: httpx.Client) -> bool:
    """Whether writes are refused unless istiod allows them."""
    webhooks = admin.get(WEBHOOK).raise_for_status().json()["webhooks"]
    return all(webhook["failurePolicy"] == "Fail" for webhook in webhooks)


def _ready() -> bool:
    try:
        return httpx.get("http://127.0.0.1:8080/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
