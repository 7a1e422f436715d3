"""Istio's agent in a pod: it starts Envoy, and hands it the certificates and the configuration that istiod gives it.

It is the real program, told by environment variables and files what the injection of Istio would tell it.
"""

import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from testbed.mesh.network import NODE

Json = dict[str, Any]

XDS = 15012  # of istiod, by TLS
STATUS = 15020  # of the agent
PROXY_SOCKET = "etc/istio/proxy/XDS"  # all paths are relative to the directory in which it runs
SECRETS_SOCKET = "var/run/secrets/workload-spiffe-uds/socket"
TOKEN = "var/run/secrets/tokens/istio-token"
AUDIENCE = "istio-ca"  # whom the token is for
ROOT = "var/run/secrets/istio/root-cert.pem"
ANNOTATIONS = "etc/istio/pod/annotations"
BOOTSTRAP = "envoy.json"
_ISTIOD = "istiod.istio-system.svc"  # the name in its certificate


def command_of(meta: Json, programs: Path) -> list[str]:
    """Return what a pod runs as its proxy.

    Args:
        meta: the metadata of the pod.
        programs: the directory with the programs.
    """
    return [str(programs / "pilot-agent"), "proxy", kind_of(meta), f"--domain={meta['namespace']}.svc.cluster.local"]


def kind_of(meta: Json) -> str:
    """Return what the proxy of a pod is to istiod: a router if the pod asks to be made a gateway, else a sidecar.

    Source: gateway injection of Istio, where the pod has one container, istio-proxy, with the image ``auto``.
    """
    gateway = meta.get("annotations", {}).get("inject.istio.io/templates") == "gateway"
    return "router" if gateway else "sidecar"


def environ_of(meta: Json, account: str, address: IPv4Address, programs: Path) -> dict[str, str]:
    """Return the agent's environment.

    Args:
        meta: the metadata of the pod.
        account: of the pod, for which its certificate is.
        address: of the pod.
        programs: the directory with the programs.
    """
    config = {
        "binaryPath": str(programs / "envoy"),
        "customConfigFile": BOOTSTRAP,
        "discoveryAddress": f"{NODE}:{XDS}",
        "concurrency": 1,
    }
    return {
        "POD_NAME": meta["name"],
        "POD_NAMESPACE": meta["namespace"],
        "INSTANCE_IP": str(address),
        "SERVICE_ACCOUNT": account,
        "ISTIO_META_CLUSTER_ID": "Kubernetes",
        "PROXY_CONFIG": json.dumps(config),
        "ISTIOD_SAN": _ISTIOD,
        "ECC_SIGNATURE_ALGORITHM": "ECDSA",  # keys of RSA cost a second of these machines
        "CLOUD_PLATFORM": "none",  # else it looks for the metadata servers of clouds
    }


def files_of(meta: Json, token: str, root: str) -> Mapping[str, str]:
    """Return what a kubelet mounts for the agent, by path.

    Args:
        meta: the metadata of the pod.
        token: by which istiod knows the pod.
        root: the certificate by which the pod knows istiod.
    """
    annotations = "".join(f"{key}={json.dumps(value)}\n" for key, value in meta.get("annotations", {}).items())
    return {TOKEN: token, ROOT: root, ANNOTATIONS: annotations}
