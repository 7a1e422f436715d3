"""The services behind the hosts of a route. Pure.

Source of the port names: Istio's protocol selection, by the prefix of the port's name or by ``appProtocol``.
"""

from collections.abc import Mapping
from typing import Any

from router.types import Backend, Service, ServicePort

_HTTP = ("http", "https", "http2", "grpc", "grpc-web")
_APP_PROTOCOLS = frozenset({*_HTTP, "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"})
_WITH_CLUSTER_IP = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
_EXTERNAL_NAME = "ExternalName"
HEADLESS = "headless"


def view(obj: Mapping[str, Any], _previous: Service | None) -> Service:
    """Return the cached view of a Service.

    Raises:
        KeyError, TypeError, AttributeError: the object is not a Service.
    """
    meta, spec = obj["metadata"], obj["spec"]
    return Service(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        kind=HEADLESS if spec.get("clusterIP") == "None" else spec.get("type") or "ClusterIP",
        ports=tuple(
            ServicePort(port.get("name") or "", port.get("appProtocol") or "") for port in spec.get("ports") or ()
        ),
        selector=tuple(sorted((spec.get("selector") or {}).items())),
    )


def backend(service: Service) -> Backend:
    """Return what stands behind a service; Kubernetes ignores the selector of an ExternalName."""
    return Backend(_problem(service), selector=() if service.kind == _EXTERNAL_NAME else service.selector)


def _problem(service: Service) -> str | None:
    where = f"service {service.name}.{service.namespace}"
    if service.kind not in _WITH_CLUSTER_IP:
        return f"{where} is {_with_article(service.kind)}, it must be a ClusterIP service"
    if not service.selector:
        return f"{where} has no selector, it must select the pods of one Deployment"
    if not any(_speaks_http(port) for port in service.ports):
        named = ", ".join(port.name or "(no name)" for port in service.ports) or "none"
        return f"{where} has no port named http or https (its ports: {named})"
    return None


def _speaks_http(port: ServicePort) -> bool:
    name = port.name
    return name in _HTTP or name.split("-", 1)[0] in _HTTP or port.app_protocol.lower() in _APP_PROTOCOLS


def _with_article(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "AEIO" else kind
