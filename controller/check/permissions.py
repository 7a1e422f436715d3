"""What the controller may do, verb by verb: the truth that ``artifacts/flagger/account.yaml`` and the chart repeat.

A test compares them; another one, on a real control plane, compares them with what the audit log says was done.
"""

from controller.check.facts import Permission
from controller.leases import LEASE_NAME
from informers.resources import CANARIES, DEPLOYMENTS, EVENTS, LEASES, NAMESPACES, SERVICES, VIRTUAL_SERVICE_GROUP

_READ = ("list", "watch")


def _all(group: str, resource: str, *verbs: str, name: str = "") -> tuple[Permission, ...]:
    return tuple(Permission(verb, group, resource, name) for verb in verbs)


NEEDED: tuple[Permission, ...] = (
    *_all(CANARIES.group, "canaries", *_READ, "patch"),
    *_all(CANARIES.group, "canaries/status", "patch"),
    *_all(DEPLOYMENTS.group, "deployments", "get", *_READ, "patch"),
    *_all(DEPLOYMENTS.group, "deployments/scale", "patch"),
    *_all(VIRTUAL_SERVICE_GROUP, "virtualservices", *_READ, "patch"),
    *_all(SERVICES.group, "services", *_READ),
    *_all(NAMESPACES.group, "namespaces", "get", "watch"),
    *_all(EVENTS.group, "events", "create", "patch"),
)
"""In every namespace that is watched."""

NEEDED_FOR_DRY_RUN = tuple(p for p in NEEDED if p.verb in _READ and p.resource != NAMESPACES.plural)

NEEDED_TO_LEAD: tuple[Permission, ...] = (
    *_all(LEASES.group, "leases", "create"),
    *_all(LEASES.group, "leases", "get", "update", name=LEASE_NAME),
)
"""In the namespace of the Lease."""
