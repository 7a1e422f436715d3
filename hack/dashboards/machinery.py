"""What the controller is made of: rounds, queue, requests, caches, process. A panel each."""

from hack.dashboards import queries as q
from hack.dashboards.model import (
    BAD,
    CANARY,
    GOOD,
    PRIMARY,
    STACKED,
    UNKNOWN,
    WARNING,
    Json,
    colour,
    state_timeline,
    target,
    timeseries,
)

LEASE = 'name="flagger-leader-election"'
QUEUE = 'name="canaries"'
HEALTHY = {0: ("failing", BAD), 1: ("healthy", GOOD)}
NOT_SCRAPED = "not scraped"
NOTHING = "none"


def lateness() -> Json:
    """Return the panel: how late rounds are."""
    return timeseries(
        "How late rounds are",
        "From the due time of a round until it was held.",
        [
            target(q.quantile("flagger_round_lateness_seconds", 0.5), "P50"),
            target(q.quantile("flagger_round_lateness_seconds", 0.99), "P99"),
        ],
        unit="s",
        empty="no rounds",
        overrides=_p50_p99(),
    )


def _p50_p99() -> list[Json]:
    return [colour("P50", UNKNOWN), colour("P99", PRIMARY)]


def queue() -> Json:
    """Return the panel: work queue."""
    return timeseries(
        "Work queue",
        "Canaries that wait for a worker, and for how long the longest look is going on. A depth that does not fall "
        "back to 0 "
        "means that the workers do not keep up.",
        [
            target(f"sum({q.own('workqueue_depth', QUEUE)})", "depth"),
            target(f"max({q.own('workqueue_longest_running_processor_seconds', QUEUE)})", "longest look, seconds"),
        ],
        unit="none",
        empty=NOT_SCRAPED,
        overrides=[colour("depth", PRIMARY), colour("longest look, seconds", UNKNOWN)],
    )


def queue_times() -> Json:
    """Return the panel: waiting and working, P99."""
    return timeseries(
        "Waiting and working, P99",
        "How long a canary waits for a worker, and how long a look at it takes.",
        [
            target(q.quantile("workqueue_queue_duration_seconds", 0.99, more=QUEUE), "waiting"),
            target(q.quantile("workqueue_work_duration_seconds", 0.99, more=QUEUE), "working"),
        ],
        unit="s",
        empty="no work",
        overrides=[colour("waiting", UNKNOWN), colour("working", PRIMARY)],
    )


def errors() -> Json:
    """Return the panel: looks that ended with an error."""
    return timeseries(
        "Reconciles that ended with an error",
        "Per second, by class. A conflict now and then is normal: somebody else wrote first, and it is tried again.",
        [target(q.else_zero(q.rate("flagger_reconcile_errors_total", "error"), "error", "none"), "{{error}}")],
        unit="ops",
        empty=NOTHING,
        overrides=[colour("/Error/", CANARY), colour("none", UNKNOWN)],
    )


def requests() -> Json:
    """Return the panel: requests to the API server."""
    return timeseries(
        "Requests to the API server",
        "Per second, by verb and resource. At rest there are next to none.",
        [target(q.rate("flagger_kubernetes_requests_total", "verb, resource"), "{{verb}} {{resource}}")],
        unit="reqps",
        empty=NOT_SCRAPED,
        style=STACKED,
    )


def codes() -> Json:
    """Return the panel: answers of the API server."""
    return timeseries(
        "Answers of the API server",
        "Per second, by code. 409 now and then is normal; 403 is a missing permission; 429 and 5xx are the server's; "
        "0: no answer.",
        [target(q.rate("flagger_kubernetes_requests_total", "code"), "{{code}}")],
        unit="reqps",
        empty=NOT_SCRAPED,
        style=STACKED,
        overrides=[
            colour("/^2/", GOOD),
            colour("404", UNKNOWN),
            colour("409", WARNING),
            colour("/^(401|403|429)$/", CANARY),
            colour("/^(0|5..)$/", BAD),
        ],
    )


