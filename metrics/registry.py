"""Which provider of metrics there is, and the one place where an observer is made: Prometheus' HTTP API.

Thanos, Mimir, VictoriaMetrics and others answer to it as well. Another provider is one more module that fulfils
``metrics.types.MetricsObserver``, and the choice between the two is made here.
"""

from collections.abc import Sequence

from metrics.prometheus import Counter, PrometheusObserver
from metrics.types import MetricsObserver


def _not_counted(_outcome: str, _seconds: float) -> None:
    """Count nothing."""


def make_observer(
    url: str, *, at_once: int, others: Sequence[str] = (), count: Counter = _not_counted
) -> MetricsObserver:
    """Return what asks for readings.

    Args:
        url: base address.
        at_once: how many queries of each address may be under way at once.
        others: more addresses that may be asked.
        count: called for every query: outcome and seconds.

    Raises:
        metrics.address.MetricsServerError: it cannot be asked with these settings.
    """
    return PrometheusObserver(url, threads=at_once, others=others, count=count)
