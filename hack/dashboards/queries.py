"""Every PromQL expression of the dashboards, in one place.

Rules that hold for all of them:

- A canary that is scaled to zero is the usual state of affairs. What can honestly be 0 is 0; what has no value without
  traffic (a share, a percentile) is left out, and its panel says why it is empty.
- Several replicas of the controller may be scraped: canaries are read with ``max by``, so that none counts twice.
- ``>= 0`` drops the NaN of a division by zero.
"""

REQUESTS = "istio_requests_total"
DURATION_CHECKS = "istio_request_duration_.+"
FEW = "5m"

_OBJECT = 'namespace="$namespace", name="$object"'
_JOB = 'job="$job"'


# --- the rollout, as the controller sees it ---


def of_canary(metric: str) -> str:
    """Return the value of one of the controller's series of the chosen canary object."""
    return f"max(flagger_canary_{metric}{{{_OBJECT}}})"


def word_of_canary(label: str) -> str:
    """Return what stands in a label of the series that says why the chosen canary object stands where it does."""
    return f"max by ({label}) (flagger_canary_reason{{{_OBJECT}}})"


def past_rollouts() -> str:
    """Return when rollouts have ended, in milliseconds: those that the controller has shown in the dashboard's time."""
    shown = f"last_over_time(flagger_canary_past_rollout_timestamp_seconds{{{_OBJECT}}}[$__range])"
    return f"1000 * max by (version, outcome, reason) ({shown})"


def since(metric: str) -> str:
    """Return the seconds since a time that the controller reports of the chosen canary object."""
    return f"time() - {of_canary(f'{metric}_timestamp_seconds')}"


def weight(workload: str) -> str:
    """Return the percentage of the requests that a workload gets."""
    return f'max(flagger_canary_weight{{namespace="$namespace", workload="{workload}"}})'


def check(series: str, metric: str) -> str:
    """Return a series of a check: analysis (its last reading), threshold or verdict; the metric is a pattern."""
    return f'max(flagger_canary_metric_{series}{{{_OBJECT}, metric=~"{metric}"}})'


def own_checks(series: str, *by: str) -> str:
    """Return a series of the checks that are queries of the user's own, one for each value of some labels."""
    own_ones = f'{_OBJECT}, metric!~"{REQUESTS}|{DURATION_CHECKS}"'
    return f"max by ({', '.join(by)}) (flagger_canary_metric_{series}{{{own_ones}}})"


def entered(state: int) -> str:
    """Return when the chosen canary object entered a state, in milliseconds: an annotation takes the value as time."""
    at = f"max by (namespace, name) (flagger_canary_last_transition_timestamp_seconds{{{_OBJECT}}})"
    return f"1000 * {at} and on (namespace, name) flagger_canary_status{{{_OBJECT}}} == {state}"


# --- RED: what the mesh measures ---


def _mesh(workload: str, more: str = "") -> str:
    return (
        f'reporter="destination", destination_workload_namespace="$namespace", destination_workload="{workload}"{more}'
    )


def requests(workload: str) -> str:
    """Return requests per second, by response code."""
    rates = f"sum by (response_code) (rate({REQUESTS}{{{_mesh(workload)}}}[$__rate_interval]))"
    return else_zero(rates, "response_code", "no traffic")


def _share(workload: str, which: str) -> str:
    some = f"sum(rate({REQUESTS}{{{_mesh(workload, f', response_code{which}')}}}[$__rate_interval])) or vector(0)"
    total = f"sum(rate({REQUESTS}{{{_mesh(workload)}}}[$__rate_interval]))"
    return f"100 * ({some}) / ({total} > 0)"


def success_rate(workload: str) -> str:
    """Return the percentage of requests that were not answered with a 5xx, as the controller's check computes it."""
    return _share(workload, '!~"5.*"')


def error_rate(workload: str) -> str:
    """Return the percentage of requests that were answered with a 5xx."""
    return _share(workload, '=~"5.*"')


