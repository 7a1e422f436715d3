"""Caches over an API server of the sandbox, for adapters that are tested against it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from controller.kinds import PARTS
from controller.parts import Parts, make_parts
from hack.sandbox.__main__ import ARTIFACTS, DEFINITIONS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from hack.sandbox.cluster import Cluster
from informers.client import KubeClient
from informers.credentials import find_login


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


OBJECTS = (
    "namespaces/test",
    "workloads/primary-deployment",
    "workloads/canary-deployment",
    "workloads/primary-service",
    "workloads/canary-service",
    "workloads/virtual-service",
)


@contextmanager
def live(directory) -> Iterator[Live]:
    with Cluster(tick=timedelta(hours=1)) as cluster:
        cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS])
        cluster.add_files([ARTIFACTS / f"{name}.yaml" for name in OBJECTS])
        login = find_login(str(cluster.kubeconfig(directory / "kubeconfig")), None)
        client = KubeClient(login, user_agent="contract", pool_size=8)
        parts = make_parts(client, ())
        parts.start()
        parts.watched.need(PARTS)
        try:
            assert all(informer.wait_for_sync(10) for informer in parts.all)
            yield Live(cluster, client, parts)
        finally:
            parts.stop()
            client.close()
