"""Names of API resources, and the paths that follow from them.

A ``Resource`` is a value: which version is served is found out by ``informers.discovery`` and put in.
"""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server serves it, e.g. ``Resource("apps", "v1", "deployments", "Deployment")``."""

    group: str  # "" for the core group
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """``group/version``, or ``version`` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def not_served(self) -> str:
        """What to say, and to do, if the API server does not serve it."""
        return (
            f"{self.plural}.{self.group} is not served by the API server: "
            f"install the CustomResourceDefinition of {self.kind}"
        )

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path: of all namespaces, of one, of an object, or of its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


CANARIES = Resource("flagger.app", "v1beta1", "canaries", "Canary")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
SERVICES = Resource("", "v1", "services", "Service")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
EVENTS = Resource("", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
VIRTUAL_SERVICE_GROUP = "networking.istio.io"
VIRTUAL_SERVICE_VERSIONS = ("v1", "v1beta1", "v1alpha3")  # newest first; the newest served one is used


def virtual_services(version: str) -> Resource:
    """Return Istio's VirtualService at a served version."""
    return Resource(VIRTUAL_SERVICE_GROUP, version, "virtualservices", "VirtualService")