def request_times() -> Json:
    """Return the panel: time of API requests, P99."""
    return timeseries(
        "Time of API requests, P99",
        "Until an answer begins, by verb.",
        [target(q.quantile("flagger_kubernetes_request_duration_seconds", 0.99, "verb"), "{{verb}}")],
        unit="s",
        empty="no requests",
    )


def prometheus() -> Json:
    """Return the panel: queries to Prometheus."""
    return timeseries(
        "Queries to Prometheus",
        "Per second, by outcome: one query for each check and round. Without answers there is not enough data, and "
        "rollouts stand.",
        [target(q.rate("flagger_prometheus_requests_total", "outcome"), "{{outcome}}")],
        unit="reqps",
        empty="no queries",
        style=STACKED,
        overrides=[colour("value", GOOD), colour("no-data", UNKNOWN), colour("unavailable", BAD)],
    )


def prometheus_times() -> Json:
    """Return the panel: time of queries."""
    return timeseries(
        "Time of queries",
        "A query that takes longer than 5 s times out, and its round is inconclusive.",
        [
            target(q.quantile("flagger_prometheus_request_duration_seconds", 0.5), "P50"),
            target(q.quantile("flagger_prometheus_request_duration_seconds", 0.99), "P99"),
        ],
        unit="s",
        empty="no queries",
        overrides=_p50_p99(),
    )


def events_dropped() -> Json:
    """Return the panel: events that were not sent."""
    return timeseries(
        "Events that were not sent",
        "Per second. The log has their text all the same.",
        [target(q.rate("flagger_events_dropped_total"), "dropped")],
        unit="ops",
        empty=NOT_SCRAPED,
        overrides=[colour("dropped", CANARY)],
    )


def cache_health() -> Json:
    """Return the panel: health of the caches."""
    return state_timeline(
        "Health of the caches",
        "Whether list and watch work, by kind. A failing one is retried; the log says what is wrong.",
        [target(f"min by (resource) ({q.own('flagger_cache_healthy')})", "{{resource}}")],
        empty=NOT_SCRAPED,
        mappings={"": HEALTHY},
    )


def cache_ages() -> Json:
    """Return the panel: age of the last event."""
    return timeseries(
        "Age of the last event",
        "How long each watch has said nothing. API servers send a bookmark about once a minute; several minutes mean a "
        "dead watch.",
        [target(f"max by (resource) ({q.own('flagger_cache_last_event_age_seconds')})", "{{resource}}")],
        unit="s",
        empty=NOT_SCRAPED,
    )


def cache_objects() -> Json:
    """Return the panel: objects in the caches."""
    return timeseries(
        "Objects in the caches",
        "By kind, in the replica that has most of them.",
        [target(f"max by (resource) (sum by (resource, instance) ({q.own('flagger_cache_objects')}))", "{{resource}}")],
        unit="none",
        empty=NOT_SCRAPED,
        axis={"decimals": 0},
    )


def leaders() -> Json:
    """Return the panel: who leads."""
    return state_timeline(
        "Who leads",
        "By replica. A change of leaders costs rollouts a few seconds, nothing else.",
        [target(f"max by (instance) ({q.own('leader_election_master_status', LEASE)})", "{{instance}}")],
        empty="no election",
        mappings={"": {0: ("stands by", UNKNOWN), 1: ("leads", GOOD)}},
    )


def cpu() -> Json:
    """Return the panel: CPU."""
    return timeseries(
        "CPU",
        "Cores, by replica. Python uses one at most: near 1, split namespaces between controllers.",
        [target(f"rate({q.own('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}")],
        unit="none",
        empty=NOT_SCRAPED,
    )


def memory() -> Json:
    """Return the panel: memory."""
    return timeseries(
        "Memory",
        "Resident set, by replica. It grows with the number of objects that are watched, and levels off.",
        [target(q.own("process_resident_memory_bytes"), "{{instance}}")],
        unit="bytes",
        empty=NOT_SCRAPED,
    )


def files() -> Json:
    """Return the panel: open files."""
    return timeseries(
        "Open files",
        "Connections included, by replica. A line that only climbs is a leak.",
        [target(q.own("process_open_fds"), "{{instance}}")],
        unit="none",
        empty=NOT_SCRAPED,
        axis={"decimals": 0},
    )
