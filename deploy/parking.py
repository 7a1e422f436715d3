"""Pods without a number of replicas, put away: a node selector that no node fits. Pure.

It is where such a workload stands, as ``spec.replicas`` is for others, and not what it runs. Hence it has no part in a
revision and is never copied, though it stands in the middle of the pod template.
"""

from collections.abc import Mapping
from typing import Any

PARKED_LABEL = "flagger.app/parked"
"""Key of a node selector. No node has a label of that key, whatever its value."""
PARKED_VALUE = "true"


def is_parked(spec: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether a pod spec is for no node."""
    return PARKED_LABEL in _node_selector(spec)


def unparked(spec: Any) -> Any:  # noqa: ANN401  # JSON
    """Return a pod spec that is not parked, with what else its node selector asks for; the one given is left alone."""
    if not is_parked(spec):
        return spec
    others = {key: value for key, value in spec["nodeSelector"].items() if key != PARKED_LABEL}
    rest = {key: value for key, value in spec.items() if key != "nodeSelector"}
    return {**rest, "nodeSelector": others} if others else rest


def parked_like(spec: Any, other: Any) -> Any:  # noqa: ANN401  # JSON
    """Return a pod spec that is parked if another one is, and else is not; the ones given are left alone."""
    spec = unparked(spec)
    if not is_parked(other):
        return spec
    return {**spec, "nodeSelector": {**_node_selector(spec), PARKED_LABEL: other["nodeSelector"][PARKED_LABEL]}}


def _node_selector(spec: Any) -> Mapping[str, Any]:  # noqa: ANN401  # JSON
    found = spec.get("nodeSelector") if isinstance(spec, Mapping) else None
    return found if isinstance(found, Mapping) else {}
