"""The vocabulary of analysis: checks, readings, verdicts, and what an observer can do. Pure.

A check says what is measured, how, and what the answer must be. In which words it is asked is the provider's business
(``metrics.queries``), or that of the object that brings its own query.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

DEFAULT_QUANTILE = 0.99
DESTINATION = "destination"
REPORTERS = (DESTINATION, "source", "waypoint")
"""Whose proxies count a request: the workload's own, its callers' (gateways included), or a waypoint's (ambient mode).

Source: label ``reporter`` of Istio's standard metrics.
"""
HTTP, GRPC = "http", "grpc"
PROTOCOLS = (HTTP, GRPC)
"""Whose status says whether a request has failed."""


@dataclass(frozen=True, slots=True)
class Check:
    """A metric that the controller knows, with its limit."""

    name: str  # see metrics.checks
    threshold: float  # percent for rates, milliseconds for durations
    interval: str  # window, a Prometheus duration such as 1m
    quantile: float = DEFAULT_QUANTILE  # of a duration, between 0 and 1
    protocol: str = HTTP  # of a rate


@dataclass(frozen=True, slots=True)
class Limits:
    """Which readings pass: those between the two, each of which passes as well. At least one is set."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A metric of the user's own: what is asked, and what the answer must be."""

    name: str  # as events say it
    query: str  # in the provider's language, with the variables of metrics.templates; "" until the template was found
    limits: Limits  # in the unit of the query
    interval: str  # window, a Prometheus duration such as 1m
    unit: str = ""  # as events print it: %, ms, messages
    template: str = ""  # name of the MetricTemplate that holds the query; "" if the Canary object does
    variables: tuple[tuple[str, str], ...] = ()  # what the canary sets for that template
    address: str = ""  # of the server that is asked; "": the usual one
    problem: str = ""  # why it cannot be asked


AnyCheck = Check | OwnCheck


@dataclass(frozen=True, slots=True)
class Target:
    """The workload that is judged, and by whose numbers."""

    namespace: str
    workload: str
    reporter: str = DESTINATION  # of the built-in checks
    canary: str = ""  # name of the Canary object


@dataclass(frozen=True, slots=True)
class Group:
    """What questions of several workloads have in common that can be asked as one."""

    check: Check  # with a threshold of 0: limits are no part of what is asked
    reporter: str


@dataclass(frozen=True, slots=True)
class Value:
    """A finite number in the unit of the check's limit."""

    number: float
    at_least: bool = False  # the true number is higher: the histogram has no larger bucket that could tell by how much


@dataclass(frozen=True, slots=True)
class NoData:
    """Prometheus answered, with an empty vector, NaN or an infinity."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Prometheus could not answer."""

    reason: str  # what happened and where, for people; never with credentials
    nobody_there: bool = field(default=False, compare=False)  # whatever had been asked


Reading = Value | NoData | Unavailable


class Verdict(StrEnum):
    """What a reading says of a canary."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A check with its reading, judged."""

    check: AnyCheck
    reading: Reading
    verdict: Verdict
    text: str  # for the event: "success rate 82.33% < 99%"; "" if the check passed


class ObserverClosedError(Exception):
    """The observer was closed before it had answered: nothing was measured, and nothing may be concluded from it."""


class MetricsObserver(Protocol):
    """Asks for readings. Never raises for what a provider does: that is a reading. Safe to share between threads."""

    @property
    def where(self) -> str:
        """Address that is asked unless something else is named, as it may be shown."""

    @property
    def servers(self) -> Collection[str]:
        """Every address that may be asked, as it may be shown; whatever else is named is a reading that says so."""

    def observe(
        self, target: Target, checks: Sequence[AnyCheck], *, seconds: float | None = None
    ) -> tuple[Reading, ...]:
        """Return one reading per check, in their order; checks of one call run side by side, one in this thread.

        Each query has so many seconds; None: as many as any.

        Raises:
            ObserverClosedError: it was closed before or meanwhile.
        """

    def group_of(self, target: Target, check: AnyCheck) -> Group | None:
        """Return with which other questions this one can be asked as one; None if it has to be asked alone."""

    def observe_group(self, group: Group, targets: Sequence[Target]) -> tuple[Reading, ...]:
        """Return one reading per target, in their order: the same as each alone would have, but from one query.

        Unavailable is not the last word: alone a target may have an answer.

        Raises:
            ObserverClosedError: it was closed before or meanwhile.
        """

    def ask(self, queries: Sequence[str], *, address: str = "") -> tuple[Reading, ...]:
        """Return one reading per query, in their order and in the unit of the query; they are asked side by side.

        Raises:
            ObserverClosedError: it was closed before or meanwhile.
        """

    def cut(self) -> None:
        """End every query under way at once, and each that comes: ``ObserverClosedError``."""

    def close(self) -> None:
        """Cut, and close what is kept. Nothing of another thread may be under way; whoever calls again does no harm."""
