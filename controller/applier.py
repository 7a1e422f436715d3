"""Apply: a plan's actions, one after the other, each a minimal patch with a precondition on what was read.

The first action that fails ends the plan with its exception: what was not reached is decided anew.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from controller.core.canary import Canary, CanarySpec, InvalidSpec
from controller.core.events import Event
from controller.core.plan import (
    Action,
    CopyTemplate,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.status_json import status_patch
from controller.core.world import FINALIZER, World
from controller.gather import route_ref
from deploy.types import Deployer, Workload
from informers.resources import CANARIES
from informers.types import Cache, Json, Writer
from router.types import Router

log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Where events go; logs their texts as well."""

    def record(self, canary: Canary, event: Event) -> None:
        """Take an event without blocking or failing."""


class Applier(Protocol):
    """What carries out plans."""

    def apply(self, world: World, plan: Plan) -> None:
        """Carry out the actions in order; stop at the first that raises."""


@dataclass(frozen=True, slots=True)
class RealApplier:
    """Writes to the cluster."""

    canaries: Cache[Canary]
    router: Router
    deployers: dict[str, Deployer]
    writer: Writer
    recorder: Recorder

    def apply(self, world: World, plan: Plan) -> None:
        """Carry out the actions in order.

        Raises:
            informers.errors.ConflictError: something changed since the world was gathered.
            informers.errors.ApiError: whatever else the API server said.
        """
        writes = _CanaryWrites(self.canaries, self.writer, world.canary)
        for action in plan.actions:
            match action:
                case WriteStatus(status):
                    writes.patch({"status": status_patch(world.canary.status, status)}, subresource="status")
                case HoldFinalizer():
                    writes.set_finalizers((*world.canary.finalizers, FINALIZER))
                case ReleaseFinalizer():
                    writes.set_finalizers(tuple(f for f in world.canary.finalizers if f != FINALIZER))
                case Say(event):
                    self.recorder.record(world.canary, event)
                case Log(text):
                    log.info(text, extra={"canary": world.canary.name, "namespace": world.canary.namespace})
                case Shift() | Scale() | CopyTemplate():
                    self._act_on_parts(world, action)
                case _:
                    assert_never(action)

    def _act_on_parts(self, world: World, action: Shift | Scale | CopyTemplate) -> None:
        spec = world.canary.spec
        assert isinstance(spec, CanarySpec), "parts are named by a valid spec"  # noqa: S101
        deployer = self.deployers[spec.target_kind]
        match action:
            case Shift(weights):
                self.router.shift(route_ref(world.canary, spec), weights)
            case Scale(replicas):
                assert isinstance(world.workload, Workload), "only what was found is scaled"  # noqa: S101
                deployer.scale(world.workload, replicas=replicas)
            case CopyTemplate(stamp):
                assert isinstance(world.workload, Workload), "only what was found is copied"  # noqa: S101
                assert isinstance(world.primary, Workload), "and only over what was found"  # noqa: S101
                deployer.copy_template(world.workload, world.primary, stamp=stamp)


@dataclass(slots=True)
class _CanaryWrites:
    """The writes of one plan to its canary object, each on the version that the one before it has left."""

    cache: Cache[Canary]
    writer: Writer
    canary: Canary
    version: str = ""

    def set_finalizers(self, finalizers: Sequence[str]) -> None:
        self.patch({"metadata": {"finalizers": list(finalizers) or None}})

    def patch(self, patch: Json, *, subresource: str = "") -> None:
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


@dataclass(frozen=True, slots=True)
class DryRun:
    """Says what would be written and writes nothing (``--dry-run``)."""

    said: dict[str, tuple[Action, ...]]  # per canary, so that an unchanged plan is said once

    def apply(self, world: World, plan: Plan) -> None:
        """Log each action of a plan that is not the last one of this canary."""
        canary = world.canary
        if not plan.actions or self.said.get(canary.uid) == plan.actions:
            return
        self.said[canary.uid] = plan.actions
        for action in plan.actions:
            extra = {"canary": canary.name, "namespace": canary.namespace, "action": type(action).__name__}
            log.info("Would %s", describe(world, action), extra=extra)


def describe(world: World, action: Action) -> str:  # noqa: C901, PLR0911  # one case per action
    """Return what an action does, as the end of a sentence that begins with "Would"."""
    spec = world.canary.spec
    namespace = world.canary.namespace
    names = ("", "", "") if isinstance(spec, InvalidSpec) else (spec.primary.name, spec.canary.name, spec.route_name)
    primary, workload, route = (f"{name}.{namespace}" for name in names)
    match action:
        case WriteStatus(status):
            return f"write status {status_patch(world.canary.status, status)} of {world.canary.label}"
        case HoldFinalizer():
            return f"put a finalizer on {world.canary.label}"
        case ReleaseFinalizer():
            return f"take the finalizer off {world.canary.label}"
        case Shift(weights):
            return f"set weights of {route} to {weights.primary}/{weights.canary}"
        case Scale(replicas):
            return f"scale {workload} to {replicas}"
        case CopyTemplate():
            return f"copy the template of {workload} to {primary}"
        case Say(event):
            return f"say {event.text!r}"
        case Log(text):
            return f"log {text!r}"
        case _:
            assert_never(action)
