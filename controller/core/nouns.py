"""Kinds as words. Pure."""

import re

ROLLED_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that ``kubectl rollout`` knows. Of others only the controller knows whether they can be scaled, and how."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


def noun(kind: str) -> str:
    """Return a kind as sentences name it: ``virtual service`` for VirtualService, ``HTTP route`` for HTTPRoute."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(kind))


def resource(kind: str) -> str:
    """Return a kind as kubectl takes it, in the plural: ``virtualservices``."""
    return f"{kind.lower()}s"
