"""Which route kinds there are. A new one is an adapter with its value, and its place here."""

from collections.abc import Mapping

from router.gateway import HTTP_ROUTE
from router.istio import VIRTUAL_SERVICE
from router.kinds import RouteKind

ROUTES: Mapping[str, RouteKind] = {kind.watched.api.kind: kind for kind in (VIRTUAL_SERVICE, HTTP_ROUTE)}
"""By the kind of the object."""
