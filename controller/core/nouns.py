"""What sentences call things: kinds as words, and the workloads of a canary by name. Pure."""

import re

from controller.core.world import World

ROLLED_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that ``kubectl rollout`` knows. Of others only the controller knows whether they can be scaled, and how."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


def noun(kind: str) -> str:
    """Return a kind as sentences name it: ``virtual service`` for VirtualService, ``HTTP route`` for HTTPRoute."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(kind))


def resource(kind: str) -> str:
    """Return a kind as kubectl takes it, in the plural: ``virtualservices``."""
    return f"{kind.lower()}s"


def canary_label(world: World) -> str:
    """Name of the canary workload as events print it, also where only the spec knows it."""
    side = getattr(world.canary.spec, "canary", None)
    return f"{side.name if side else world.canary.name}.{world.canary.namespace}"


def primary_label(world: World) -> str:
    """Name of the primary workload as events print it."""
    side = getattr(world.canary.spec, "primary", None)
    return f"{side.name}.{world.canary.namespace}" if side else "the primary"
