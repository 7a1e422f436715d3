"""What Prometheus' answers mean: is it there, has it Istio's series, and those that the canaries ask for? Pure."""

from collections.abc import Iterator, Mapping, Sequence

from controller.check.facts import CheckAnswers, Facts, OwnAnswer
from controller.check.findings import Finding, Reason, cannot_tell, passed, problem, warning
from controller.core.canary import CanarySpec
from controller.core.world import World
from informers.keys import key_of
from metrics.checks import CHECKS
from metrics.durations import go_duration
from metrics.queries import QUERIES
from metrics.types import DESTINATION, GRPC, Check, Reading, Unavailable, Value

REQUESTS = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"
MILLISECONDS = "istio_request_duration_milliseconds_bucket"
METRICS = tuple(CHECKS)
TWIN = {SECONDS: (MILLISECONDS, "since 1.5"), MILLISECONDS: (SECONDS, "before 1.5")}
_SCRAPES = 2  # within a window, without which there is no rate
_SCRAPE = "Let Prometheus scrape the sidecars (Istio's integration guide for Prometheus), and send some requests."
_NOBODY = {
    DESTINATION: "no workload that is called has a sidecar",
    "source": "no caller has a sidecar, and no gateway is scraped",
    "waypoint": "no waypoint is in use, or none is scraped",
}
_REPORT = {
    DESTINATION: "kubectl label namespace NAMESPACE istio-injection=enabled, and restart its Deployments; with callers "
    "or a waypoint that report, set spec.canaryAnalysis.reporter to source or waypoint",
    "source": "Scrape the ingress gateway and the callers' sidecars, or correct spec.canaryAnalysis.reporter.",
    "waypoint": "istioctl waypoint apply -n NAMESPACE --enroll-namespace, or correct spec.canaryAnalysis.reporter.",
}
_ADDRESS = (
    "Correct --metrics-server; from outside of the cluster: kubectl -n istio-system port-forward service/prometheus "
    "9090, and --metrics-server http://localhost:9090"
)

_OTHER = {"https": "http", "http": "https"}
_ADVICE = (  # a sign in the observer's sentence, and what it calls for
    ("WRONG_VERSION_NUMBER", "It does not speak TLS: --metrics-server {other}"),
    ("HTTP request to an HTTPS server", "It speaks TLS: --metrics-server {other}"),
    (
        "answered 401",
        "Set PROMETHEUS_TOKEN, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD (docs/flags.md).",
    ),
    ("answered 403", "These credentials may not query it; for a tenant, set PROMETHEUS_HEADERS (docs/flags.md)."),
    ("certificate", "Name the authority that has signed its certificate with SSL_CERT_FILE (docs/flags.md)."),
    ("it redirects to", "Name the address that it redirects to; a page for logging in calls for credentials instead."),
    ("where JSON of Prometheus was expected", "Something else answers at {address}: name Prometheus itself."),
)


def prometheus(facts: Facts) -> Iterator[Finding]:
    """It answers, and to a query."""
    if isinstance(facts.metrics, Unavailable):
        said = f"Prometheus cannot be used: {facts.metrics.reason}"
        yield problem(
            "prometheus", Reason.PROMETHEUS_UNUSABLE, said, _advice(facts.metrics.reason, facts.metrics_server)
        )
    else:
        yield passed("prometheus", f"Prometheus answers at {facts.metrics_server}")


def _advice(reason: str, address: str) -> str:
    """Return what to do about an answer that cannot be used; the first sign that it shows decides."""
    scheme, _, rest = address.partition("://")
    path = rest.partition("/")[2]
    for sign, advice in _ADVICE:
        if sign in reason:
            return advice.format(address=address, other=f"{_OTHER.get(scheme, scheme)}://{rest}", path=f"/{path}")
    if "answered 404" in reason and path:
        return f"Leave /{path} out of --metrics-server if it is part of a page's address; /api/v1/query is added to it."
    return _ADDRESS


def istio_series(facts: Facts) -> Iterator[Finding]:
    """It holds the series that workloads with a sidecar have."""
    metrics = facts.metrics
    if isinstance(metrics, Unavailable):
        return
    answers = [*metrics.others.values(), *(r for series in metrics.series.values() for r in series.values())]
    unknown = next((r for r in answers if isinstance(r, Unavailable)), None)
    if unknown is not None:
        said = f"It is unknown which of Istio's series Prometheus has: {unknown.reason}"
        yield cannot_tell("prometheus", said, "Try again; if it is too slow for this, it is too slow to judge.")
        return
    for reporter, series in metrics.series.items():
        if _some(series[REQUESTS]):
            yield from _durations(reporter, series)
        else:
            yield _no_requests(facts, reporter, elsewhere=_some(metrics.others[reporter]))


def _durations(reporter: str, series: Mapping[str, Reading]) -> Iterator[Finding]:
    by = "of workloads with a sidecar" if reporter == DESTINATION else f'with reporter="{reporter}"'
    yield passed("prometheus", f"Prometheus has {REQUESTS} {by}")
    durations = [name for name in (SECONDS, MILLISECONDS) if _some(series[name])]
    if durations:
        yield passed("prometheus", f"Prometheus has {' and '.join(durations)}")
    else:
        said = f"Prometheus has {REQUESTS}, but neither {SECONDS} nor {MILLISECONDS}"
        fix = "Enable Istio's request duration metric and let Prometheus keep its buckets, if canaries should check it."
        yield warning("prometheus", Reason.NO_DURATIONS, said, fix)


