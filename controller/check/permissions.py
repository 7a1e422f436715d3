"""What the controller may do, verb by verb: the truth that ``artifacts/flagger/account.yaml`` and the chart repeat.

A test compares them; another one, on a real control plane, compares them with what the audit log says was done.
"""

from collections.abc import Iterator
from typing import Any

from controller.check.facts import Permission
from controller.kinds import CANARY, PARTS
from controller.leases import LEASE_NAME
from controller.resources import EVENTS, LEASES
from informers.kinds import READ, WatchedKind
from informers.namespaces import NAMESPACES


def _all(group: str, resource: str, *verbs: str, name: str = "") -> tuple[Permission, ...]:
    return tuple(Permission(verb, group, resource, name) for verb in verbs)


def _of_kind(kind: WatchedKind[Any]) -> Iterator[Permission]:
    for subresource, verbs in kind.verbs.items():
        yield from _all(kind.api.group, f"{kind.api.plural}/{subresource}".rstrip("/"), *verbs)


NEEDED: tuple[Permission, ...] = (
    *(permission for kind in (CANARY, *PARTS.values()) for permission in _of_kind(kind)),
    *_all(NAMESPACES.group, "namespaces", "get", "watch"),
    *_all(EVENTS.group, "events", "create", "patch"),
)
"""In every namespace that is watched."""

NEEDED_FOR_DRY_RUN = tuple(p for p in NEEDED if p.verb in READ and p.resource != NAMESPACES.plural)

NEEDED_TO_LEAD: tuple[Permission, ...] = (
    *_all(LEASES.group, "leases", "create"),
    *_all(LEASES.group, "leases", "get", "update", name=LEASE_NAME),
)
"""In the namespace of the Lease."""
