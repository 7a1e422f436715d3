"""What a check can say: how bad, what, and how to fix it. Pure.

``check``, ``reason`` and ``level`` are an interface for programs (docs/check.md); the sentences are for people.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"  # as it should be, or only worth knowing
    WARNING = "warning"  # a rollout may work all the same, or it cannot be told
    PROBLEM = "problem"  # a rollout cannot work


class Reason(StrEnum):
    """Why, in one word. Of a canary's parts the reasons are those of its condition Ready (``core.gates``)."""

    PASSED = "Passed"
    CANNOT_TELL = "CannotTell"
    API_SERVER_UNREACHABLE = "ApiServerUnreachable"
    NOT_AUTHENTICATED = "NotAuthenticated"
    KUBERNETES_TOO_OLD = "KubernetesTooOld"
    NAMESPACE_NOT_FOUND = "NamespaceNotFound"
    KIND_NOT_SERVED = "KindNotServed"
    SCHEMA_DIFFERS = "SchemaDiffers"
    NOT_ALLOWED = "NotAllowed"
    PROMETHEUS_UNUSABLE = "PrometheusUnusable"
    NO_ISTIO_SERIES = "NoIstioSeries"
    NO_DURATIONS = "NoDurations"
    WRONG_DURATION_METRIC = "WrongDurationMetric"
    NO_SERIES_OF_WORKLOADS = "NoSeriesOfWorkloads"
    WINDOW_TOO_SHORT = "WindowTooShort"
    WINDOW_LONGER_THAN_ROUND = "WindowLongerThanRound"
    WINDOW_SHORTER_THAN_ROUND = "WindowShorterThanRound"
    LIMIT_BEYOND_BUCKETS = "LimitBeyondBuckets"
    QUERY_ANSWERED = "QueryAnswered"
    QUERY_FAILS = "QueryFails"
    QUERY_WITHOUT_DATA = "QueryWithoutData"
    QUERY_NOT_ANSWERED = "QueryNotAnswered"
    NO_LEADER = "NoLeader"
    OTHER_METRICS_SERVER = "OtherMetricsServer"
    SERVICE_SELECTS_BOTH = "ServiceSelectsBoth"
    HOSTS_NOT_ASKED = "HostsNotAsked"
    CANARY_UNREADABLE = "CanaryUnreadable"
    ROLLOUT_HELD = "RolloutHeld"
    WORKLOAD_NOT_CONVERGED = "WorkloadNotConverged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    check: str  # what was looked at: api-server, namespaces, kinds, permissions, controller, prometheus, canaries
    reason: str  # one CamelCase word
    what: str  # one sentence
    fix: str = ""  # one sentence, or a command that can be pasted; "" if there is nothing to fix
    about: str = ""  # ``namespace/name`` of a canary object, or ""
    query: str = ""  # of the user's own, as Prometheus was asked it, or ""


def passed(check: str, what: str, about: str = "") -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.OK, check, Reason.PASSED, what, about=about)


def told(check: str, reason: str, what: str, about: str = "") -> Finding:
    """Return what is fine and worth knowing: unlike what has passed, it is printed."""
    return Finding(Level.OK, check, reason, what, about=about)


def cannot_tell(check: str, what: str, fix: str, about: str = "") -> Finding:
    """Return that something could not be found out."""
    return Finding(Level.WARNING, check, Reason.CANNOT_TELL, what, fix, about)


def problem(check: str, reason: str, what: str, fix: str, about: str = "") -> Finding:
    """Return what keeps a rollout from working."""
    return Finding(Level.PROBLEM, check, reason, what, fix, about)


def warning(check: str, reason: str, what: str, fix: str, about: str = "") -> Finding:
    """Return what may keep a rollout from working."""
    return Finding(Level.WARNING, check, reason, what, fix, about)
