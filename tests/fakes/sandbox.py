"""Caches over an API server of the sandbox, for adapters that are tested against it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controller.kinds import BUILT_IN, Kinds
from controller.parts import Parts, make_parts
from informers.client import KubeClient
from informers.credentials import find_login
from testbed.sandbox.__main__ import ARTIFACTS, DEFINITIONS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import Cluster

Json = dict[str, Any]


@dataclass
class Live:
    """A cluster whose controllers stand still, a client and synced caches."""

    cluster: Cluster
    client: KubeClient
    parts: Parts

    def object(self, group: str, plural: str, name: str):
        return self.cluster.api.store.get((group, plural), ("test", name))

    def change(self, group: str, plural: str, name: str, change) -> None:
        """Change an object behind everybody's back."""
        kind = next(k for k in self.cluster.api.objects.kinds() if (k.group, k.plural) == (group, plural))

        def apply(obj):
            change(obj)
            return obj

        self.cluster.api.objects.change(kind, kind.versions[0], "test", name, apply)

    def delete(self, group: str, plural: str, name: str) -> None:
        kind = next(k for k in self.cluster.api.objects.kinds() if (k.group, k.plural) == (group, plural))
        self.cluster.api.objects.delete(kind, "test", name)

    def writes(self) -> int:
        return sum(request.verb == "patch" for request in self.cluster.api.log.of("contract"))


SERVED = ("Deployment", "StatefulSet", "DaemonSet", "VirtualService", "HTTPRoute", "Service")
OBJECTS = (
    "namespaces/test",
    "workloads/primary-deployment",
    "workloads/canary-deployment",
    "workloads/primary-service",
    "workloads/canary-service",
    "workloads/virtual-service",
)


@contextmanager
def live(
    directory, kinds: Kinds = BUILT_IN, served: Collection[str] = SERVED, crds: Sequence[Json] = ()
) -> Iterator[Live]:
    """Yield a cluster.

    Args:
        directory: for the kubeconfig.
        kinds: of the caches.
        served: those of them that the cluster serves.
        crds: definitions beside those of the mesh and our own.
    """
    with Cluster(tick=timedelta(hours=1)) as cluster:
        cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS])
        for crd in crds:
            cluster.add(crd)
        cluster.add_files([ARTIFACTS / f"{name}.yaml" for name in OBJECTS])
        login = find_login(str(cluster.kubeconfig(directory / "kubeconfig")), None)
        client = KubeClient(login, user_agent="contract", pool_size=8)
        parts = make_parts(client, (), kinds)
        parts.start()
        parts.watched.need(served)
        try:
            informers = [informer for kind in served for informer in parts.of_kind[kind].all]
            assert all(informer.wait_for_sync(10) for informer in (*parts.canaries.all, *informers))
            yield Live(cluster, client, parts)
        finally:
            parts.stop()
            client.close()
