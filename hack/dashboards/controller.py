"""The dashboard of the controller itself: what came of all rollouts, and whether it keeps up."""

from hack.dashboards import machinery
from hack.dashboards import queries as q
from hack.dashboards.canary_analysis import READY, STATES
from hack.dashboards.machinery import LEASE, NOT_SCRAPED, NOTHING
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
    stat,
    table,
    target,
    timeseries,
    value_mapping,
)
from hack.dashboards.page import dashboard, place, row, variable

LEADERS = {0: ("nobody leads", BAD), 1: ("one leads", GOOD), 2: ("two lead", BAD)}
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
        (4, [*_counts(), *_health()]),
        (8, [_canaries(), _ended()]),
        (8, [_running(), _ended_over_time(), _stages()]),
        (1, [row("Rounds and work")]),
        (7, [machinery.lateness(), machinery.queue(), machinery.queue_times(), machinery.errors()]),
        (1, [row("API server and Prometheus")]),
        (7, [machinery.requests(), machinery.codes(), machinery.request_times()]),
        (7, [machinery.prometheus(), machinery.prometheus_times(), machinery.events_dropped()]),
        (1, [row("Caches")]),
        (7, [machinery.cache_health(), machinery.cache_ages(), machinery.cache_objects()]),
        (1, [row("Process")]),
        (7, [machinery.leaders(), machinery.cpu(), machinery.memory(), machinery.files()]),
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


def _counts() -> list[Json]:
    """Return how many there are, of controllers and of canaries."""
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
    ]


def _health() -> list[Json]:
    """Return what should be zero, or nearly so."""
    return [
        stat(
            "Rounds late by, P99",
            "99 of 100 rounds of this period were at most so late. More than a second or two: raise --workers, or see "
            "what Prometheus and the API server take.",
            q.quantile_of_period("flagger_round_lateness_seconds", 0.99),
            unit="s",
            empty="no rounds yet",
            thresholds=((None, GOOD), (5, CANARY), (30, BAD)),
        ),
        stat(
            "Errors",
            "Reconciles in this period that ended with an error. The log says which canary and why; each is "
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
        "deleted. docs/metrics.md explains the reasons.",
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
