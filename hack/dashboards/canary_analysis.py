"""The dashboard of one rollout: what the controller decided and why, and what primary and canary do meanwhile."""

from collections.abc import Callable

from grafana_foundation_sdk.builders.dashboard import Dashboard

from hack.dashboards import page, sides
from hack.dashboards import queries as q
from hack.dashboards.panels import (
    BAD,
    CANARY,
    GOOD,
    PRIMARY,
    STEPS,
    UNKNOWN,
    Panel,
    TimeSeries,
    fixed,
    paint,
    stacked,
    stat,
    state_timeline,
    table,
    timeseries,
    word,
)
from hack.dashboards.sides import SIDES, Side

STATES = {0: ("running", PRIMARY), 1: ("finished", GOOD), 2: ("failed", BAD)}
READY = {0: ("not ready", BAD), 1: ("ready", GOOD)}
VERDICTS = {0: ("pass", GOOD), 1: ("fail", BAD), 2: ("not enough data", UNKNOWN)}
NO_CANARY = "no canary"
NOT_OF_LATE = "no rollout of late"
NEVER_CHECKED = "not checked yet"
CHECKED = "canary, as checked"


def build() -> page.Json:
    """Return the dashboard."""
    made = page.begin(
        "flagger-canary-analysis",
        "Flagger / Canary analysis",
        "One rollout: its weight and checks, and RED and USE of primary and canary beside each other.",
        period="1h",
        refresh="10s",
    )
    _choices(made)
    for state, (name, colour) in enumerate((("started", PRIMARY), ("finished", GOOD), ("failed", BAD))):
        made.annotation(page.annotation(f"Rollout {name}", colour, q.entered(state)))
    lines: list[page.Line] = [
        (4, [*_words()]),
        (4, [*_rollout(), *_rounds()]),
        (8, [_weights(), _course()]),
        (8, [_success_rate_check(), _duration_check(), _failed_checks()]),
        (8, [_own_checks()]),
        (8, [_past_rollouts()]),
        "RED: requests, errors and duration, as the mesh measures them",
        *map(_both, (sides.requests, sides.errors, sides.durations)),
        "USE: what the pods use",
        *map(_both, (sides.cpu, sides.throttled, sides.memory, sides.network)),
    ]
    page.place(made, lines)
    return page.as_json(made)


def _both(panel: Callable[[Side], TimeSeries]) -> page.Line:
    return 7, [panel(side) for side in SIDES]


def _choices(made: Dashboard) -> None:
    """Add the variables; the workloads follow from the object."""
    of_namespace = 'flagger_canary_info{namespace="$namespace"'
    names = f"label_values({of_namespace}}}, name)"
    workloads = f'label_values({of_namespace}, name="$object"}}, {{}})'
    for name, label, query, text in (
        ("namespace", "Namespace", "label_values(flagger_canary_info, namespace)", "Namespace of the canary object"),
        ("object", "Canary object", names, "Name of the canary object; the workloads follow from it"),
        ("primary", "Primary", workloads.replace("{}", "primary"), "Deployment that serves users"),
        ("canary", "Canary", workloads.replace("{}", "canary"), "Deployment under test"),
    ):
        made.with_variable(page.variable(name, label, query, text))


def _words() -> list[Panel]:
    """Return what is released, and why it stands where it does."""
    return [
        word(
            "Version",
            "Image tags of primary and canary where they differ, as they were when the rollout began; else the one "
            "that both run.",
            q.word_of_canary("version"),
            label="version",
            empty=NOT_OF_LATE,
        ),
        word(
            "Reason",
            "Why the rollout stands where it does, in one word: kubectl get canaries -o wide has the sentence.",
            q.word_of_canary("reason"),
            label="reason",
            empty=NOT_OF_LATE,
        ),
    ]


def _past_rollouts() -> Panel:
    return table(
        "Last rollouts",
        "What was released and what became of it, of the last ten. flagger history has their worst readings.",
        {"ended": (q.past_rollouts(), {"unit": "dateTimeAsIso"})},
        keys=("version", "outcome", "reason"),
        empty=NOT_OF_LATE,
    )


def _rollout() -> list[Panel]:
    """Return where the rollout stands."""
    return [
        stat(
            "State",
            "Running: traffic is being shifted. Finished: the version was promoted, the canary is scaled to zero. "
            "Failed: it was rolled back, the primary serves as before; the events of the canary object say why.",
            q.of_canary("status"),
            empty=NO_CANARY,
            words=STATES,
        ),
        stat(
            "In this state for",
            "Time since the state changed. A rollout takes at least maxWeight / stepWeight rounds.",
            q.since("last_transition"),
            unit="s",
            empty=NO_CANARY,
        ).decimals(0),
        stat(
            "Traffic to the canary",
            "Percent of the requests that the route sends to the canary now.",
            q.weight("$canary"),
            unit="percent",
            empty=NO_CANARY,
            colours={None: "text", 1: CANARY},
        ),
    ]


