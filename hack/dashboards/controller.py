"""The dashboard of the controller itself: what came of all rollouts, and whether it keeps up."""

from grafana_foundation_sdk.models.common import BigValueTextMode, GraphDrawStyle

from hack.dashboards import machinery, page
from hack.dashboards import queries as q
from hack.dashboards.canary_analysis import READY, STATES
from hack.dashboards.machinery import LEASE, NOT_SCRAPED, NOTHING
from hack.dashboards.panels import (
    BAD,
    CANARY,
    GOOD,
    PRIMARY,
    STEPS,
    UNKNOWN,
    WARNING,
    Panel,
    TimeSeries,
    bar_gauge,
    cells,
    paint,
    stacked,
    stat,
    table,
    timeseries,
)

LEADERS = {0: ("nobody leads", BAD), 1: ("one leads", GOOD), 2: ("two lead", BAD)}
ANALYSIS = (
    "/d/flagger-canary-analysis?var-datasource=${datasource}&var-namespace=${__data.fields.namespace}"
    "&var-object=${__data.fields.name}&${__url_time_range}"
)
OUTCOMES = {"/^finished/": GOOD, "/^failed/": BAD, "/^superseded/": WARNING, "/^released/": UNKNOWN}


def build() -> page.Json:
    """Return the dashboard."""
    made = page.begin(
        "flagger-controller",
        "Flagger / Controller",
        "The controller itself: what came of all rollouts, and whether it keeps up.",
        period="6h",
        refresh="30s",
    )
    made.with_variable(page.variable("job", "Job", "label_values(flagger_info, job)", "Scrape job of the controller"))
    lines: list[page.Line] = [
        (4, [_version(), *_counts(), *_health()]),
        (8, [_canaries(), _ended()]),
        (8, [_running(), _ended_over_time(), _stages()]),
        "Rounds and work",
        (7, [*machinery.rounds(), *machinery.work()]),
        "API server and Prometheus",
        (7, machinery.api_server()),
        (7, [*machinery.prometheus(), machinery.events()]),
        "Caches",
        (7, machinery.caches()),
        "Process",
        (7, machinery.process()),
    ]
    page.place(made, lines)
    return page.as_json(made)


def _version() -> Panel:
    return stat(
        "Version",
        "What is running. Two versions are shown while replicas are being updated.",
        f"max by (version) ({q.own('flagger_info')})",
        legend="{{version}}",
        empty=NOT_SCRAPED,
    ).text_mode(BigValueTextMode.NAME)


def _counts() -> list[Panel]:
    """Return how many there are, of controllers and of canaries."""
    return [
        stat(
            "Leader",
            "With leader election, exactly one replica may lead. If nobody does for a minute, read the replicas' logs.",
            f"sum({q.own('leader_election_master_status', LEASE)})",
            empty="no election",
            words=LEADERS,
        ),
        stat("Canaries", "Canary objects.", f"sum({q.own('flagger_canary_total')}) or vector(0)", empty=NOTHING),
        stat(
            "Running",
            "Rollouts that are going on.",
            q.count_in_state(0),
            empty=NOTHING,
            colours={None: "text", 1: PRIMARY},
        ),
        stat(
            "Failed",
            "Canaries whose last rollout was rolled back, and that wait for the next version.",
            q.count_in_state(2),
            empty=NOTHING,
            colours={None: GOOD, 1: BAD},
        ),
    ]


def _health() -> list[Panel]:
    """Return what should be zero, or nearly so."""
    return [
        stat(
            "Rounds late by, P99",
            "99 of 100 rounds of this period were at most so late. More than a second or two: raise --workers, or see "
            "what Prometheus and the API server take.",
            q.quantile_of_period("flagger_round_lateness_seconds", 0.99),
            unit="s",
            empty="no rounds yet",
            colours={None: GOOD, 5: CANARY, 30: BAD},
        ),
        stat(
            "Errors",
            "Reconciles in this period that ended with an error. The log says which canary and why; each is "
            "tried again.",
            f"sum(increase({q.own('flagger_reconcile_errors_total')}[$__range])) or vector(0)",
            empty=NOTHING,
            colours={None: GOOD, 1: CANARY},
        ).decimals(0),
        stat(
            "Unhealthy caches",
            "Kinds whose list or watch fails. What is decided may rest on old facts; the log says what is wrong.",
            f"count({q.own('flagger_cache_healthy')} == 0) or vector(0)",
            empty=NOTHING,
            colours={None: GOOD, 1: BAD},
        ),
    ]


def _canaries() -> Panel:
    age = f"time() - {q.of_all('last_check_timestamp_seconds')}"
    panel = table(
        "Canaries",
        "Every canary object that had a rollout. A name leads to its analysis.",
        {
            "state": (q.of_all("status"), {"unit": "none", **cells(STATES)}),
            "parts": (q.of_all("ready"), {"unit": "none", **cells(READY)}),
            "failed checks": (q.of_all("failed_checks"), {"unit": "none"}),
            "last round": (age, {"unit": "s", "decimals": 0}),
        },
        keys=["namespace", "name"],
        empty="no canaries",
    )
    paint(panel, "name", {"links": [{"title": "Analysis of ${__data.fields.name}", "url": ANALYSIS}]})
    return panel


def _ended() -> Panel:
    return bar_gauge(
        "Rollouts that ended in this period, by outcome and reason",
        "Finished: promoted. Failed: rolled back. Superseded: another version came before the end. Released: the "
        "object was deleted. docs/metrics.md explains the reasons.",
        {"{{outcome}}: {{reason}}": q.increase("flagger_rollouts_total", "outcome, reason", "$__range")},
        unit="none",
        empty="none ended",
        colours=OUTCOMES,
    )


def _running() -> TimeSeries:
    return (
        timeseries(
            "Rollouts that are running",
            "How many canaries have traffic shifted, are being promoted, or are being rolled back.",
            {"running": q.count_in_state(0)},
            unit="none",
            empty=NOTHING,
            colours={"running": PRIMARY},
        )
        .line_interpolation(STEPS)
        .decimals(0)
    )


def _ended_over_time() -> TimeSeries:
    panel = timeseries(
        "Rollouts that ended",
        "Each bar counts the rollouts that ended in its step.",
        {"{{outcome}}": q.increase("flagger_rollouts_total", "outcome", "$__interval")},
        unit="none",
        empty="none ended",
        colours=OUTCOMES,
    )
    return stacked(panel).draw_style(GraphDrawStyle.BARS).fill_opacity(80).decimals(0).interval("1m")


def _stages() -> Panel:
    return bar_gauge(
        "How long a stage takes (median)",
        "Starting: until the canary's pods are there. Progressing: shifting traffic. Promoting: until the primary runs "
        "the new version. Rolling back: until the canary is put away. Of this period; if nothing ended in it, since "
        "the start.",
        {
            "{{stage}}": q.quantile_of_period("flagger_stage_duration_seconds", 0.5, "stage"),
            "whole rollout": q.quantile_of_period("flagger_canary_duration_seconds", 0.5),
        },
        unit="s",
        empty="none ended",
        colours={"whole rollout": CANARY},
    )
