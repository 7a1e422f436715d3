"""The vocabulary of routing: hosts, weights, routes, and what a router can do. Pure.

What a new kind of route takes is listed in CONTRIBUTING.md.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

TOTAL = 100
"""Percent: what the weights that we write add up to.

Istio accepts any sum above 0 and takes the weights as shares of it: 9/1 sends a tenth. Such a route is readable, but it
carries no ``Weights``. While a rollout runs it is brought to the recorded ones, like a route whose weights somebody
changed (``Correcting … canary weight uneven to 10``); at rest nothing is written to it.

Source: ``validateHTTPRouteDestinations`` of Istio 1.12 and newer, which refuses a sum of 0 and weights below 0 only.
"""


@dataclass(frozen=True, slots=True)
class Weights:
    """Percent of the requests sent to either side. Cannot be built so that it does not add up to 100."""

    primary: int
    canary: int

    def __post_init__(self) -> None:
        if self.primary < 0 or self.canary < 0 or self.primary + self.canary != TOTAL:
            raise ValueError(f"weights must be at least 0 and add up to {TOTAL}, not {self.primary}/{self.canary}")

    @classmethod
    def to_canary(cls, percent: int) -> "Weights":
        """Return the weights that send ``percent`` (0..100) of the requests to the canary."""
        return cls(primary=TOTAL - percent, canary=percent)


ALL_TO_PRIMARY = Weights(primary=100, canary=0)


@dataclass(frozen=True, slots=True)
class RouteRef:
    """Which route object, and which two hosts in it."""

    namespace: str
    name: str
    primary_host: str  # as the user wrote it; normalised where hosts are compared
    canary_host: str


@dataclass(frozen=True, slots=True)
class Route:
    """What a router found for a ``RouteRef``."""

    weights: Weights | None  # None: no percentages (routes disagree, don't add up to 100, or there is a problem)
    problem: str | None = None  # what is missing or in the way, as the end of a sentence; None if usable
    sends_to_canary: bool = False  # some managed route carries a weight above 0 for the canary host
    sends_to_primary: bool = True  # likewise; looked at only where there are no ``weights``
    unreadable: bool = False  # the object is there, and what it sends where is not known
    only_for: tuple[str, ...] = ()  # hosts that no service is called, if it takes requests for nothing else


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service: what tells HTTP from other protocols."""

    name: str
    app_protocol: str


@dataclass(frozen=True, slots=True)
class Service:
    """View of a Kubernetes Service."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    kind: str  # spec.type: ClusterIP, NodePort, LoadBalancer, ExternalName
    ports: tuple[ServicePort, ...]
    selector: tuple[tuple[str, str], ...]  # labels of the pods behind it, sorted; (): endpoints are somebody's own


@dataclass(frozen=True, slots=True)
class Backend:
    """What stands behind a host."""

    problem: str | None  # why it cannot take weighted HTTP traffic, as the end of a sentence; None if it can
    gone: bool = False  # there is no such Service
    selector: tuple[tuple[str, str], ...] | None = None  # labels of its pods; (): it selects none; None: not known

    @property
    def identity(self) -> frozenset[str]:
        """Label keys by which its pods are told from others."""
        return frozenset(key for key, _ in self.selector or ())

    def leads_to(self, labels: Collection[tuple[str, str]] | None) -> bool:
        """Whether requests reach pods with these labels, as far as can be known; None stands for unknown labels.

        That pods are selected is enough, and EndpointSlices are not watched: the same condition Ready of a pod makes it
        available to its Deployment and an endpoint of its Service, and Istio sends endpoints before routes.
        """
        if self.gone:
            return False
        if self.selector is None:
            return True
        return bool(self.selector) and (labels is None or set(self.selector) <= set(labels))


class Router(Protocol):
    """Where the weights live. Reads come from a cache; ``shift`` is one patch with a precondition."""

    def get(self, ref: RouteRef) -> Route | None:
        """Return the route as the cache has it, or None if the route object does not exist."""

    def fence(self, ref: RouteRef) -> None:
        """Move the version of the route object, and nothing else: a patch on an older version is refused from now on.

        Raises:
            informers.errors.ConflictError: the route changed since it was read; reconcile again.
            informers.errors.ApiError: whatever else the API server said.
        """

    def shift(self, ref: RouteRef, weights: Weights) -> None:
        """Write the weights to every managed route.

        Raises:
            informers.errors.ConflictError: the route changed since it was read; reconcile again.
            informers.errors.NotFoundError: the route object is gone.
            informers.errors.ApiError: whatever else the API server said.
        """
