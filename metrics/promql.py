"""The queries of the analysis. Pure.

They are those of the first Flagger, with three repairs: the window is the same on both sides of the fraction; the
numerator falls back to 0, so that a canary of which every answer is a 5xx reads 0 % and not "no data"; and names are
matched exactly, for a ``.`` in a name is a wildcard in a regular expression.
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


def duration(bucket: str, target: Target, interval: str, *, rate: str = "irate") -> str:
    """Return the query for the 99th percentile of the request duration, in the unit of the histogram.

    A quantile in the bucket ``+Inf`` is not known: Prometheus answers with the bound of the largest finite bucket, as
    if it were measured. The factor behind it is -1 then and 1 otherwise, so that a *negative* number means "over that
    bound". The condition is the one of ``histogram_quantile``, no finite bucket reaches the rank; NaN stays NaN.

    Args:
        bucket: name of the histogram's series.
        target: the workload.
        interval: the window.
        rate: ``irate`` takes the last two scrapes of the window, as the original does; ``rate`` takes them all, for a
            workload that had no request between the last two.
    """
    selector = _selector(target)
    total = f'sum({rate}({bucket}{{{selector},le="+Inf"}}[{interval}]))'
    largest = f'max(sum({rate}({bucket}{{{selector},le!="+Inf"}}[{interval}])) by (le))'
    quantile = f"histogram_quantile({QUANTILE}, sum({rate}({bucket}{{{selector}}}[{interval}])) by (le))"
    return f"{quantile} * (1 - 2 * ({largest} < bool {QUANTILE} * {total}))"


def count_of(metric: str, targets: Sequence[Target] = ()) -> str:
    """Return the query for how many series of a metric there are: of these workloads, or of any if none are named.

    Of a histogram one bucket is counted, which says as much as all of them.
    """
    selectors = [_selector(target) for target in targets] or [_DESTINATION]
    return f"count({' or '.join(_one_per_histogram(metric, selector) for selector in selectors)})"


def count_of_other_reporters(metric: str) -> str:
    """Return the query for how many series of a metric come from elsewhere than the destination's own proxy."""
    return f'count({metric}{{reporter!="destination"}})'


def samples_in_two_windows(metric: str, targets: Sequence[Target], interval: str) -> str:
    """Return the query for how many samples two windows hold: of the workload that is scraped least often.

    Only series count that are older than these two windows and still there; without any, there is no answer. Two
    windows tell more than one: a scrape interval just below the window fills it now and then.

    Args:
        metric: name of the series.
        targets: the workloads.
        interval: one window, a whole number with its unit.
    """
    twice = f"{2 * int(interval[:-1])}{interval[-1]}"
    series = [_one_per_histogram(metric, _selector(target)) for target in targets]
    samples = (f"((count_over_time({s}[{twice}]) or 0 * {s}) and {s} and {s} offset {twice})" for s in series)
    return f"min(max({' or '.join(samples)}) by (destination_workload))"


def largest_bucket(bucket: str, targets: Sequence[Target]) -> str:
    """Return the query for the bound of the largest finite bucket that workloads have, in the unit of the histogram.

    PromQL has no function from a label to a number but ``histogram_quantile``: of a histogram with all requests in the
    bucket ``+Inf`` it answers with just that bound.
    """
    finite = " or ".join(f'{bucket}{{{_selector(target)},le!="+Inf"}}' for target in targets)
    infinite = " or ".join(_one_per_histogram(bucket, _selector(target)) for target in targets)
    return f"histogram_quantile(1, 0 * sum({finite}) by (le) or count({infinite}) by (le))"


def _one_per_histogram(metric: str, selector: str) -> str:
    bucket = ',le="+Inf"' if metric.endswith("_bucket") else ""
    return f"{metric}{{{selector}{bucket}}}"


def _selector(target: Target) -> str:
    return (
        f'{_DESTINATION},destination_workload_namespace="{_escaped(target.namespace)}",'
        f'destination_workload="{_escaped(target.workload)}"'
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
