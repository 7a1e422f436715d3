"""The dashboard of the controller itself: what came of all rollouts, and whether it keeps up."""

from hack.dashboards import queries as q
from hack.dashboards.canary_analysis import READY, STATES
from hack.dashboards.model import (
    BAD,
    BARS,
    CANARY,
    GOOD,
    PRIMARY,
    STACKED,
    STEPS,
    UNKNOWN,
    WARNING,
    Json,
    bar_gauge,
    colour,
    dashboard,
    place,
    row,
    stat,
    state_timeline,
    table,
    target,
    timeseries,
    value_mapping,
    variable,
)

LEADERS = {0: ("nobody leads", BAD), 1: ("one leads", GOOD), 2: ("two lead", BAD)}
HEALTHY = {0: ("failing", BAD), 1: ("healthy", GOOD)}
LEASE = 'name="flagger-leader-election"'
QUEUE = 'name="canaries"'
NOT_SCRAPED = "not scraped"
NOTHING = "none"
ANALYSIS = (
    "/d/flagger-canary-analysis?var-datasource=${datasource}&var-namespace=${__data.fields.namespace}"
    "&var-object=${__data.fields.name}&${__url_time_range}"
)
OUTCOMES = [
    colour("/^finished/", GOOD),
    colour("/^failed/", BAD),
    colour("/^superseded/", WARNING),
    colour("/^released/", UNKNOWN),
]


def build() -> Json:
    """Return the dashboard."""
    lines = [
        (4, _glance()),
        (8, [_canaries(), _ended()]),
        (8, [_running(), _ended_over_time(), _stages()]),
        (1, [row("Rounds and work")]),
        (7, [_lateness(), _queue(), _queue_times(), _errors()]),
        (1, [row("API server and Prometheus")]),
        (7, [_requests(), _codes(), _request_times()]),
        (7, [_prometheus(), _prometheus_times(), _events_dropped()]),
        (1, [row("Caches")]),
        (7, [_cache_health(), _cache_ages(), _cache_objects()]),
        (1, [row("Process")]),
        (7, [_leaders(), _cpu(), _memory(), _files()]),
    ]
    return dashboard(
        "flagger-controller",
        "Flagger / Controller",
        "The controller itself: what came of all rollouts, and whether it keeps up.",
        place(lines),
        variables=[variable("job", "Job", "label_values(flagger_info, job)", "Scrape job of the controller")],
        annotations=[],
        period="6h",
        refresh="30s",
    )


def _glance() -> list[Json]:
    version = stat(
        "Version",
        "What is running. Two versions are shown while replicas are being updated.",
        f"max by (version) ({q.own('flagger_info')})",
        unit="none",
        empty=NOT_SCRAPED,
    )
    version["targets"][0]["legendFormat"] = "{{version}}"
    version["options"]["textMode"] = "name"
    return [
        version,
        stat(
            "Leader",
            "With leader election, exactly one replica may lead. If nobody does for a minute, read the replicas' logs.",
            f"sum({q.own('leader_election_master_status', LEASE)})",
            unit="none",
            empty="no election",
            mappings=LEADERS,
        ),
        stat(
            "Canaries",
            "Canary objects.",
            f"sum({q.own('flagger_canary_total')}) or vector(0)",
            unit="none",
            empty=NOTHING,
        ),
        stat(
            "Running",
            "Rollouts that are going on.",
            q.count_in_state(0),
            unit="none",
            empty=NOTHING,
            thresholds=((None, "text"), (1, PRIMARY)),
        ),
        stat(
            "Failed",
            "Canaries whose last rollout was rolled back, and that wait for the next version.",
            q.count_in_state(2),
            unit="none",
            empty=NOTHING,
            thresholds=((None, GOOD), (1, BAD)),
        ),
        stat(
            "Rounds late by, P99",
            "99 of 100 rounds of this period were at most so late. More than a second or two: raise --workers, or see "
            "what "
            "Prometheus and the API server take.",
            q.quantile_of_period("flagger_round_lateness_seconds", 0.99),
            unit="s",
            empty="no rounds yet",
            thresholds=((None, GOOD), (5, CANARY), (30, BAD)),
        ),
        stat(
            "Errors",
            "Looks at a canary in this period that ended with an error. The log says which canary and why; each is "
            "tried again.",
            f"sum(increase({q.own('flagger_reconcile_errors_total')}[$__range])) or vector(0)",
            unit="none",
            empty=NOTHING,
            decimals=0,
            thresholds=((None, GOOD), (1, CANARY)),
        ),
        stat(
            "Unhealthy caches",
            "Kinds whose list or watch fails. What is decided may rest on old facts; the log says what is wrong.",
            f"count({q.own('flagger_cache_healthy')} == 0) or vector(0)",
            unit="none",
            empty=NOTHING,
            thresholds=((None, GOOD), (1, BAD)),
        ),
    ]


