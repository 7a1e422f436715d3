"""Which provider of metrics there is, and the one place where an observer is made: Prometheus' HTTP API.

Thanos, Mimir, VictoriaMetrics and others answer to it as well. Another provider is one more module that fulfils
``metrics.types.MetricsObserver``, and the choice between the two is made here.
"""

from collections.abc import Sequence
from typing import Protocol

from metrics.prometheus import Counter, PrometheusObserver
from metrics.types import MetricsObserver


def _not_counted(_outcome: str, _seconds: float) -> None:
    """Count nothing."""


class Settings(Protocol):
    """What the command line says of metrics. ``controller.flags.Options`` fulfils it."""

    @property
    def metrics_server(self) -> str:
        """Base address."""

    @property
    def allowed_metrics_servers(self) -> Sequence[str]:
        """More addresses that may be asked."""


def make_observer(settings: Settings, *, at_once: int, count: Counter = _not_counted) -> MetricsObserver:
    """Return what asks for readings.

    Args:
        settings: whom to ask.
        at_once: how many queries of each address may be under way at once.
        count: called for every query: outcome and seconds.

    Raises:
        metrics.address.MetricsServerError: it cannot be asked with these settings.
    """
    return PrometheusObserver(
        settings.metrics_server, threads=at_once, others=settings.allowed_metrics_servers, count=count
    )
