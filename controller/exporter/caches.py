"""How large the caches are, and how fresh: asked at each scrape, so that no thread has to keep it up to date."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric

from controller.health import WatchedCache, cache_problem

_LABELS = ("resource", "namespace")


class CacheInformer(WatchedCache, Protocol):
    """What is shown of an informer."""

    def __len__(self) -> int:
        """Return the number of objects."""

    def count_unreadable(self) -> int:
        """Return how many of them cannot be read."""


class CacheCollector:
    """Shows informers at the moment of the scrape."""

    def __init__(self, informers: Callable[[], Iterable[tuple[str, str, CacheInformer]]]) -> None:
        """Take what returns the informers, each with the resource and the namespace ("" for all) that it watches."""
        self._informers = informers

    def collect(self) -> Iterator[Metric]:
        """Yield sizes, ages and health."""
        objects = _family("flagger_cache_objects", "Objects in a cache.")
        unreadable = _family("flagger_cache_unreadable_objects", "Objects in a cache that cannot be read.")
        ages = _family(
            "flagger_cache_last_event_age_seconds", "Seconds since the last event of a watch, bookmarks included."
        )
        healthy = _family("flagger_cache_healthy", "1 if the cache is kept up to date, 0 if not.")
        for resource, namespace, informer in self._informers():
            labels = (resource, namespace)
            objects.add_metric(labels, len(informer))
            healthy.add_metric(labels, cache_problem(informer) is None)
            unreadable.add_metric(labels, informer.count_unreadable())
            age = informer.seconds_since_event()
            if age is not None:
                ages.add_metric(labels, age)
        yield from (objects, unreadable, ages, healthy)


def _family(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=_LABELS)
