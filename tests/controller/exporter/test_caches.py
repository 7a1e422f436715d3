"""The caches, in numbers."""

from dataclasses import dataclass

from controller.exporter.caches import CacheCollector
from controller.kinds import BUILT_IN
from controller.parts import make_parts
from informers.client import KubeClient
from informers.credentials import find_login
from tests.controller.exporter.scrape import Scrape


@dataclass
class FakeInformer:
    objects: int = 3
    problem: str | None = None
    age: float | None = 12.0
    unreadable: int = 0
    has_synced: bool = True

    def alive(self):
        return True

    def __len__(self):
        return self.objects

    def count_unreadable(self):
        return self.unreadable

    def seconds_since_event(self):
        return self.age


def test_size_age_and_health_of_each_cache():
    scrape = Scrape()
    broken = FakeInformer(objects=0, problem="403", age=None, unreadable=2)
    scrape.registry.register(CacheCollector(lambda: [("canaries", "", FakeInformer()), ("services", "test", broken)]))
    canaries, services = {"resource": "canaries", "namespace": ""}, {"resource": "services", "namespace": "test"}
    assert scrape.value("flagger_cache_objects", **canaries) == 3
    assert scrape.value("flagger_cache_last_event_age_seconds", **canaries) == 12
    assert scrape.value("flagger_cache_healthy", **canaries) == 1
    assert scrape.value("flagger_cache_unreadable_objects", **canaries) == 0
    assert scrape.value("flagger_cache_unreadable_objects", **services) == 2
    assert scrape.value("flagger_cache_objects", **services) == 0
    assert scrape.value("flagger_cache_last_event_age_seconds", **services) is None
    assert scrape.value("flagger_cache_healthy", **services) == 0


def test_every_cache_that_is_needed_is_shown_with_its_resource_and_namespace(tmp_path):
    client = KubeClient(find_login(None, "http://127.0.0.1:1", service_account=tmp_path), user_agent="x", pool_size=1)
    parts = make_parts(client, ("prod", "test"), BUILT_IN)
    assert {resource for resource, *_ in parts.by_resource()} == {"canaries"}
    try:
        parts.watched.need(["Deployment", "Service", "VirtualService"])
        shown = [(resource, namespace) for resource, namespace, _ in parts.by_resource()]
        kinds = ("canaries", "deployments", "services", "virtualservices")
        assert sorted(shown) == sorted((kind, namespace) for kind in kinds for namespace in ("prod", "test"))
        assert len(parts.needed()) == len(shown)
    finally:
        parts.stop()
        client.close()
