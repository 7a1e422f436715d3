"""RED and USE of one side of a rollout: each function makes the same panel for primary and canary."""

from dataclasses import dataclass

from hack.dashboards import queries as q
from hack.dashboards.panels import BAD, CANARY, GOOD, PRIMARY, UNKNOWN, WARNING, TimeSeries, stacked, timeseries

NO_TRAFFIC = "no traffic"
NO_PODS = "no pods"
NO_PODS_GREY = {NO_PODS: UNKNOWN}


@dataclass(frozen=True, slots=True)
class Side:
    """Primary or canary."""

    name: str
    workload: str  # the dashboard's variable
    colour: str


SIDES = (Side("Primary", "$primary", PRIMARY), Side("Canary", "$canary", CANARY))


def requests(side: Side) -> TimeSeries:
    """Return the panel: requests per second."""
    classes = {"/^2/": GOOD, "/^3/": PRIMARY, "/^4/": WARNING, "/^5/": BAD, "/^0/": "#B877D9"}
    panel = timeseries(
        f"{side.name}: requests per second",
        f"What {side.workload} answers, by response code.",
        {"{{response_code}}": q.requests(side.workload)},
        unit="reqps",
        empty=NO_TRAFFIC,
        colours={**classes, NO_TRAFFIC: UNKNOWN},
    )
    return stacked(panel)


def errors(side: Side) -> TimeSeries:
    """Return the panel: errors."""
    name = side.name.lower()
    return timeseries(
        f"{side.name}: errors",
        f"Percent of the requests that {side.workload} answers with a 5xx, and how much the check allows the canary.",
        {name: q.error_rate(side.workload), "limit": f"100 - {q.check('threshold', q.REQUESTS)}"},
        unit="percent",
        empty=NO_TRAFFIC,
        colours={name: side.colour},
        limit="limit",
    )


def durations(side: Side) -> TimeSeries:
    """Return the panel: request duration."""
    percentiles = {f"P{percent}": q.duration(side.workload, percent / 100) for percent in (50, 90, 99)}
    return timeseries(
        f"{side.name}: request duration",
        f"How long {side.workload} takes to answer: half of the requests are faster than P50. The limit is the "
        "canary's, on P99.",
        {**percentiles, "limit": q.check("threshold", q.DURATION_CHECKS)},
        unit="ms",
        empty=NO_TRAFFIC,
        colours={"P50": "#CCCCDC", "P90": UNKNOWN, "P99": side.colour},
        limit="limit",
    )


def cpu(side: Side) -> TimeSeries:
    """Return the panel: CPU by pod."""
    return timeseries(
        f"{side.name}: CPU by pod",
        f"Cores that each pod of {side.workload} uses, sidecar included.",
        {"{{pod}}": q.cpu(side.workload)},
        unit="none",
        empty=NO_PODS,
        colours=NO_PODS_GREY,
    )


def throttled(side: Side) -> TimeSeries:
    """Return the panel: CPU throttled."""
    return timeseries(
        f"{side.name}: CPU throttled",
        f"Percent of the time slices in which a pod of {side.workload} wanted more CPU than its limit. Above some 25 % "
        "it answers late. Without CPU limits there is nothing to throttle.",
        {"{{pod}}": q.throttled(side.workload)},
        unit="percent",
        empty=NO_PODS,
        colours=NO_PODS_GREY,
    )


def memory(side: Side) -> TimeSeries:
    """Return the panel: memory by pod."""
    return timeseries(
        f"{side.name}: memory by pod",
        f"Working set of each pod of {side.workload}, sidecar included: what counts against its limit.",
        {"{{pod}}": q.memory(side.workload)},
        unit="bytes",
        empty=NO_PODS,
        colours=NO_PODS_GREY,
    )


def network(side: Side) -> TimeSeries:
    """Return the panel: network."""
    return timeseries(
        f"{side.name}: network",
        f"Bytes per second that all pods of {side.workload} receive and send.",
        {"received": q.network(side.workload, "receive"), "sent": q.network(side.workload, "transmit")},
        unit="Bps",
        empty=NO_PODS,
        colours={"received": UNKNOWN, "sent": side.colour},
    )
