"""Whether a namespace is on its way out: what a controller that may do things in one namespace alone can know of it.

When a namespace is deleted, its Role may go before its Canary objects do, and what only we can do about them could not
be done any more. Kubernetes marks the namespace as terminating five seconds before it deletes anything in it
(``namespaceDeletionGracePeriod`` of kube-controller-manager); that is when a finalizer has to be released.

A Role reaches its own namespace by two paths only: the object's, and the old one of its watch. A list of namespaces,
even of that one by a field selector, is of cluster scope.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from informers.client import READ_SECONDS, KubeClient
from informers.errors import ServerError
from informers.kube_source import LIST_SECONDS, KubeSource, ended_by
from informers.resources import Resource
from informers.source import Page, version_of
from informers.stop import Stop
from informers.types import IdentityError, Json

NAMESPACES = Resource("", "v1", "namespaces", "Namespace")


@dataclass(frozen=True, slots=True)
class NamespaceView:
    """View of a Namespace."""

    name: str
    uid: str
    resource_version: str
    terminating: bool
    namespace: str = ""  # of cluster scope


def view(obj: Mapping[str, Any], _previous: NamespaceView | None) -> NamespaceView:
    """Return the cached view of a Namespace.

    Raises:
        KeyError, TypeError: the object has no metadata.
    """
    meta = obj["metadata"]
    return NamespaceView(meta["name"], meta["uid"], meta["resourceVersion"], bool(meta.get("deletionTimestamp")))


class OneNamespaceSource(KubeSource):
    """Fulfils ``informers.source.Source`` for one Namespace object, by what a Role in it can grant: get and watch."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        """Take the client and the name; a namespace that does not exist is an error until it does."""
        super().__init__(
            client, lambda: NAMESPACES, kind=NAMESPACES.kind, plural=NAMESPACES.plural, namespace=namespace
        )

    def list(
        self,
        *,
        resource_version: str,  # noqa: ARG002  # one object has one version, and no pages
        limit: int,  # noqa: ARG002
        continue_token: str,  # noqa: ARG002
        take: Callable[[Json], None],
        stop: Stop,
    ) -> Page:
        """Read the object; it is the whole list, at its own version. See ``Source.list``."""
        what = f"get {self.name}"
        with self._open("get", {}, READ_SECONDS, stop) as response, ended_by(stop, response, LIST_SECONDS):
            obj = self._client.read(what, response)
        if obj.get("kind") != NAMESPACES.kind:
            raise ServerError(f"{what}: the answer is not a {NAMESPACES.kind}")
        try:
            page = Page(resource_version=version_of(obj), continue_token="")
        except IdentityError as error:
            raise ServerError(f"{what}: the answer is not a {NAMESPACES.kind}: {error}") from error
        take(obj)
        return page

    def _path(self, verb: str) -> str:
        of_all = NAMESPACES.path()
        of_one = NAMESPACES.path(name=self._namespace)
        return of_one if verb == "get" else of_one.replace(of_all, of_all.replace("namespaces", "watch/namespaces"), 1)
