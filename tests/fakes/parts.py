"""A router and a deployer without an API server; both pass the contract suites of the real ones."""

from collections.abc import Collection
from dataclasses import replace

from deploy.template import promoted_labels
from deploy.types import Workload
from informers.errors import ConflictError, NotFoundError
from informers.types import Unreadable
from router.types import Route, RouteRef, Weights


class FakeRouter:
    """Fulfils ``router.types.Router`` over a dict of routes; a route that is changed behind its back conflicts."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Route] = {}
        self.changed: set[tuple[str, str]] = set()
        self.writes = 0

    def get(self, ref: RouteRef) -> Route | None:
        return self.routes.get((ref.namespace, ref.name))

    def fence(self, ref: RouteRef) -> None:
        key = (ref.namespace, ref.name)
        if key in self.routes:
            self.writes += 1
            if key in self.changed:
                raise ConflictError(f"{ref.name} has changed")

    def shift(self, ref: RouteRef, weights: Weights) -> None:
        key = (ref.namespace, ref.name)
        if key not in self.routes:
            raise NotFoundError(f"{ref.name} is gone")
        if self.routes[key].weights == weights:
            return
        self.writes += 1
        if key in self.changed:
            raise ConflictError(f"{ref.name} has changed")
        self.routes[key] = Route(weights, sends_to_canary=weights.canary > 0)


class FakeDeployer:
    """Fulfils ``deploy.types.Deployer``; what was changed behind the caller's back conflicts."""

    def __init__(self) -> None:
        self.workloads: dict[tuple[str, str], Workload] = {}

    def get(self, namespace: str, name: str) -> Workload | Unreadable | None:
        return self.workloads.get((namespace, name))

    def scale(self, workload: Workload, *, replicas: int) -> None:
        live = self._live(workload)
        moved = 1 if replicas != live.replicas else 0
        self._store(live, replicas=replicas, generation=live.generation + moved)

    def fence(self, workload: Workload) -> None:
        self._store(self._live(workload))

    def copy_template(self, source: Workload, target: Workload, *, stamp: str, identity: Collection[str] = ()) -> None:
        if self._found(source).template.revision != source.template.revision:
            raise ConflictError(f"{source.name} has another template")
        live = self._live(target)
        labels = promoted_labels(source.template, live.template, identity)
        revision = f"{source.template.revision}+"
        template = replace(live.template, body=source.template.body, labels=labels, revision=revision)
        self._store(live, template=template, promoted=stamp, generation=live.generation + 1)

    def _found(self, workload: Workload) -> Workload:
        found = self.workloads.get((workload.namespace, workload.name))
        if found is None:
            raise NotFoundError(f"{workload.name} is gone")
        return found

    def _live(self, workload: Workload) -> Workload:
        live = self._found(workload)
        if live.resource_version != workload.resource_version:
            raise ConflictError(f"{workload.name} has changed")
        return live

    def _store(self, live: Workload, **changes: object) -> None:
        version = str(int(live.resource_version) + 1)
        self.workloads[live.namespace, live.name] = replace(live, resource_version=version, **changes)
