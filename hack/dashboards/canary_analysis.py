"""The dashboard of one rollout: what the controller decided and why, and what primary and canary do meanwhile."""

from hack.dashboards import queries as q
from hack.dashboards import sides
from hack.dashboards.model import (
    BAD,
    CANARY,
    GOOD,
    PRIMARY,
    STACKED,
    STEPS,
    UNKNOWN,
    Json,
    colour,
    limit,
    override,
    stat,
    state_timeline,
    target,
    timeseries,
)
from hack.dashboards.page import annotation, dashboard, place, row, variable

STATES = {0: ("running", PRIMARY), 1: ("finished", GOOD), 2: ("failed", BAD)}
READY = {0: ("not ready", BAD), 1: ("ready", GOOD)}
VERDICTS = {0: ("pass", GOOD), 1: ("fail", BAD), 2: ("not enough data", UNKNOWN)}
SIDES = (("Primary", "$primary", PRIMARY), ("Canary", "$canary", CANARY))
NO_CANARY = "no canary"
NEVER_CHECKED = "not checked yet"


def build() -> Json:
    """Return the dashboard."""
    lines = [
        (4, _glance()),
        (8, [_weights(), _course()]),
        (8, [_success_rate_check(), _duration_check(), _failed_checks()]),
        (8, [_own_checks()]),
        (1, [row("RED: requests, errors and duration, as the mesh measures them")]),
        (7, [sides.requests(*side) for side in SIDES]),
        (7, [sides.errors(*side) for side in SIDES]),
        (7, [sides.durations(*side) for side in SIDES]),
        (1, [row("USE: what the pods use")]),
        (7, [sides.cpu(*side) for side in SIDES]),
        (7, [sides.throttled(*side) for side in SIDES]),
        (7, [sides.memory(*side) for side in SIDES]),
        (7, [sides.network(*side) for side in SIDES]),
    ]
    return dashboard(
        "flagger-canary-analysis",
        "Flagger / Canary analysis",
        "One rollout: its weight and checks, and RED and USE of primary and canary beside each other.",
        place(lines),
        variables=_variables(),
        annotations=[
            annotation("Rollout started", PRIMARY, q.entered(0)),
            annotation("Rollout finished", GOOD, q.entered(1)),
            annotation("Rollout failed", BAD, q.entered(2)),
        ],
        period="1h",
        refresh="10s",
    )


def _variables() -> list[Json]:
    """Return the choices; the workloads follow from the object."""

    def workload(side: str) -> str:
        return f'label_values(flagger_canary_info{{namespace="$namespace", name="$object"}}, {side})'

    return [
        variable(
            "namespace", "Namespace", "label_values(flagger_canary_info, namespace)", "Namespace of the canary object"
        ),
        variable(
            "object",
            "Canary object",
            'label_values(flagger_canary_info{namespace="$namespace"}, name)',
            "Name of the canary object; the workloads follow from it",
        ),
        variable("primary", "Primary", workload("primary"), "Deployment that serves users"),
        variable("canary", "Canary", workload("canary"), "Deployment under test"),
    ]


def _glance() -> list[Json]:
    return [
        stat(
            "State",
            "Running: traffic is being shifted. Finished: the version was promoted, the canary is scaled to zero. "
            "Failed: it was rolled back, the primary serves as before; the events of the canary object say why.",
            q.of_canary("status"),
            unit="none",
            empty=NO_CANARY,
            mappings=STATES,
        ),
        stat(
            "In this state for",
            "Time since the state changed. A rollout takes at least maxWeight / stepWeight rounds.",
            q.since("last_transition"),
            unit="s",
            empty=NO_CANARY,
            decimals=0,
        ),
        stat(
            "Traffic to the canary",
            "Percent of the requests that the route sends to the canary now.",
            q.weight("$canary"),
            unit="percent",
            empty=NO_CANARY,
            thresholds=((None, "text"), (1, CANARY)),
        ),
        stat(
            "Failed checks",
            "Rounds of this rollout in which a check was over its limit. At the canary's threshold it is rolled back.",
            q.of_canary("failed_checks"),
            unit="none",
            empty=NO_CANARY,
            thresholds=((None, GOOD), (1, CANARY)),
        ),
        stat(
            "Rounds without evidence",
            "Rounds in a row in which Prometheus had nothing to judge by: no traffic, or no answer. At the "
            "inconclusive limit the canary is rolled back.",
            q.of_canary("inconclusive_checks"),
            unit="none",
            empty=NO_CANARY,
            thresholds=((None, GOOD), (1, CANARY)),
        ),
        stat(
            "Last round",
            "Time since the checks were made last. While a rollout is running this is less than its interval.",
            q.since("last_check"),
            unit="s",
            empty=NO_CANARY,
            decimals=0,
        ),
    ]


