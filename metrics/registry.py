"""Which providers of metrics there are. A new one is one adapter and one line here."""

from collections.abc import Mapping

from metrics.prometheus import PrometheusObserver

OBSERVERS: Mapping[str, type[PrometheusObserver]] = {
    "prometheus": PrometheusObserver,
}
