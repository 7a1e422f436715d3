"""Reads a registry as Prometheus would."""

from prometheus_client import CollectorRegistry


class Scrape:
    """A registry, and what it shows now."""

    def __init__(self):
        self.registry = CollectorRegistry()

    def value(self, series, /, **labels):
        return self.registry.get_sample_value(series, labels)

    def samples(self):
        return [sample for metric in self.registry.collect() for sample in metric.samples]

    def series(self, name):
        return [sample for sample in self.samples() if sample.name == name]

    def about(self, name):
        """Return the names of all series with a label of that value."""
        return {sample.name for sample in self.samples() if name in sample.labels.values()}
