"""Hosts as Istio resolves them: short names belong to the namespace of the object that names them. Pure.

Source: Istio's VirtualService reference, ``Destination.host``.
"""

from dataclasses import dataclass

from informers.interned import interned

_SERVICE_PARTS = 2  # service.namespace
_CLUSTER_SUFFIX = ("svc", "cluster", "local")


@dataclass(frozen=True, slots=True)
class Host:
    """A host, normalised: equal if two spellings mean the same."""

    service: str
    namespace: str  # "" for a name outside of the cluster


def normalise(host: str, namespace: str) -> Host:
    """Return what a host means in a namespace.

    ``podinfo``, ``podinfo.test``, ``podinfo.test.svc`` and ``podinfo.test.svc.cluster.local`` are one service; anything
    else (``www.example.com``) is external. Any name of two parts (``example.com`` too) is taken for a service and its
    namespace, as Kubernetes' DNS would.
    """
    parts = host.lower().rstrip(".").split(".")
    if len(parts) == 1:
        return Host(interned(parts[0]), namespace)
    suffix = tuple(parts[_SERVICE_PARTS:])
    if suffix == _CLUSTER_SUFFIX[: len(suffix)]:
        return Host(interned(parts[0]), interned(parts[1]))
    return Host(interned(".".join(parts)), "")
