"""What the controller may do, verb by verb: the truth that ``artifacts/flagger/account.yaml`` and the chart repeat.

A test compares them; another one, on a real control plane, compares them with what the audit log says was done.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controller.check.facts import Permission
from controller.kinds import BUILT_IN, CANARY, Kinds
from controller.lead.leases import LEASE_NAME
from controller.resources import EVENTS, LEASES
from informers.kinds import READ, WatchedKind
from informers.namespaces import NAMESPACES


def _all(group: str, resource: str, *verbs: str, name: str = "") -> tuple[Permission, ...]:
    return tuple(Permission(verb, group, resource, name) for verb in verbs)


def _of_kind(kind: WatchedKind[Any]) -> Iterator[Permission]:
    for subresource, verbs in kind.verbs.items():
        yield from _all(kind.api.group, f"{kind.api.plural}/{subresource}".rstrip("/"), *verbs)


NEEDED: tuple[Permission, ...] = (
    *(permission for kind in (CANARY, *BUILT_IN.parts.values()) if not kind.optional for permission in _of_kind(kind)),
    *_all(NAMESPACES.group, "namespaces", "get", "watch"),
    *_all(EVENTS.group, "events", "create", "patch"),
)
"""In every namespace that is watched."""


def optional(kinds: Kinds) -> Mapping[str, tuple[Permission, ...]]:
    """Return what is needed likewise, by kind, for kinds that are granted only where canaries name them."""
    return {name: tuple(_of_kind(kind)) for name, kind in kinds.parts.items() if kind.optional}


def for_dry_run(permissions: Iterable[Permission]) -> tuple[Permission, ...]:
    """Return those that a dry run needs."""
    return tuple(p for p in permissions if p.verb in READ and p.resource != NAMESPACES.plural)


NEEDED_TO_LEAD: tuple[Permission, ...] = (
    *_all(LEASES.group, "leases", "create"),
    *_all(LEASES.group, "leases", "get", "update", "watch", name=LEASE_NAME),
)
"""In the namespace of the Lease."""
