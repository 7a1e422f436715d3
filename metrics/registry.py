"""Which providers of metrics there are: Prometheus, in which the checks are written."""

from collections.abc import Mapping

from metrics.prometheus import PrometheusObserver

OBSERVERS: Mapping[str, type[PrometheusObserver]] = {
    "prometheus": PrometheusObserver,
}
