"""RED and USE of one side of a rollout: each function makes the same panel for primary and canary."""

from hack.dashboards import queries as q
from hack.dashboards.model import (
    BAD,
    GOOD,
    PRIMARY,
    STACKED,
    UNKNOWN,
    WARNING,
    Json,
    colour,
    limit,
    target,
    timeseries,
)

NO_TRAFFIC = "no traffic"
NO_PODS = "no pods"


def requests(side: str, workload: str, _colour: str) -> Json:
    """Return the panel: requests per second."""
    return timeseries(
        f"{side}: requests per second",
        f"What {workload} answers, by response code.",
        [target(q.requests(workload), "{{response_code}}")],
        unit="reqps",
        empty=NO_TRAFFIC,
        style=STACKED,
        overrides=[
            colour("/^2/", GOOD),
            colour("/^3/", PRIMARY),
            colour("/^4/", WARNING),
            colour("/^5/", BAD),
            colour("/^0/", "#B877D9"),
            colour(NO_TRAFFIC, UNKNOWN),
        ],
    )


def errors(side: str, workload: str, line: str) -> Json:
    """Return the panel: errors."""
    allowed = f"100 - {q.check('threshold', q.REQUESTS)}"
    return timeseries(
        f"{side}: errors",
        f"Percent of the requests that {workload} answers with a 5xx, and how much the check allows the canary.",
        [target(q.error_rate(workload), side.lower()), target(allowed, "limit")],
        unit="percent",
        empty=NO_TRAFFIC,
        overrides=[colour(side.lower(), line), limit()],
    )


def durations(side: str, workload: str, line: str) -> Json:
    """Return the panel: request duration."""
    return timeseries(
        f"{side}: request duration",
        f"How long {workload} takes to answer: half of the requests are faster than P50. The limit is the canary's, on "
        "P99.",
        [
            target(q.duration(workload, 0.5), "P50"),
            target(q.duration(workload, 0.9), "P90"),
            target(q.duration(workload, 0.99), "P99"),
            target(q.check("threshold", q.DURATION_CHECKS), "limit"),
        ],
        unit="ms",
        empty=NO_TRAFFIC,
        overrides=[colour("P50", "#CCCCDC"), colour("P90", UNKNOWN), colour("P99", line), limit()],
    )


def cpu(side: str, workload: str, _colour: str) -> Json:
    """Return the panel: CPU by pod."""
    return timeseries(
        f"{side}: CPU by pod",
        f"Cores that each pod of {workload} uses, sidecar included.",
        [target(q.cpu(workload), "{{pod}}")],
        unit="none",
        empty=NO_PODS,
        overrides=[colour(NO_PODS, UNKNOWN)],
    )


def throttled(side: str, workload: str, _colour: str) -> Json:
    """Return the panel: CPU throttled."""
    return timeseries(
        f"{side}: CPU throttled",
        f"Percent of the time slices in which a pod of {workload} wanted more CPU than its limit. Above some 25 % it "
        "answers "
        "late. Without CPU limits there is nothing to throttle.",
        [target(q.throttled(workload), "{{pod}}")],
        unit="percent",
        empty=NO_PODS,
        overrides=[colour(NO_PODS, UNKNOWN)],
    )


def memory(side: str, workload: str, _colour: str) -> Json:
    """Return the panel: memory by pod."""
    return timeseries(
        f"{side}: memory by pod",
        f"Working set of each pod of {workload}, sidecar included: what counts against its limit.",
        [target(q.memory(workload), "{{pod}}")],
        unit="bytes",
        empty=NO_PODS,
        overrides=[colour(NO_PODS, UNKNOWN)],
    )


def network(side: str, workload: str, line: str) -> Json:
    """Return the panel: network."""
    return timeseries(
        f"{side}: network",
        f"Bytes per second that all pods of {workload} receive and send.",
        [target(q.network(workload, "receive"), "received"), target(q.network(workload, "transmit"), "sent")],
        unit="Bps",
        empty=NO_PODS,
        overrides=[colour("received", UNKNOWN), colour("sent", line)],
    )
