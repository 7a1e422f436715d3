"""Apply: a plan's actions, one after the other, each a minimal patch with a precondition on what was read.

The first action that fails ends the plan with its exception: what was not reached is decided anew.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from controller.core.canary import Canary, CanarySpec, CanaryStatus
from controller.core.events import Event
from controller.core.plan import (
    Action,
    CopyTemplate,
    Fence,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.status_json import SHOWN, dropped, status_patch
from controller.core.world import FINALIZER, World
from controller.gather import Adapters, route_ref
from controller.resources import CANARIES
from deploy.types import Workload
from informers.errors import InvalidError
from informers.types import Cache, Json, Unreadable, Writer

log = logging.getLogger(__name__)

NEWER_DEFINITION = "apply the one of this release (artifacts/flagger/crd.yaml)"


class LeadLostError(Exception):
    """Another replica may lead by now: whatever else was planned is its own to decide."""


class FieldDroppedError(InvalidError):
    """The API server stored less than was sent. Going on would repeat the same step for ever."""


@dataclass(slots=True)
class NotStored:
    """Fields of the status for people that the API server drops, because its definition of Canary is older.

    What one canary finds holds for all of them. Workers may overwrite each other's finding: the next write finds it
    again.
    """

    fields: frozenset[str] = frozenset()

    def learn(self, sent: Collection[str], kept: Collection[str]) -> None:
        """Take in which of these fields a write has sent, and which the API server holds afterwards."""
        lost = frozenset(sent) - frozenset(kept)
        if lost - self.fields:
            log.warning("Fields of the status are not stored", extra={"fields": sorted(lost), "fix": NEWER_DEFINITION})
        self.fields = (self.fields - frozenset(sent)) | lost

    def __call__(self) -> str:
        """Return what to tell people; nothing if all is stored."""
        if not self.fields:
            return ""
        names = ", ".join(f"status.{name}" for name in sorted(self.fields))
        return f"the definition of Canary that the API server serves has no field {names}, {NEWER_DEFINITION}"


class Recorder(Protocol):
    """Who hears every event, in the order in which things happen."""

    def record(self, canary: Canary | Unreadable, event: Event) -> None:
        """Take an event without blocking or raising: a reconcile must not wait or fail for it."""


class Applier(Protocol):
    """What carries out plans."""

    def apply(self, world: World, plan: Plan, done: Callable[[Action], None]) -> None:
        """Carry out the actions in order; stop at the first that raises.

        Args:
            world: what the plan was made from.
            plan: what to do.
            done: called with each action that was carried out, at once, also if a later one raises.
        """


@dataclass(frozen=True, slots=True)
class RealApplier:
    """Writes to the cluster."""

    canaries: Cache[Canary]
    adapters: Adapters
    writer: Writer
    recorders: Sequence[Recorder]
    leads: Callable[[], bool]  # asked right before each write: a process that was paused may have lost the lead
    not_stored: NotStored = field(default_factory=NotStored)

    def apply(self, world: World, plan: Plan, done: Callable[[Action], None]) -> None:
        """Carry out the actions in order; see ``Applier.apply``.

        Raises:
            LeadLostError: another replica may lead by now; nothing more is written.
            informers.errors.ConflictError: something changed since the world was gathered.
            informers.errors.ApiError: whatever else the API server said.
        """
        writes = _CanaryWrites(self.canaries, self.writer, world.canary, self.not_stored)
        for action in plan.actions:
            if not self.leads():
                raise LeadLostError("the lead is lost, nothing more is written")
            match action:
                case WriteStatus() | HoldFinalizer() | ReleaseFinalizer():
                    writes.carry_out(action)
                case Say() | Log():
                    self._report(world.canary, action)
                case Shift() | Fence("route"):
                    self._act_on_the_route(world, action)
                case Scale() | CopyTemplate() | Fence():
                    self._act_on_workloads(world, action)
                case _:
                    assert_never(action)
            done(action)

    def _report(self, canary: Canary, action: Say | Log) -> None:
        match action:
            case Say(event):
                for recorder in self.recorders:
                    recorder.record(canary, event)
            case Log(text):
                log.info(text, extra={"canary": canary.name, "namespace": canary.namespace})

    def _act_on_the_route(self, world: World, action: Shift | Fence) -> None:
        spec = _spec(world)
        router, ref = self.adapters.routers[spec.route_kind], route_ref(world.canary, spec)
        match action:
            case Shift(weights):
                router.shift(ref, weights)
            case Fence():
                router.fence(ref)

    def _act_on_workloads(self, world: World, action: Scale | CopyTemplate | Fence) -> None:
        deployer = self.adapters.deployers[_spec(world).target_kind]
        if isinstance(action, Fence):
            workload = world.primary if action.what == "primary" else world.canary_workload
            assert isinstance(workload, Workload), "only what was found is fenced"  # noqa: S101
            deployer.fence(workload)
            return
        assert isinstance(world.canary_workload, Workload), "only what was found is scaled or copied"  # noqa: S101
        match action:
            case Scale(replicas):
                deployer.scale(world.canary_workload, replicas=replicas)
            case CopyTemplate(stamp):
                assert isinstance(world.primary, Workload), "and only over what was found"  # noqa: S101
                deployer.copy_template(world.canary_workload, world.primary, stamp=stamp, identity=world.identity)


def _spec(world: World) -> CanarySpec:
    assert isinstance(world.canary.spec, CanarySpec), "parts are named by a valid spec"  # noqa: S101
    return world.canary.spec


@dataclass(slots=True)
class _CanaryWrites:
    """The writes of one plan to its canary object, each on the version and the status that the one before has left."""

    cache: Cache[Canary]
    writer: Writer
    canary: Canary
    not_stored: NotStored
    version: str = ""
    status: CanaryStatus = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.canary.status

    def carry_out(self, action: WriteStatus | HoldFinalizer | ReleaseFinalizer) -> None:
        match action:
            case WriteStatus(status):
                self._patch_status(status)
            case HoldFinalizer():
                self._set_finalizers((*self.canary.finalizers, FINALIZER))
            case ReleaseFinalizer():
                self._set_finalizers(tuple(f for f in self.canary.finalizers if f != FINALIZER))

    def _patch_status(self, status: CanaryStatus) -> None:
        patch = status_patch(self.status, status)
        answer = self._patch({"status": patch}, subresource="status")
        self.status = status
        kept = answer.get("status") or {}
        sent = {name: value for name, value in patch.items() if value is not None}
        self.not_stored.learn(sent.keys() & SHOWN, kept)
        lost = dropped({name: value for name, value in sent.items() if name not in SHOWN}, kept)
        if lost:
            raise FieldDroppedError(
                f"patch canaries/status {self.canary.label}: the definition of Canary that the API server serves "
                f"has no field {lost}, {NEWER_DEFINITION}"
            )

    def _set_finalizers(self, finalizers: Sequence[str]) -> None:
        self._patch({"metadata": {"finalizers": list(finalizers) or None}})

    def _patch(self, patch: Json, *, subresource: str = "") -> Json:
        metadata = {**patch.get("metadata", {}), "resourceVersion": self.version or self.canary.resource_version}
        answer = self.writer.merge_patch(
            CANARIES,
            self.canary.namespace,
            self.canary.name,
            {**patch, "metadata": metadata},
            subresource=subresource,
        )
        self.version = answer["metadata"]["resourceVersion"]
        self.cache.write_through(answer)
        return answer
