"""What ``--dry-run`` does instead: it logs what would be written, and nothing that was decided happens."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

from controller.core.canary import InvalidSpec
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
from controller.core.status_json import status_patch
from controller.core.world import World
from controller.reconciler import Watcher
from controller.work.workers import Awaits, Reconcile

log = logging.getLogger(__name__)

MOST_LOGGED = 20_000
"""Canaries whose last plan is remembered."""


@dataclass(frozen=True, slots=True)
class DryRunApplier:
    """Logs what would be written and writes nothing."""

    logged: dict[str, tuple[Action, ...]] = field(default_factory=dict)  # per canary: an unchanged plan is logged once

    def apply(self, world: World, plan: Plan, done: Callable[[Action], None]) -> None:  # noqa: ARG002  # none is
        """Log each action of a plan that is not the last one of this canary."""
        canary = world.canary
        if not plan.actions or self.logged.get(canary.uid) == plan.actions:
            return
        if len(self.logged) >= MOST_LOGGED:  # many of them are deleted by now; an unchanged plan is logged once more
            self.logged.clear()
        self.logged[canary.uid] = plan.actions
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
        case Fence(what):
            where = {"route": route, "primary": primary, "canary": workload}[what]
            return f"fence {where} against a write that is still on its way"
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


@dataclass(frozen=True, slots=True)
class DryRunWatcher:
    """Passes on what was found, without what was decided."""

    watcher: Watcher

    def reconciled(self, world: World, _plan: Plan) -> None:
        """Pass on the world."""
        self.watcher.reconciled(world, Plan())

    def gone(self, namespace: str, name: str) -> None:
        """Pass on that an object was deleted."""
        self.watcher.gone(namespace, name)


def unhurried(reconcile: Reconcile, interval: timedelta, key: str) -> timedelta | Awaits | None:
    """Reconcile, and again no sooner than in an interval: the world is the same until somebody else changes it."""
    again = reconcile(key)
    return max(again, interval) if isinstance(again, timedelta) else again
