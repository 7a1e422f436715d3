"""The two conditions of a Canary object, and what every write of a running rollout notes.

``Ready`` says whether somebody has to put something right, ``Promoted`` how the last rollout ended or how the running
one stands.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from controller.core import gates, gitops, obstacles
from controller.core.canary import (
    BLOCKED,
    LONGEST_MESSAGE,
    PROMOTED,
    READY,
    CanaryStatus,
    Condition,
    State,
)
from controller.core.events import Cause
from controller.core.gates import Closed, Needs
from controller.core.status_json import time_text
from controller.core.world import Rollout, World

UNREADABLE = "CanaryUnreadable"
RUNNING = Cause("RolloutRunning", "The new revision is being analysed", State.RUNNING)


def with_condition(
    world: World, status: CanaryStatus, kind: str, value: str, reason: str, message: str
) -> CanaryStatus:
    """Return the status with one condition set; its transition time moves only if its value does."""
    old = status.condition(kind)
    since = old.last_transition_time if old and old.status == value else world.now
    condition = Condition(kind, value, reason, message, since)
    others = tuple(c for c in status.conditions if c.type != kind)
    return replace(status, conditions=tuple(sorted((*others, condition), key=lambda c: c.type)))


def nothing_to_repair(world: World, status: CanaryStatus) -> CanaryStatus:
    """Return the status of an object that nobody has to put right, unless a write of ours is refused."""
    refused = obstacles.write_refused(world)
    if refused:
        return to_repair(world, status, gates.WRITE_REFUSED.reason, refused)
    status = replace(status, observed_generation=world.canary.generation)
    found = "Route, services and workloads were found"
    if world.not_stored:
        found = f"{found}; {world.not_stored}"
    return with_condition(world, status, READY, "True", "PartsFound", found)


def to_repair(world: World, status: CanaryStatus, reason: str, what: str) -> CanaryStatus:
    """Return the status of an object that somebody has to put right."""
    status = replace(status, observed_generation=world.canary.generation)
    return with_condition(world, status, READY, "False", reason, what)


def behind(world: World, status: CanaryStatus, closed: Closed) -> CanaryStatus:
    """Return the status of an object whose rollout stands behind a closed gate."""
    match closed.gate.needs:
        case Needs.REPAIR:
            return to_repair(world, status, closed.gate.reason, closed.what)
        case Needs.DECISION:
            return with_condition(world, status, PROMOTED, "Unknown", closed.gate.reason, closed.what)
        case Needs.TIME:
            return status
        case _:
            assert_never(closed.gate.needs)


def running(world: World, status: CanaryStatus, cause: Cause = RUNNING) -> CanaryStatus:
    """Return the status of a rollout that runs, or that will end for a cause."""
    return with_condition(world, status, PROMOTED, "Unknown", cause.reason, cause.text)


def ended(world: World, status: CanaryStatus, cause: Cause) -> CanaryStatus:
    """Return the status of a rollout that has ended for a cause."""
    value = "True" if cause.state is State.FINISHED else "False"
    return with_condition(world, status, PROMOTED, value, cause.reason, cause.text)


def noted(r: Rollout, status: CanaryStatus) -> CanaryStatus:
    """Return the status with what every write of a running rollout notes."""
    status = replace(
        status,
        canary_generation=r.canary_workload.generation,
        canary_uid=r.canary_workload.uid,
        canary_replicas=r.canary_workload.replicas or status.canary_replicas,
    )
    return running(r.world, nothing_to_repair(r.world, status))


def unreadable_patch(obj: Mapping[str, Any], why: str, now: datetime) -> dict[str, Any] | None:
    """Return the merge patch that says of an object that it cannot be read; None if its status says so already.

    Its other conditions stay, and so does a state that it has. What Argo CD's check needs in a status is added if it is
    missing.
    """
    status = obj.get("status")
    found = status.get("conditions") if isinstance(status, Mapping) else None
    conditions = [c for c in found if isinstance(c, Mapping)] if isinstance(found, list) else []
    old = next((c for c in conditions if c.get("type") == READY), {})
    new = {"type": READY, "status": "False", "reason": UNREADABLE, "message": why}
    if {**old, **new} == old:
        return None
    was_so, since = old.get("status") == "False", old.get("lastTransitionTime")
    new["lastTransitionTime"] = since if was_so and isinstance(since, str) else time_text(now)
    others = [c for c in conditions if c.get("type") != READY]
    known = status if isinstance(status, Mapping) else {}
    missing = {field: value for field, value in gitops.NEVER_RECONCILED.items() if known.get(field) is None}
    version = obj["metadata"]["resourceVersion"]
    shown: dict[str, Any] = {
        **missing,
        "conditions": [*others, new],
        "reason": UNREADABLE,
        "message": why[:LONGEST_MESSAGE],
    }
    if not known.get("state"):
        shown["state"] = BLOCKED
    return {"metadata": {"resourceVersion": version}, "status": shown}
