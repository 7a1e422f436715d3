"""The queries of the analysis. Pure.

They are the seed's, with three repairs: the window is the same on both sides of the fraction; the numerator falls back
to 0, so that a canary of which every answer is a 5xx reads 0 % and not "no data"; and names are matched exactly, for a
``.`` in a name is a wildcard in a regular expression.
"""

from collections.abc import Sequence

from metrics.types import Target

QUANTILE = 0.99
_DESTINATION = 'reporter="destination"'


def success_rate(target: Target, interval: str) -> str:
    """Return the query for the ratio (0..1) of requests that were not answered with a 5xx."""
    selector = _selector(target)
    return (
        f'(sum(rate(istio_requests_total{{{selector},response_code!~"5.*"}}[{interval}])) or vector(0)) / '
        f"sum(rate(istio_requests_total{{{selector}}}[{interval}]))"
    )


def duration(bucket: str, target: Target, interval: str) -> str:
    """Return the query for the 99th percentile of the request duration, in the unit of the histogram."""
    selector = _selector(target)
    return f"histogram_quantile({QUANTILE}, sum(irate({bucket}{{{selector}}}[{interval}])) by (le))"


def count_of(metric: str, targets: Sequence[Target] = ()) -> str:
    """Return the query for how many series of a metric there are: of these workloads, or of any if none are named.

    Of a histogram one bucket is counted, which says as much as all of them.
    """
    bucket = ',le="+Inf"' if metric.endswith("_bucket") else ""
    selectors = [_selector(target) for target in targets] or [_DESTINATION]
    return f"count({' or '.join(f'{metric}{{{selector}{bucket}}}' for selector in selectors)})"


def count_of_other_reporters(metric: str) -> str:
    """Return the query for how many series of a metric come from elsewhere than the destination's own proxy."""
    return f'count({metric}{{reporter!="destination"}})'


def _selector(target: Target) -> str:
    return (
        f'{_DESTINATION},destination_workload_namespace="{_escaped(target.namespace)}",'
        f'destination_workload="{_escaped(target.workload)}"'
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
