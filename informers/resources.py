"""Names of API resources, and the paths that follow from them.

A ``Resource`` is a kind at one version. Which of an ``ApiKind`` is served is found out by ``informers.discovery``.
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


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A kind in every version that we understand, of which the API server may serve some, or none."""

    group: str
    versions: tuple[str, ...]  # newest first: the newest served one is used
    plural: str
    kind: str

    @property
    def newest(self) -> Resource:
        """Return the kind at the newest version, which is also the one that messages name."""
        return self.at(self.versions[0])

    def at(self, version: str) -> Resource:
        """Return the kind at a version."""
        return Resource(self.group, version, self.plural, self.kind)
