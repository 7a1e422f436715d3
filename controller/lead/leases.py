"""One candidate's view of a Lease: may we lead? Client-go's algorithm; no threads (contracts L).

Whether another's lease has run out is judged by how long *we* have seen it unchanged. The times written in it are for
people: they are never compared with ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from controller.resources import LEASES
from informers.errors import ApiError, ConflictError, NotFoundError
from informers.fields import HIGHEST_INT32, whole
from informers.resources import Resource
from informers.types import FieldError, Json

LEASE_NAME = "flagger-leader-election"
METRICS_SERVER = "flagger.app/metrics-server"
"""Annotation of the Lease: which Prometheus its holder asks, for people and `flagger check`."""


class LeaseClient(Protocol):
    """What a candidate needs of the API server; every call ends within a few seconds or raises ``ApiError``."""

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read the lease."""

    def create(self, resource: Resource, namespace: str, obj: Json) -> Json:
        """Create the lease."""

    def replace(self, resource: Resource, namespace: str, name: str, obj: Json) -> Json:
        """PUT the lease; its ``resourceVersion`` is a precondition and raises ``ConflictError``."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. The defaults are client-go's."""

    lease: int = 15  # others wait this long after our last sign of life
    deadline: float = 10.0  # we stop leading this long after our last renewal
    retry: float = 2.0
    jitter: float = 1.2  # of the retries of those who do not lead

    def __post_init__(self) -> None:
        if not self.lease > self.deadline > self.jitter * self.retry:
            raise ValueError(f"lease > deadline > jitter x retry must hold, not {self}")


class Candidate:
    """Tries for the lease and remembers what it saw. Used by one thread."""

    def __init__(
        self,
        client: LeaseClient,
        namespace: str,
        identity: str,
        *,
        timing: Timing,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        annotations: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take what identifies us; nothing is sent.

        Args:
            client: a client of its own, so that nothing else holds up a renewal (contract C7).
            namespace: where the lease is.
            identity: unique per process, not empty.
            timing: how long everything lasts.
            monotonic: seconds, for everything that is decided.
            now: the wall clock, for what is written.
            annotations: what the lease says of us besides, while we hold it.
        """
        if not identity:
            raise ValueError("a candidate needs an identity")
        self._client = client
        self._namespace = namespace
        self._identity = identity
        self._timing = timing
        self._monotonic = monotonic
        self._now = now
        self._annotations = annotations
        self._held: Json | None = None  # our lease as the server last confirmed it; None: read first
        self._seen: Json | None = None  # the record last read, and since when
        self._seen_at = 0.0
        self.holder = ""  # as last seen; "" before that, or if nobody holds it

    def try_to_hold(self) -> bool:
        """Take or renew the lease; return whether it is ours now, or False if another holds it.

        Raises:
            ConflictError, AlreadyExistsError: somebody else wrote it at the same time.
            ApiError: likewise nothing is known; whoever led before may still hold it.
        """
        if self._held is not None:
            try:
                self._put(self._held)
            except ApiError:
                self._held = None  # it is read, to see whose it is now
            else:
                return True
        try:
            lease = self._client.get(LEASES, self._namespace, LEASE_NAME)
        except NotFoundError:
            self._create()
            return True
        self.look_at(lease)
        if self.holder not in {"", self._identity} and not self._has_expired():
            return False
        self._put(lease)
        return True

    def release(self) -> None:
        """Let another take over at once, if the lease is ours.

        Raises:
            ApiError: it is left to run out.
        """
        until = self._monotonic() + self._timing.deadline
        while self.holder == self._identity and self._monotonic() < until:
            lease = self._held or self._client.get(LEASES, self._namespace, LEASE_NAME)
            self._held, self.holder = None, _holder(lease)
            if self.holder == self._identity and self._give_up(lease):
                self.holder = ""

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _give_up(self, lease: Json) -> bool:
        try:
            self._client.replace(LEASES, self._namespace, LEASE_NAME, self._released(lease))
        except ConflictError:
            return False
        return True

    def _create(self) -> None:
        lease = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": self._annotated({"name": LEASE_NAME, "namespace": self._namespace}),
            "spec": self._record({}),
        }
        self._hold(self._client.create(LEASES, self._namespace, lease))

    def _put(self, lease: Json) -> None:
        renewed = {**lease, "metadata": self._annotated(lease["metadata"]), "spec": self._record(_spec(lease))}
        self._hold(self._client.replace(LEASES, self._namespace, LEASE_NAME, renewed))

    def _hold(self, lease: Json) -> None:
        self._held = lease
        self.holder = self._identity

    def _annotated(self, metadata: Json) -> Json:
        """Return metadata that says of us what there is to say, beside what others have written there."""
        if not self._annotations:
            return metadata
        return {**metadata, "annotations": {**(metadata.get("annotations") or {}), **self._annotations}}

    def _record(self, spec: Json) -> Json:
        """Return the record that says that we hold the lease, keeping what we don't know."""
        now = _micro_time(self._now())
        new = {**spec, "renewTime": now, "leaseDurationSeconds": self._timing.lease}
        if spec.get("holderIdentity") != self._identity:
            transitions = _number(spec, "leaseTransitions", 0)
            new |= {
                "holderIdentity": self._identity,
                "acquireTime": now,
                "leaseTransitions": min(transitions + 1, HIGHEST_INT32) if spec else 0,
            }
        return new

    def _released(self, lease: Json) -> Json:
        now = _micro_time(self._now())
        free = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now}
        return {**lease, "spec": {**_spec(lease), **free}}

    def look_at(self, lease: Json) -> None:
        """Take note of the lease as it is; an empty one if there is none."""
        spec = _spec(lease)
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._monotonic()
        self.holder = _holder(lease)

    def _has_expired(self) -> bool:
        return self.expires_in() <= 0

    def expires_in(self) -> float:
        """Return in how many seconds another's record has not changed for as long as it says itself, by our clock."""
        lasts = _number(self._seen or {}, "leaseDurationSeconds", self._timing.lease)
        return self._seen_at + lasts - self._monotonic()


def _spec(lease: Json) -> Json:
    """Return the record; an empty one where something else stands, which is written over like one that nobody holds."""
    spec = lease.get("spec")
    return spec if isinstance(spec, dict) else {}


def _number(spec: Json, field: str, default: int) -> int:
    """Return a number of the record; the default if it is absent, 0, or what the API server would not store."""
    try:
        return whole(spec, field, "spec.", highest=HIGHEST_INT32) or default
    except FieldError:
        return default


def _holder(lease: Json) -> str:
    return str(_spec(lease).get("holderIdentity") or "")


def _micro_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