def _no_requests(facts: Facts, reporter: str, *, elsewhere: bool) -> Finding:
    """A mesh that nobody has used yet is no fault, unless a canary is to be judged by it."""
    if elsewhere:
        said = f'Prometheus has {REQUESTS}, but none with reporter="{reporter}": {_NOBODY[reporter]}'
        fix = _REPORT[reporter]
    else:
        said = f"Prometheus has no {REQUESTS}: it does not scrape the mesh, or no request was sent yet"
        fix = _SCRAPE
    specs = [world.canary.spec for world in facts.worlds if isinstance(world.canary.spec, CanarySpec)]
    asked = any(isinstance(check, Check) for spec in specs for check in spec.checks if spec.reporter == reporter)
    return (problem if asked else warning)("prometheus", Reason.NO_ISTIO_SERIES, said, fix)


def canary_series(facts: Facts) -> Iterator[Finding]:
    """It holds, for each canary, what the analysis asks for."""
    metrics = facts.metrics
    if isinstance(metrics, Unavailable):
        return
    for world in facts.worlds:
        canary, spec = world.canary, world.canary.spec
        answers = metrics.of_canaries.get((canary.namespace, canary.name), ())
        if isinstance(spec, CanarySpec) and not _lacks(metrics.series[spec.reporter][REQUESTS]):  # or it was said, once
            yield from _of_canary(metrics.series[spec.reporter], world, spec, answers)


def _of_canary(
    series: Mapping[str, Reading], world: World, spec: CanarySpec, asked: Sequence[CheckAnswers | OwnAnswer]
) -> Iterator[Finding]:
    about = key_of(world.canary.namespace, world.canary.name)
    workloads = f"{spec.primary.name} or {spec.canary.name} in namespace {world.canary.namespace}"
    for index, found in enumerate(zip(spec.checks, asked, strict=False)):
        field = f"spec.canaryAnalysis.metrics[{index}]"
        match found:
            case Check() as check, CheckAnswers() as answers:
                yield from _of_check(series, check, answers, workloads, field, about)


def _of_check(  # what the sentences name
    series: Mapping[str, Reading], check: Check, answers: CheckAnswers, workloads: str, field: str, about: str
) -> Iterator[Finding]:
    twin, since = TWIN.get(check.name, ("", ""))
    missing = _lacks(series[check.name])
    if missing and twin and _some(series[twin]):
        said = f"It checks {check.name}, which Prometheus does not have: Istio {since} has {twin}"
        fix = f"Set {field}.name to {twin}; the threshold stays, it is in milliseconds."
        yield problem("canaries", Reason.WRONG_DURATION_METRIC, said, fix, about)
    elif isinstance(answers.series, Unavailable):
        said = f"It is unknown whether Prometheus has {check.name} of {workloads}: {answers.series.reason}"
        yield cannot_tell("canaries", said, "Try again.", about)
    elif not missing and _lacks(answers.series):
        of_protocol = ' with request_protocol="grpc"' if check.protocol == GRPC else ""
        said = f"Prometheus has no {check.name} of {workloads}{of_protocol}"
        fix = "Send requests through the mesh to its hosts, and see that its pods have a sidecar."
        yield warning("canaries", Reason.NO_SERIES_OF_WORKLOADS, said, fix, about)
    else:
        yield from _of_window(check, answers.samples, workloads, field, about)
        yield from _of_buckets(check, answers.largest_bucket, workloads, field, about)


def _of_window(check: Check, samples: Reading, workloads: str, field: str, about: str) -> Iterator[Finding]:
    """The window holds two scrapes, however it lies to them. Asked of series only that are older than it."""
    if isinstance(samples, Unavailable):
        yield _does_not_tell(check, samples, workloads, about)
    elif isinstance(samples, Value) and samples.number < 2 * _SCRAPES:
        never = samples.number <= _SCRAPES  # in two windows
        often = "never holds" if never else "does not always hold"
        said = f"Its window of {check.interval} for {check.name} {often} the two scrapes of Prometheus"
        factor = 4 if samples.number >= _SCRAPES else 8
        window = f"{factor * int(check.interval[:-1])}{check.interval[-1]}"
        fix = f"Set {field}.interval to {window}, four scrapes or more, or scrape more often."
        level = problem if never else warning
        yield level("canaries", Reason.WINDOW_TOO_SHORT, f"{said} that a reading needs", fix, about)


def _of_buckets(check: Check, largest: Reading, workloads: str, field: str, about: str) -> Iterator[Finding]:
    """The histogram shows whether the limit holds. A quantile beyond its largest bucket is only known to be longer."""
    if isinstance(largest, Unavailable):
        yield _does_not_tell(check, largest, workloads, about)
    elif isinstance(largest, Value) and check.threshold > largest.number * QUERIES[check.name].scale:
        bound = round(largest.number * QUERIES[check.name].scale)
        said = (
            f"Its limit of {go_duration(round(check.threshold))} for {check.name} is above the largest bucket, "
            f"{go_duration(bound)}: durations between the two cannot be distinguished from longer ones, and fail"
        )
        fix = (
            f"Set {field}.threshold to {bound} or less, or give the workloads larger buckets "
            "(annotation sidecar.istio.io/statsHistogramBuckets)."
        )
        yield warning("canaries", Reason.LIMIT_BEYOND_BUCKETS, said, fix, about)


def _does_not_tell(check: Check, reading: Unavailable, workloads: str, about: str) -> Finding:
    said = f"It is unknown whether {check.name} of {workloads} fits its check: {reading.reason}"
    return cannot_tell("canaries", said, "Try again.", about)


def _some(reading: Reading) -> bool:
    return isinstance(reading, Value) and reading.number > 0


def _lacks(reading: Reading) -> bool:
    return not isinstance(reading, Unavailable) and not _some(reading)
