"""The services behind the hosts of a route. Pure.

Source of the port names: Istio's protocol selection, by the prefix of the port's name or by ``appProtocol``.
"""

from collections.abc import Mapping
from typing import Any

from informers.fields import items, labels, mapping, text
from informers.interned import interned
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.shapes import Shape
from informers.types import Cache, Unreadable
from router.hosts import normalise
from router.types import Backend, Service, ServicePort

SERVICES = ApiKind("", ("v1",), "services", "Service")

_HTTP = ("http", "https", "http2", "grpc", "grpc-web")
_APP_PROTOCOLS = frozenset({*_HTTP, "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"})
_WITH_CLUSTER_IP = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
_EXTERNAL_NAME = "ExternalName"
HEADLESS = "headless"


def view(obj: Mapping[str, Any], _previous: Service | None) -> Service:
    """Return the cached view of a Service.

    Raises:
        FieldError: a field is not what it must be.
        KeyError: the object has no metadata.
    """
    meta, spec = obj["metadata"], mapping(obj, "spec", "")
    return Service(
        namespace=interned(meta["namespace"]),
        name=interned(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        kind=HEADLESS if spec.get("clusterIP") == "None" else text(spec, "type", "spec.") or "ClusterIP",
        ports=tuple(
            ServicePort(text(port, "name", "spec.ports: "), text(port, "appProtocol", "spec.ports: "))
            for port in items(spec, "ports", "spec.")
        ),
        selector=tuple(sorted(labels(spec, "selector", "spec.").items())),
    )


SHAPE = Shape(spec=("type", "clusterIP", "ports", "selector"))
SERVICE = WatchedKind(SERVICES, view, verbs={"": READ}, discovered=False, shape=SHAPE)


def backend(services: Cache[Service], namespace: str, host: str) -> Backend:
    """Return what stands behind a host; it should be a ClusterIP service of the namespace with an HTTP port."""
    meant = normalise(host, namespace)
    if meant.namespace != namespace:
        return Backend(f"host {host} is not a service of namespace {namespace}")
    found = services.get(namespace, meant.service)
    if found is None:
        return Backend(f"service {meant.service}.{namespace} not found, create it or correct the host", gone=True)
    if isinstance(found, Unreadable):
        return Backend(f"service {meant.service}.{namespace} cannot be read: {found.reason}")
    return backend_of(found)


def backend_of(service: Service) -> Backend:
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