def _weights() -> Json:
    return timeseries(
        "Traffic: who gets how much",
        "Percent of the requests that the route sends to each. It climbs by stepWeight with each round that passes, "
        "holds "
        "on a halt, and falls to 0 when the canary is promoted or rolled back.",
        [target(q.weight("$canary"), "canary"), target(q.weight("$primary"), "primary")],
        unit="percent",
        empty=NO_CANARY,
        style=STACKED | STEPS,
        axis={"max": 100},
        overrides=[colour("canary", CANARY), colour("primary", PRIMARY)],
    )


def _course() -> Json:
    targets = [
        target(q.of_canary("status"), "rollout"),
        target(q.check("verdict", q.REQUESTS), "success rate"),
        target(q.check("verdict", q.DURATION_CHECKS), "duration"),
        target(q.own_checks("verdict", "metric"), "{{metric}}"),
        target(q.of_canary("ready"), "parts"),
    ]
    return state_timeline(
        "What happened when",
        "State of the rollout, verdict of each check, and whether route, services and Deployments are as they should "
        "be. "
        "Grey verdicts did not have enough data. Between rollouts the last verdict stays.",
        targets,
        empty=NO_CANARY,
        mappings={"": VERDICTS, "rollout": STATES, "parts": READY},
    )


def _success_rate_check() -> Json:
    return timeseries(
        "Check: success rate",
        "Orange is what the controller read of the canary, and must not fall below the dashed limit. Blue is the "
        "primary in the "
        "same time: if both fall, the cause is not the new version.",
        [
            target(q.check("analysis", q.REQUESTS), "canary, as checked"),
            target(q.check("threshold", q.REQUESTS), "limit (at least)"),
            target(q.success_rate("$primary"), "primary"),
        ],
        unit="percent",
        empty=NEVER_CHECKED,
        style={"axisSoftMin": 95},
        axis={"min": None, "max": 100, "decimals": 2},
        overrides=_against("limit (at least)"),
    )


def _duration_check() -> Json:
    return timeseries(
        "Check: request duration",
        "Orange is what the controller read of the canary (the 99th percentile, or the one that the canary object "
        "names), and must not rise above the dashed limit. Blue is the primary's 99th percentile in the same time: if "
        "both rise, the cause is not the new version.",
        [
            target(q.check("analysis", q.DURATION_CHECKS), "canary, as checked"),
            target(q.check("threshold", q.DURATION_CHECKS), "limit (at most)"),
            target(q.duration("$primary", 0.99), "primary"),
        ],
        unit="ms",
        empty=NEVER_CHECKED,
        overrides=_against("limit (at most)"),
    )


def _own_checks() -> Json:
    """Return the panel: queries of the user's own, each with its limits."""
    return timeseries(
        "Checks of your own queries",
        "What each query of the canary object answered, in its own unit, and the dashed limits that it must not fall "
        "below (min) or rise above (max). Queries of very different size: click on one in the legend.",
        [
            target(q.own_checks("analysis", "metric"), "{{metric}}"),
            target(q.own_checks("threshold", "metric", "bound"), "{{metric}} limit ({{bound}})"),
        ],
        unit="none",
        empty="no query of its own, or not checked yet",
        style=STEPS,
        axis={"min": None},
        overrides=[limit("/ limit /")],
    )


def _against(name: str) -> list[Json]:
    checked = override(
        "canary, as checked",
        ("color", {"mode": "fixed", "fixedColor": CANARY}),
        ("custom.lineInterpolation", "stepAfter"),
    )
    return [checked, colour("primary", PRIMARY), limit(name)]


def _failed_checks() -> Json:
    return timeseries(
        "Rounds that did not pass",
        "Failed checks count up over a rollout; rounds without evidence start over with each round that has some. Each "
        "has "
        "a limit in the canary object, at which the rollout is rolled back.",
        [
            target(q.of_canary("failed_checks"), "failed checks"),
            target(q.of_canary("inconclusive_checks"), "without evidence"),
        ],
        unit="none",
        empty=NO_CANARY,
        style=STEPS,
        axis={"decimals": 0},
        overrides=[colour("failed checks", BAD), colour("without evidence", UNKNOWN)],
    )
