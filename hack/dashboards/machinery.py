"""What the controller is made of: rounds, queue, requests, caches, process. A line of panels each."""

from hack.dashboards import queries as q
from hack.dashboards.panels import (
    BAD,
    CANARY,
    GOOD,
    PRIMARY,
    UNKNOWN,
    WARNING,
    Panel,
    TimeSeries,
    stacked,
    state_timeline,
    timeseries,
)

LEASE = 'name="flagger-leader-election"'
QUEUE = 'name="canaries"'
HEALTHY = {0: ("failing", BAD), 1: ("healthy", GOOD)}
NOT_SCRAPED = "not scraped"
NOTHING = "none"
P50_P99 = {"P50": UNKNOWN, "P99": PRIMARY}


def _percentiles(histogram: str) -> dict[str, str]:
    return {"P50": q.quantile(histogram, 0.5), "P99": q.quantile(histogram, 0.99)}


def rounds() -> list[Panel]:
    """Return whether rounds are on time, and whether the workers keep up."""
    lateness = timeseries(
        "How late rounds are",
        "From the due time of a round until it was held.",
        _percentiles("flagger_round_lateness_seconds"),
        unit="s",
        empty="no rounds",
        colours=P50_P99,
    )
    queue = timeseries(
        "Work queue",
        "Canaries that wait for a worker, and for how long the longest look is going on. A depth that does not fall "
        "back to 0 means that the workers do not keep up.",
        {
            "depth": f"sum({q.own('workqueue_depth', QUEUE)})",
            "longest look, seconds": f"max({q.own('workqueue_longest_running_processor_seconds', QUEUE)})",
        },
        unit="none",
        empty=NOT_SCRAPED,
        colours={"depth": PRIMARY, "longest look, seconds": UNKNOWN},
    )
    return [lateness, queue]


def work() -> list[Panel]:
    """Return how long work takes, and how often it fails."""
    times = timeseries(
        "Waiting and working, P99",
        "How long a canary waits for a worker, and how long a look at it takes.",
        {
            "waiting": q.quantile("workqueue_queue_duration_seconds", 0.99, more=QUEUE),
            "working": q.quantile("workqueue_work_duration_seconds", 0.99, more=QUEUE),
        },
        unit="s",
        empty="no work",
        colours={"waiting": UNKNOWN, "working": PRIMARY},
    )
    errors = timeseries(
        "Reconciles that ended with an error",
        "Per second, by class. A conflict now and then is normal: somebody else wrote first, and it is tried again.",
        {"{{error}}": q.else_zero(q.rate("flagger_reconcile_errors_total", "error"), "error", "none")},
        unit="ops",
        empty=NOTHING,
        colours={"/Error/": CANARY, "none": UNKNOWN},
    )
    return [times, errors]


def api_server() -> list[Panel]:
    """Return what is asked of the API server, and what it answers."""
    requests = timeseries(
        "Requests to the API server",
        "Per second, by verb and resource. At rest there are next to none.",
        {"{{verb}} {{resource}}": q.rate("flagger_kubernetes_requests_total", "verb, resource")},
        unit="reqps",
        empty=NOT_SCRAPED,
    )
    times = timeseries(
        "Time of API requests, P99",
        "Until an answer begins, by verb.",
        {"{{verb}}": q.quantile("flagger_kubernetes_request_duration_seconds", 0.99, "verb")},
        unit="s",
        empty="no requests",
    )
    return [stacked(requests), stacked(_codes()), times]


def _codes() -> TimeSeries:
    refusals = {"409": WARNING, "/^(401|403|429)$/": CANARY, "/^(0|5..)$/": BAD}
    return timeseries(
        "Answers of the API server",
        "Per second, by code. 409 now and then is normal; 403 is a missing permission; 429 and 5xx are the server's; "
        "0: no answer.",
        {"{{code}}": q.rate("flagger_kubernetes_requests_total", "code")},
        unit="reqps",
        empty=NOT_SCRAPED,
        colours={"/^2/": GOOD, "404": UNKNOWN, **refusals},
    )


def prometheus() -> list[Panel]:
    """Return what is asked of Prometheus."""
    queries = timeseries(
        "Queries to Prometheus",
        "Per second, by outcome: one query for each check and round. Without answers there is not enough data, and "
        "rollouts stand.",
        {"{{outcome}}": q.rate("flagger_prometheus_requests_total", "outcome")},
        unit="reqps",
        empty="no queries",
        colours={"value": GOOD, "no-data": UNKNOWN, "unavailable": BAD},
    )
    times = timeseries(
        "Time of queries",
        "A query that takes longer than 5 s times out, and its round is inconclusive.",
        _percentiles("flagger_prometheus_request_duration_seconds"),
        unit="s",
        empty="no queries",
        colours=P50_P99,
    )
    return [stacked(queries), times]


def events() -> TimeSeries:
    """Return the panel: events that were not sent."""
    return timeseries(
        "Events that were not sent",
        "Per second. The log has their text all the same.",
        {"dropped": q.rate("flagger_events_dropped_total")},
        unit="ops",
        empty=NOT_SCRAPED,
        colours={"dropped": CANARY},
    )


def caches() -> list[Panel]:
    """Return whether the caches are up to date, and how big they are."""
    health = state_timeline(
        "Health of the caches",
        "Whether list and watch work, by kind. A failing one is retried; the log says what is wrong.",
        {"{{resource}}": f"min by (resource) ({q.own('flagger_cache_healthy')})"},
        empty=NOT_SCRAPED,
        words={"": HEALTHY},
    )
    ages = timeseries(
        "Age of the last event",
        "How long each watch has said nothing. API servers send a bookmark about once a minute; several minutes mean a "
        "dead watch.",
        {"{{resource}}": f"max by (resource) ({q.own('flagger_cache_last_event_age_seconds')})"},
        unit="s",
        empty=NOT_SCRAPED,
    )
    objects = timeseries(
        "Objects in the caches",
        "By kind, in the replica that has most of them.",
        {"{{resource}}": f"max by (resource) (sum by (resource, instance) ({q.own('flagger_cache_objects')}))"},
        unit="none",
        empty=NOT_SCRAPED,
    )
    return [health, ages, objects.decimals(0)]


def process() -> list[Panel]:
    """Return who leads, and what each replica takes."""
    leaders = state_timeline(
        "Who leads",
        "By replica. A change of leaders costs rollouts a few seconds, nothing else.",
        {"{{instance}}": f"max by (instance) ({q.own('leader_election_master_status', LEASE)})"},
        empty="no election",
        words={"": {0: ("stands by", UNKNOWN), 1: ("leads", GOOD)}},
    )
    cores = f"rate({q.own('process_cpu_seconds_total')}[$__rate_interval])"
    return [
        leaders,
        _by_replica(
            "CPU", "Cores, by replica. Python uses one at most: near 1, split namespaces between controllers.", cores
        ),
        _by_replica(
            "Memory",
            "Resident set, by replica. It grows with the number of objects that are watched, and levels off.",
            q.own("process_resident_memory_bytes"),
        ).unit("bytes"),
        _by_replica(
            "Open files",
            "Connections included, by replica. A line that only climbs is a leak.",
            q.own("process_open_fds"),
        ).decimals(0),
    ]


def _by_replica(title: str, text: str, expr: str) -> TimeSeries:
    return timeseries(title, text, {"{{instance}}": expr}, unit="none", empty=NOT_SCRAPED)
