"""The registry that ``/metrics`` shows, with what the client library knows of process, platform and memory."""

from prometheus_client import CollectorRegistry as Registry
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

__all__ = ["Registry", "make_registry"]


def make_registry() -> Registry:
    """Return a registry of our own: the library's is shared by the whole process, tests included."""
    registry = Registry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
