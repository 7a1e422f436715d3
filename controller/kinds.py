"""Every kind that is watched, in one table: what there is to know of it stands with its adapter.

The table is made once, at the start, and handed to whoever needs it: an operator's file may add kinds to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.core.canary import Canary
from controller.core.parse import parse_canary
from controller.core.verbs import ABORT, HOLD, PROMOTE, RETRY
from controller.resources import APPLY_CRD, CANARIES, EVENTS
from deploy.declaration import Declaration
from deploy.declared import declared_kind
from deploy.kinds import WorkloadKind
from deploy.registry import CODED, WORKLOADS
from deploy.taken import Taken
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.shapes import ALL, Shape
from informers.types import Json
from metrics.metric_template import METRIC_TEMPLATE
from router.kinds import RouteKind
from router.registry import ROUTES
from router.services import SERVICE

_CANARY = ApiKind(CANARIES.group, (CANARIES.version,), CANARIES.plural, CANARIES.kind)
_CANARY_SHAPE = Shape(spec=ALL, status=ALL, annotations=(ABORT, HOLD, PROMOTE, RETRY))
_CANARY_VERBS = {"": (*READ, "patch"), "status": ("patch",)}


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds that there are."""

    workloads: Mapping[str, WorkloadKind]  # by spec.targetKind
    routes: Mapping[str, RouteKind]  # by the kind of the object
    parts: Mapping[str, WatchedKind[Any]]  # what canaries are made of, by kind

    @property
    def canary(self) -> WatchedKind[Canary]:
        """Return our own kind, of whose objects those that name a kind beyond the table are invalid."""
        return WatchedKind(
            _CANARY, self.view, verbs=_CANARY_VERBS, discovered=False, install=APPLY_CRD, shape=_CANARY_SHAPE
        )

    @property
    def writes(self) -> Sequence[tuple[str, str]]:
        """Verb and resource of every write that the controller makes, its lease apart."""
        patched = (kind.api.plural for kind in (self.canary, *self.parts.values()) if "patch" in kind.verbs[""])
        return (*(("patch", plural) for plural in patched), ("create", EVENTS.plural))

    def parse(self, obj: Json) -> Canary:
        """Return a Canary object as a value; see ``parse_canary``."""
        return parse_canary(obj, kinds=self.workloads, routes=self.routes)

    def view(self, obj: Json, _previous: Canary | None) -> Canary:
        """Return the cached view of a Canary object."""
        return self.parse(obj)


def make_kinds(declared: Sequence[Declaration] = ()) -> Kinds:
    """Return the table, with kinds that an operator declares: in the place of ours, where we have that kind too."""
    workloads = {**WORKLOADS, **{declaration.api.kind: declared_kind(declaration) for declaration in declared}}
    parts = (*(w.watched for w in workloads.values()), *(r.watched for r in ROUTES.values()), SERVICE, METRIC_TEMPLATE)
    return Kinds(workloads, ROUTES, {kind.api.kind: kind for kind in parts})


BUILT_IN = make_kinds()
CANARY = BUILT_IN.canary
"""Its resource and its permissions are the same whatever is declared; its view is not."""

_NO_WORKLOADS = (CANARY.api, *(kind.api for name, kind in BUILT_IN.parts.items() if name not in WORKLOADS))
TAKEN = Taken(
    kinds={
        **dict.fromkeys(CODED, "is built in"),
        **{api.kind: "is what canaries are made of" for api in _NO_WORKLOADS},
    },
    plurals={api.plural: api.kind for api in (CANARY.api, *(kind.api for kind in BUILT_IN.parts.values()))},
)
"""What nobody can declare."""