def duration(workload: str, quantile: float) -> str:
    """Return a percentile of the request duration in milliseconds.

    Istio 1.5 renamed the histogram and changed its unit; whichever is there is read.
    """

    def of(unit: str) -> str:
        buckets = f"istio_request_duration_{unit}_bucket{{{_mesh(workload)}}}"
        return f"histogram_quantile({quantile}, sum by (le) (rate({buckets}[$__rate_interval])))"

    return f"({of('milliseconds')} or 1000 * {of('seconds')}) >= 0"


# --- USE: what the kubelets measure ---


def _pods(workload: str, more: str = "") -> str:
    """Match the pods of a Deployment: its name, the hash of a ReplicaSet, five letters; not those of name-canary."""
    return f'namespace="$namespace", pod=~"{workload}-[0-9a-z]+-[0-9a-z]{{5}}"{more}'


_CONTAINERS = ', container!="", container!="POD"'


def cpu(workload: str) -> str:
    """Return the CPU cores that each pod uses."""
    used = f"container_cpu_usage_seconds_total{{{_pods(workload, _CONTAINERS)}}}"
    return else_zero(f"sum by (pod) (rate({used}[$__rate_interval]))", "pod", "no pods")


def throttled(workload: str) -> str:
    """Return the percentage of CPU periods in which each pod wanted more than its limit."""

    def periods(which: str) -> str:
        series = f"container_cpu_cfs_{which}_total{{{_pods(workload, _CONTAINERS)}}}"
        return f"sum by (pod) (rate({series}[$__rate_interval]))"

    return else_zero(f"100 * {periods('throttled_periods')} / ({periods('periods')} > 0)", "pod", "no pods")


def memory(workload: str) -> str:
    """Return the working set of each pod in bytes: what counts against its limit."""
    used = f"container_memory_working_set_bytes{{{_pods(workload, _CONTAINERS)}}}"
    return else_zero(f"sum by (pod) ({used})", "pod", "no pods")


def network(workload: str, direction: str) -> str:
    """Return the bytes per second that all pods receive or transmit."""
    moved = f"container_network_{direction}_bytes_total{{{_pods(workload)}}}"
    return f"sum(rate({moved}[$__rate_interval])) or vector(0)"


def pods(workload: str) -> str:
    """Return how many pods are running."""
    return f"count(count by (pod) (container_memory_working_set_bytes{{{_pods(workload, _CONTAINERS)}}})) or vector(0)"


def else_zero(vector: str, label: str, text: str) -> str:
    """Return the vector, or a 0 whose label says why if it is empty."""
    return f'{vector} or on () label_replace(vector(0), "{label}", "{text}", "", "")'


# --- the controller ---


def own(metric: str, more: str = "") -> str:
    """Select series of the chosen controller."""
    return f"{metric}{{{_JOB}{', ' if more else ''}{more}}}"


def of_all(metric: str) -> str:
    """Return a series of every canary object, once."""
    return f"max by (namespace, name) ({own(f'flagger_canary_{metric}')})"


def count_in_state(state: int) -> str:
    """Return how many canaries are in a state."""
    return f"count({of_all('status')} == {state}) or vector(0)"


def rate(metric: str, by: str = "", more: str = "") -> str:
    """Return a counter's events per second."""
    return f"sum{f' by ({by})' if by else ''} (rate({own(metric, more)}[$__rate_interval]))"


def increase(metric: str, by: str, window: str) -> str:
    """Return how much a counter grew, including the moment when it appeared, which ``increase`` does not see."""
    series = own(metric)
    grown = f"({series} unless {series} offset {window}) or round(increase({series}[{window}])) > 0"
    return f"sum by ({by}) ({grown})"


def quantile(metric: str, q: float, by: str = "", more: str = "") -> str:
    """Return a percentile of a histogram as it goes, over minutes: rounds and requests are few."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({own(f'{metric}_bucket', more)}[{FEW}]))) >= 0"


def quantile_of_period(metric: str, q: float, by: str = "") -> str:
    """Return a percentile of what a histogram saw in the dashboard's period; if that was nothing, since the start."""
    labels = f"le, {by}" if by else "le"
    buckets = own(f"{metric}_bucket")

    def of(counts: str) -> str:
        return f"histogram_quantile({q}, sum by ({labels}) ({counts})) >= 0"

    return f"({of(f'increase({buckets}[$__range])')}) or ({of(buckets)})"