def _canaries() -> Json:
    def column(
        name: str, expr: str, unit: str, *properties: tuple[str, object]
    ) -> tuple[str, Json, str, list[tuple[str, object]]]:
        return name, target(expr, instant=True, table=True), unit, list(properties)

    def words(mapping: dict[int, tuple[str, str]]) -> list[tuple[str, object]]:
        return [("mappings", [value_mapping(mapping)]), ("custom.cellOptions", {"type": "color-background"})]

    panel = table(
        "Canaries",
        "Every canary object that had a rollout. A name leads to its analysis.",
        [
            column("state", q.of_all("status"), "none", *words(STATES)),
            column("parts", q.of_all("ready"), "none", *words(READY)),
            column("failed checks", q.of_all("failed_checks"), "none"),
            column("last round", f"time() - {q.of_all('last_check_timestamp_seconds')}", "s", ("decimals", 0)),
        ],
        keys=["namespace", "name"],
        empty="no canaries",
    )
    link = {"title": "Analysis of ${__data.fields.name}", "url": ANALYSIS}
    properties = [{"id": "links", "value": [link]}]
    panel["fieldConfig"]["overrides"].append({"matcher": {"id": "byName", "options": "name"}, "properties": properties})
    return panel


def _ended() -> Json:
    return bar_gauge(
        "Rollouts that ended in this period, by outcome and reason",
        "Finished: promoted. Failed: rolled back. Superseded: another version came before the end. Released: the "
        "object was "
        "deleted. docs/events.md explains the reasons.",
        [
            target(
                q.increase("flagger_rollouts_total", "outcome, reason", "$__range"),
                "{{outcome}}: {{reason}}",
                instant=True,
            )
        ],
        unit="none",
        empty="none ended",
        overrides=OUTCOMES,
    )


def _running() -> Json:
    return timeseries(
        "Rollouts that are running",
        "How many canaries have traffic shifted, are being promoted, or are being rolled back.",
        [target(q.count_in_state(0), "running")],
        unit="none",
        empty=NOTHING,
        style=STEPS,
        axis={"decimals": 0},
        overrides=[colour("running", PRIMARY)],
    )


def _ended_over_time() -> Json:
    panel = timeseries(
        "Rollouts that ended",
        "Each bar counts the rollouts that ended in its step.",
        [target(q.increase("flagger_rollouts_total", "outcome", "$__interval"), "{{outcome}}")],
        unit="none",
        empty="none ended",
        style=STACKED | BARS,
        axis={"decimals": 0},
        overrides=OUTCOMES,
    )
    return {**panel, "interval": "1m"}


def _stages() -> Json:
    return bar_gauge(
        "How long a stage takes (median)",
        "Starting: until the canary's pods are there. Progressing: shifting traffic. Promoting: until the primary runs "
        "the new "
        "version. Rolling back: until the canary is put away. Of this period; if nothing ended in it, since the start.",
        [
            target(q.quantile_of_period("flagger_stage_duration_seconds", 0.5, "stage"), "{{stage}}", instant=True),
            target(q.quantile_of_period("flagger_canary_duration_seconds", 0.5), "whole rollout", instant=True),
        ],
        unit="s",
        empty="none ended",
        overrides=[colour("whole rollout", CANARY)],
    )


def _lateness() -> Json:
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


def _queue() -> Json:
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


def _queue_times() -> Json:
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


def _errors() -> Json:
    return timeseries(
        "Looks that ended with an error",
        "Per second, by class. A conflict now and then is normal: somebody else wrote first, and it is tried again.",
        [target(q.else_zero(q.rate("flagger_reconcile_errors_total", "error"), "error", "none"), "{{error}}")],
        unit="ops",
        empty=NOTHING,
        overrides=[colour("/Error/", CANARY), colour("none", UNKNOWN)],
    )


