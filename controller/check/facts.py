"""What was found out, as values. Pure.

Absence is a value here as everywhere, and so is not knowing (``Unknown``): what a check could not find out must never
look like a fault of the cluster, nor like health.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from controller.core.world import World
from informers.types import Unreadable
from metrics.types import Reading, Unavailable


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be found out."""

    why: str


@dataclass(frozen=True, slots=True)
class Version:
    """Of Kubernetes."""

    major: int
    minor: int
    text: str  # as the server says it, e.g. v1.32.0


@dataclass(frozen=True, slots=True)
class Served:
    """A kind that is served."""

    api_version: str


@dataclass(frozen=True, slots=True)
class NotServed:
    """A kind that is not."""

    what: str  # the controller's sentence
    fix: str  # how to have it served


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one resource."""

    verb: str
    group: str  # "" for the core group
    resource: str  # with its subresource: ``deployments/scale``
    name: str = ""  # of the one object that is meant; "" for all

    @property
    def on(self) -> str:
        """What the verb is for, as ``kubectl auth can-i`` takes it: ``deployments.apps/scale``."""
        plural, slash, subresource = self.resource.partition("/")
        return f"{plural}.{self.group}{slash}{subresource}" if self.group else self.resource


@dataclass(frozen=True, slots=True)
class Access:
    """Whether we have a permission."""

    permission: Permission
    namespace: str  # "" for all
    allowed: bool | Unknown
    kind: str = ""  # that needs it, if it is granted only where canaries name that kind


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Objects that could not be listed."""

    kind: str
    plural: str
    namespace: str  # "" for all
    why: str  # "" if another fact says so already: the kind is not served, or the list is not allowed


@dataclass(frozen=True, slots=True)
class Objects:
    """The canary objects, each with its world."""

    looks: tuple[World | Unreadable, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()

    def sees(self, kind: str, namespace: str) -> bool:
        """Whether what a world says of such objects of a namespace can be believed."""
        return not any(u.kind == kind and u.namespace in {"", namespace} for u in self.unlisted)


@dataclass(frozen=True, slots=True)
class Leader:
    """What the Lease says of the controller that holds it."""

    namespace: str  # of the Lease
    holder: str  # "": nobody
    silent: timedelta | None  # since it was renewed, by the wall clocks of both; None: never
    metrics_server: str  # which Prometheus it asks, without credentials; "": it does not say


@dataclass(frozen=True, slots=True)
class NoLease:
    """There is none."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Api:
    """What the API server has answered."""

    version: Version | Unknown
    user: str | Unknown
    missing_namespaces: tuple[str, ...]
    kinds: Mapping[str, Served | NotServed | Unknown]  # those that a cluster may lack
    missing_fields: tuple[str, ...]  # of our own schema, in the one that is served; empty too if it cannot be read
    access: tuple[Access, ...]
    objects: Objects
    declared: frozenset[str] = frozenset()  # kinds of an operator's file
    leader: Leader | NoLease | Unknown | None = None  # None: not asked

    @property
    def worlds(self) -> Sequence[World]:
        """The canary objects that can be read."""
        return [look for look in self.objects.looks if isinstance(look, World)]


@dataclass(frozen=True, slots=True)
class NoApi:
    """It has not answered, or not us."""

    why: str
    refused: bool  # it is there, but does not accept our credentials


@dataclass(frozen=True, slots=True)
class CheckAnswers:
    """What Prometheus has answered about one check of one canary."""

    series: Reading  # how many there are of either workload
    samples: Reading  # in two windows of the check, of the workload that is scraped least often; none if all are young
    largest_bucket: Reading  # bound of the largest finite one, in the unit of the metric; none if it has no buckets


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What Prometheus has answered to a query of the user's own."""

    query: str  # as it was asked
    reading: Reading


@dataclass(frozen=True, slots=True)
class Metrics:
    """What Prometheus has answered."""

    series: Mapping[str, Mapping[str, Reading]]  # how many there are, by reporter and metric, for any workload
    others: Mapping[str, Reading]  # series of requests that come from elsewhere, by reporter
    of_canaries: Mapping[tuple[str, str], Sequence[CheckAnswers | OwnAnswer]]  # by namespace and name, one per check


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is judged."""

    api: Api | NoApi
    metrics: Metrics | Unavailable
    namespaces: tuple[str, ...]  # empty: all
    api_server: str  # URL
    metrics_server: str  # URL, without credentials

    @property
    def worlds(self) -> Sequence[World]:
        """The canary objects that can be read."""
        return self.api.worlds if isinstance(self.api, Api) else ()
