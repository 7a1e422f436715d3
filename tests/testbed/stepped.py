"""A sandbox that is never started: tests step it by hand, on a clock of their own."""

from datetime import UTC, datetime, timedelta

import yaml

from testbed.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import Cluster


class Clock:
    def __init__(self):
        self.time = datetime(2018, 10, 10, 12, tzinfo=UTC)

    def __call__(self):
        return self.time

    def advance(self, seconds):
        self.time += timedelta(seconds=seconds)


class Stepped:
    """A cluster that is never started."""

    def __init__(self):
        self.clock = Clock()
        self.cluster = Cluster(now=self.clock, pod_delay=timedelta(seconds=2), requests_per_second=100.0)
        self.cluster.add_files([VIRTUAL_SERVICE_CRD, ARTIFACTS / "namespaces" / "test.yaml"])

    def add(self, name, change=lambda _: None):
        (obj,) = yaml.safe_load_all((ARTIFACTS / "workloads" / f"{name}.yaml").read_text())
        change(obj)
        self.cluster.add(obj)

    def after(self, seconds):
        self.clock.advance(seconds)
        self.cluster.step()
        return self.status() if self.object() else None

    def status(self, name="podinfo"):
        status = self.object(name)["status"]
        return tuple(status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))

    def object(self, name="podinfo"):
        return self.cluster.api.store.get(("apps", "deployments"), ("test", name))

    def condition(self, kind, name="podinfo"):
        return next((c for c in self.object(name)["status"]["conditions"] if c["type"] == kind), {})

    def progressing(self, name="podinfo"):
        return self.condition("Progressing", name)["reason"]

    def change(self, change, name="podinfo"):
        kind = next(k for k in self.cluster.api.objects.kinds() if k.kind == "Deployment")

        def apply(obj):
            change(obj["spec"])
            return obj

        self.cluster.api.objects.change(kind, "v1", "test", name, apply)


def image(tag):
    def change(spec):
        spec["template"]["spec"]["containers"][0]["image"] = f"podinfo:{tag}"

    return change