def _requests() -> Json:
    return timeseries(
        "Requests to the API server",
        "Per second, by verb and resource. At rest there are next to none.",
        [target(q.rate("flagger_kubernetes_requests_total", "verb, resource"), "{{verb}} {{resource}}")],
        unit="reqps",
        empty=NOT_SCRAPED,
        style=STACKED,
    )


def _codes() -> Json:
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


def _request_times() -> Json:
    return timeseries(
        "Time of API requests, P99",
        "Until an answer begins, by verb.",
        [target(q.quantile("flagger_kubernetes_request_duration_seconds", 0.99, "verb"), "{{verb}}")],
        unit="s",
        empty="no requests",
    )


def _prometheus() -> Json:
    return timeseries(
        "Queries to Prometheus",
        "Per second, by outcome: one query for each check and round. Without answers there is no evidence, and "
        "rollouts stand.",
        [target(q.rate("flagger_prometheus_requests_total", "outcome"), "{{outcome}}")],
        unit="reqps",
        empty="no queries",
        style=STACKED,
        overrides=[colour("value", GOOD), colour("no-data", UNKNOWN), colour("unavailable", BAD)],
    )


def _prometheus_times() -> Json:
    return timeseries(
        "Time of queries",
        "A query that takes longer than 5 s is given up, and counts as no evidence.",
        [
            target(q.quantile("flagger_prometheus_request_duration_seconds", 0.5), "P50"),
            target(q.quantile("flagger_prometheus_request_duration_seconds", 0.99), "P99"),
        ],
        unit="s",
        empty="no queries",
        overrides=_p50_p99(),
    )


def _events_dropped() -> Json:
    return timeseries(
        "Events that were not sent",
        "Per second. The log has their text all the same.",
        [target(q.rate("flagger_events_dropped_total"), "dropped")],
        unit="ops",
        empty=NOT_SCRAPED,
        overrides=[colour("dropped", CANARY)],
    )


def _cache_health() -> Json:
    return state_timeline(
        "Health of the caches",
        "Whether list and watch work, by kind. A failing one is retried; the log says what is wrong.",
        [target(f"min by (resource) ({q.own('flagger_cache_healthy')})", "{{resource}}")],
        empty=NOT_SCRAPED,
        mappings={"": HEALTHY},
    )


def _cache_ages() -> Json:
    return timeseries(
        "Age of the last event",
        "How long each watch has said nothing. API servers send a bookmark about once a minute; several minutes mean a "
        "dead watch.",
        [target(f"max by (resource) ({q.own('flagger_cache_last_event_age_seconds')})", "{{resource}}")],
        unit="s",
        empty=NOT_SCRAPED,
    )


def _cache_objects() -> Json:
    return timeseries(
        "Objects in the caches",
        "By kind, in the replica that has most of them.",
        [target(f"max by (resource) (sum by (resource, instance) ({q.own('flagger_cache_objects')}))", "{{resource}}")],
        unit="none",
        empty=NOT_SCRAPED,
        axis={"decimals": 0},
    )


def _leaders() -> Json:
    return state_timeline(
        "Who leads",
        "By replica. A change of leaders costs rollouts a few seconds, nothing else.",
        [target(f"max by (instance) ({q.own('leader_election_master_status', LEASE)})", "{{instance}}")],
        empty="no election",
        mappings={"": {0: ("stands by", UNKNOWN), 1: ("leads", GOOD)}},
    )


def _cpu() -> Json:
    return timeseries(
        "CPU",
        "Cores, by replica. Python uses one at most: near 1, split namespaces between controllers.",
        [target(f"rate({q.own('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}")],
        unit="none",
        empty=NOT_SCRAPED,
    )


def _memory() -> Json:
    return timeseries(
        "Memory",
        "Resident set, by replica. It grows with the number of objects that are watched, and levels off.",
        [target(q.own("process_resident_memory_bytes"), "{{instance}}")],
        unit="bytes",
        empty=NOT_SCRAPED,
    )


def _files() -> Json:
    return timeseries(
        "Open files",
        "Connections included, by replica. A line that only climbs is a leak.",
        [target(q.own("process_open_fds"), "{{instance}}")],
        unit="none",
        empty=NOT_SCRAPED,
        axis={"decimals": 0},
    )
