"""The queries of the analysis. Pure.

They are those of the first Flagger, with three repairs: the window is the same on both sides of the fraction; the
numerator falls back to 0, so that a canary of which every answer is a 5xx reads 0 % and not "no data"; and names are
matched exactly, for a ``.`` in a name is a wildcard in a regular expression.

A query of one workload has one number for an answer. A query of several has one for each, with ``WORKLOAD_LABELS``, and
it is the number that a query of that workload alone is answered with.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from metrics.types import DEFAULT_QUANTILE, DESTINATION, GRPC, HTTP, Target

_IS_GRPC = ',request_protocol="grpc"'

_GRPC_IN_ORDER = "0|1|3|5|6|7|8|9|10|11|16"
"""Statuses that are no fault of the server.

The others are UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS, what stands for a 5xx
where gRPC is mapped to HTTP. Whoever lists the good ones counts a stream that ended without any status as failed.

Source: OpenTelemetry's semantic conventions, which of a server's spans are errors; google.rpc.Code for the mapping.
"""


WORKLOAD_LABELS = ("destination_workload_namespace", "destination_workload")


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose series are asked for, and the labels that tell one workload's from another's."""

    selector: str
    labels: tuple[str, ...] = ()  # none: there is only one

    def sum(self, vector: str, *more: str) -> str:
        """Return the sum of a vector for each workload, and for each value of further labels."""
        return f"sum({vector}){self._by(*more)}"

    def max(self, vector: str) -> str:
        """Return the maximum of a vector for each workload."""
        return f"max({vector}){self._by()}"

    def zero(self, vector: str) -> str:
        """Return 0 for each workload that a vector has; for a single one also if it has nothing."""
        return f"0 * {vector}" if self.labels else "vector(0)"

    def _by(self, *more: str) -> str:
        labels = ",".join((*self.labels, *more))
        return f" by ({labels})" if labels else ""


def success_rate(of: Target | Sequence[Target], interval: str) -> str:
    """Return the query for the ratio (0..1) of requests that were not answered with a 5xx."""
    return _ratio(_scope(of), "", 'response_code!~"5.*"', interval)


def grpc_success_rate(of: Target | Sequence[Target], interval: str) -> str:
    """Return the query for the ratio (0..1) of gRPC requests of which none of the server's errors came.

    Requests of other protocols are in neither side of the fraction: they have no such status.

    Source: labels ``request_protocol`` and ``grpc_response_status`` of Istio's standard metrics.
    """
    return _ratio(_scope(of), _IS_GRPC, f'grpc_response_status=~"{_GRPC_IN_ORDER}"', interval)


def _ratio(scope: _Scope, which: str, good: str, interval: str) -> str:
    all_of_them = f"{scope.selector}{which}"
    total = scope.sum(f"rate(istio_requests_total{{{all_of_them}}}[{interval}])")
    passed = scope.sum(f"rate(istio_requests_total{{{all_of_them},{good}}}[{interval}])")
    return f"({passed} or {scope.zero(total)}) / {total}"


def duration(
    bucket: str,
    of: Target | Sequence[Target],
    interval: str,
    *,
    quantile: float = DEFAULT_QUANTILE,
    rate: str = "irate",
) -> str:
    """Return the query for a quantile of the request duration, in the unit of the histogram.

    A quantile in the bucket ``+Inf`` is not known: Prometheus answers with the bound of the largest finite bucket, as
    if it were measured. The factor behind it is -1 then and 1 otherwise, so that a *negative* number means "over that
    bound". The condition is the one of ``histogram_quantile``, no finite bucket reaches the rank; NaN stays NaN.

    Args:
        bucket: name of the histogram's series.
        of: the workload, or several.
        interval: the window.
        quantile: between 0 and 1.
        rate: ``irate`` takes the last two scrapes of the window, as the original does; ``rate`` takes them all, for a
            workload that had no request between the last two.
    """
    scope = _scope(of)

    def rates(more: str = "") -> str:
        return f"{rate}({bucket}{{{scope.selector}{more}}}[{interval}])"

    total = scope.sum(rates(',le="+Inf"'))
    largest = scope.max(scope.sum(rates(',le!="+Inf"'), "le"))
    found = f"histogram_quantile({quantile!r}, {scope.sum(rates(), 'le')})"
    return f"{found} * (1 - 2 * ({largest} < bool {quantile!r} * {total}))"


def count_of(metric: str, reporter: str = DESTINATION) -> str:
    """Return the query for how many series of a metric a reporter has.

    Of a histogram one bucket is counted, which says as much as all of them.
    """
    return f"count({_one_per_histogram(metric, _reporter(reporter))})"


def count_of_workloads(metric: str, targets: Sequence[Target], protocol: str = HTTP) -> str:
    """Return the query for how many series of a metric workloads have; with a protocol of its own, only of that."""
    selectors = [f"{_selector(target)}{_IS_GRPC if protocol == GRPC else ''}" for target in targets]
    return f"count({' or '.join(_one_per_histogram(metric, selector) for selector in selectors)})"


def count_of_other_reporters(metric: str, reporter: str = DESTINATION) -> str:
    """Return the query for how many series of a metric come from elsewhere than this reporter."""
    return f'count({metric}{{reporter!="{_escaped(reporter)}"}})'


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


def _scope(of: Target | Sequence[Target]) -> _Scope:
    if isinstance(of, Target):
        return _Scope(_selector(of))
    namespaces, workloads = {target.namespace for target in of}, {target.workload for target in of}
    # Every workload in every namespace: more than was asked for if names differ, and no number is another for it.
    (reporter,) = {target.reporter for target in of}
    return _Scope(
        f"{_reporter(reporter)},destination_workload_namespace=~{_one_of(namespaces)},"
        f"destination_workload=~{_one_of(workloads)}",
        WORKLOAD_LABELS,
    )


def _one_of(names: Collection[str]) -> str:
    """Return the regular expression, in quotes, for any of some names of objects, of which it misreads the dot."""
    return '"' + "|".join(sorted(name.replace(".", "[.]") for name in names)) + '"'


def _selector(target: Target) -> str:
    return (
        f'{_reporter(target.reporter)},destination_workload_namespace="{_escaped(target.namespace)}",'
        f'destination_workload="{_escaped(target.workload)}"'
    )


def _reporter(name: str) -> str:
    return f'reporter="{_escaped(name)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
