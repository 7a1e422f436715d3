"""Every kind that is watched, in one table: what there is to know of it stands with its adapter."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from controller.core.canary import Canary
from controller.core.parse import parse_canary
from controller.resources import CANARIES
from deploy.registry import WORKLOADS
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.types import Json
from metrics.metric_template import METRIC_TEMPLATE
from router.registry import ROUTES
from router.services import SERVICE


def parse(obj: Json) -> Canary:
    """Return a Canary object as a value; see ``parse_canary``."""
    return parse_canary(obj, kinds=WORKLOADS, routes=ROUTES)


def canary_view(obj: Json, _previous: Canary | None) -> Canary:
    """Return the cached view of a Canary object."""
    return parse(obj)


CANARY = WatchedKind(
    ApiKind(CANARIES.group, (CANARIES.version,), CANARIES.plural, CANARIES.kind),
    canary_view,
    verbs={"": (*READ, "patch"), "status": ("patch",)},
    discovered=False,
)

PARTS: Mapping[str, WatchedKind[Any]] = MappingProxyType(
    {
        kind.api.kind: kind
        for kind in (
            *(w.watched for w in WORKLOADS.values()),
            *(r.watched for r in ROUTES.values()),
            SERVICE,
            METRIC_TEMPLATE,
        )
    }
)
"""What canaries are made of, by kind."""
