"""Asks for the Lease: whether a controller leads, and which Prometheus it asks."""

from collections.abc import Sequence
from datetime import UTC, datetime

from controller.check.answers import told
from controller.check.facts import Access, Leader, NoLease, Unknown
from controller.lead.leases import LEASE_NAME, METRICS_SERVER
from controller.resources import LEASES
from informers.client import KubeClient
from informers.errors import NotFoundError
from informers.fields import labels, mapping, text
from informers.types import FieldError, Json


def ask_leader(
    client: KubeClient, namespace: str | None, access: Sequence[Access], now: datetime
) -> Leader | NoLease | Unknown | None:
    """Return who leads; None where controllers lead without asking, or where we may not look.

    Args:
        client: of the API server.
        namespace: where the Lease is; None for a controller that takes none.
        access: what is known to be allowed.
        now: the wall clock.
    """
    may_look = any(
        a.permission.resource == LEASES.plural and a.permission.verb == "get" and a.allowed is True for a in access
    )
    if namespace is None or not may_look:
        return None
    try:
        lease = told(lambda: client.get(LEASES, namespace, LEASE_NAME))
    except NotFoundError:
        return NoLease(namespace)
    if isinstance(lease, Unknown):
        return lease
    try:
        return _leader(lease, namespace, now)
    except (FieldError, ValueError) as error:
        return Unknown(f"the Lease {LEASE_NAME} in namespace {namespace} is malformed: {error}")


def _leader(lease: Json, namespace: str, now: datetime) -> Leader:
    spec, metadata = mapping(lease, "spec", ""), mapping(lease, "metadata", "")
    renewed = text(spec, "renewTime", "spec.")
    return Leader(
        namespace=namespace,
        holder=text(spec, "holderIdentity", "spec."),
        silent=now - datetime.fromisoformat(renewed).astimezone(UTC) if renewed else None,
        metrics_server=labels(metadata, "annotations", "metadata.").get(METRICS_SERVER, ""),
    )
