"""Reads a registry as Prometheus would."""

from prometheus_client import CollectorRegistry


class Scrape:
    """A registry, and what it shows now."""

    def __init__(self):
        self.registry = CollectorRegistry()

    def value(self, series, /, **labels):
        return self.registry.get_sample_value(series, labels)

    def series(self, name):
        return [s for metric in self.registry.collect() for s in metric.samples if s.name == name]

    def about(self, name):
        """Return the names of all series with a label of that value."""
        return {s.name for metric in self.registry.collect() for s in metric.samples if name in s.labels.values()}