def _rounds() -> list[Panel]:
    """Return what came of its rounds."""
    return [
        stat(
            "Failed checks",
            "Rounds of this rollout in which a check was over its limit. At the canary's threshold it is rolled back.",
            q.of_canary("failed_checks"),
            empty=NO_CANARY,
            colours={None: GOOD, 1: CANARY},
        ),
        stat(
            "Rounds without evidence",
            "Rounds in a row in which Prometheus had nothing to judge by: no traffic, or no answer. At the "
            "inconclusive limit the canary is rolled back.",
            q.of_canary("inconclusive_checks"),
            empty=NO_CANARY,
            colours={None: GOOD, 1: CANARY},
        ),
        stat(
            "Last round",
            "Time since the checks were made last. While a rollout is running this is less than its interval.",
            q.since("last_check"),
            unit="s",
            empty=NO_CANARY,
        ).decimals(0),
    ]


def _weights() -> TimeSeries:
    panel = timeseries(
        "Traffic: who gets how much",
        "Percent of the requests that the route sends to each. It climbs by stepWeight with each round that passes, "
        "holds on a halt, and falls to 0 when the canary is promoted or rolled back.",
        {"canary": q.weight("$canary"), "primary": q.weight("$primary")},
        unit="percent",
        empty=NO_CANARY,
        colours={"canary": CANARY, "primary": PRIMARY},
    )
    return stacked(panel).line_interpolation(STEPS).max(100)


def _course() -> Panel:
    queries = {
        "rollout": q.of_canary("status"),
        "success rate": q.check("verdict", q.REQUESTS),
        "duration": q.check("verdict", q.DURATION_CHECKS),
        "{{metric}}": q.own_checks("verdict", "metric"),
        "parts": q.of_canary("ready"),
    }
    return state_timeline(
        "What happened when",
        "State of the rollout, verdict of each check, and whether route, services and Deployments are as they should "
        "be. Grey verdicts did not have enough data. Between rollouts the last verdict stays.",
        queries,
        empty=NO_CANARY,
        words={"": VERDICTS, "rollout": STATES, "parts": READY},
    )


def _success_rate_check() -> TimeSeries:
    panel = timeseries(
        "Check: success rate",
        "Orange is what the controller read of the canary, and must not fall below the dashed limit. Blue is the "
        "primary in the same time: if both fall, the cause is not the new version.",
        _readings(q.REQUESTS, "limit (at least)", q.success_rate("$primary")),
        unit="percent",
        empty=NEVER_CHECKED,
        colours={"primary": PRIMARY},
        limit="limit (at least)",
        from_zero=False,
    )
    return _checked(panel).axis_soft_min(95).max(100).decimals(2)


def _duration_check() -> TimeSeries:
    panel = timeseries(
        "Check: request duration",
        "Orange is what the controller read of the canary (the 99th percentile, or the one that the canary object "
        "names), and must not rise above the dashed limit. Blue is the primary's 99th percentile in the same time: if "
        "both rise, the cause is not the new version.",
        _readings(q.DURATION_CHECKS, "limit (at most)", q.duration("$primary", 0.99)),
        unit="ms",
        empty=NEVER_CHECKED,
        colours={"primary": PRIMARY},
        limit="limit (at most)",
    )
    return _checked(panel)


def _own_checks() -> TimeSeries:
    """Return the panel: queries of the user's own, each with its limits."""
    return timeseries(
        "Checks of your own queries",
        "What each query of the canary object answered, in its own unit, and the dashed limits that it must not fall "
        "below (min) or rise above (max). Queries of very different size: click on one in the legend.",
        {
            "{{metric}}": q.own_checks("analysis", "metric"),
            "{{metric}} limit ({{bound}})": q.own_checks("threshold", "metric", "bound"),
        },
        unit="none",
        empty="no query of its own, or not checked yet",
        limit="/ limit /",
        from_zero=False,
    ).line_interpolation(STEPS)


def _readings(metric: str, limit: str, primary: str) -> dict[str, str]:
    return {CHECKED: q.check("analysis", metric), limit: q.check("threshold", metric), "primary": primary}


def _checked(panel: TimeSeries) -> TimeSeries:
    paint(panel, CHECKED, {"color": fixed(CANARY), "custom.lineInterpolation": STEPS})
    return panel


def _failed_checks() -> TimeSeries:
    return (
        timeseries(
            "Rounds that did not pass",
            "Failed checks count up over a rollout; rounds without evidence start over with each round that has some. "
            "Each has a limit in the canary object, at which the rollout is rolled back.",
            {"failed checks": q.of_canary("failed_checks"), "without evidence": q.of_canary("inconclusive_checks")},
            unit="none",
            empty=NO_CANARY,
            colours={"failed checks": BAD, "without evidence": UNKNOWN},
        )
        .line_interpolation(STEPS)
        .decimals(0)
    )
