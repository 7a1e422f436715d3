"""When things are due: rounds, windows, drains, corrections, and complaints. Pure; the time is part of the world.

A round happens when an interval has passed since the route carries the weight, whatever woke the controller: a restart,
a relist or a burst of watch events never advances a rollout early. Times in the status that are still to come have been
noted anew by then (``clocks``).
"""

import zlib
from datetime import datetime, timedelta

from controller.core.canary import Canary, CanarySpec, InvalidSpec, Stage
from controller.core.durations import parse_duration
from controller.core.plan import Action, Complaint, Corrections, Plan
from controller.core.world import Rollout, World, carried
from metrics.types import AnyCheck
from router.types import Weights

SPREAD = 0.1
"""At most this part of an interval is added, by key, so that a thousand canaries don't tick in the same instant."""

REPEAT_AT_REST = timedelta(minutes=10)
"""Outside of a rollout an unchanged complaint is repeated at most this often."""

SOON = timedelta(milliseconds=1)

UNTIL_LISTED = timedelta(seconds=1)
"""Between two reconciles of a canary whose parts have not been listed yet."""

UNTIL_SERVED = timedelta(seconds=30)
"""Between two reconciles of a canary whose kinds cannot be seen: they cost no request; lists are retried as often."""

REQUESTS_PER_ROUND = 10
"""Writes of one canary that are never too many; queries come on top."""

MINUTE = timedelta(minutes=1)

SLOW_SHIFT = timedelta(seconds=1)
"""A route that followed its claim later than this has the claim's time corrected, at the cost of one write."""


def interval(world: World, spec: CanarySpec) -> timedelta:
    """Return the length of a round of this canary: its own, or the default, plus its share of the spread."""
    length = spec.interval or world.default_interval
    return length * (1 + SPREAD * _fraction(world.canary))


def requests_per_second(world: World) -> float:
    """Return how many writes and queries a canary may cost for long: what two rounds need, in the time of one.

    A round of more than a minute counts as a minute, so that a rollback never waits for hours.
    """
    spec = world.canary.spec
    if isinstance(spec, InvalidSpec):
        return REQUESTS_PER_ROUND / MINUTE.total_seconds()
    length = min(interval(world, spec), MINUTE)
    return (REQUESTS_PER_ROUND + 2 * len(spec.checks)) / length.total_seconds()


def round_due_at(world: World, spec: CanarySpec) -> datetime:
    """Return when the next round may happen; in the past if there was none yet in this rollout."""
    last = world.canary.status.last_check_time
    length = interval(world, spec)
    if last is None:
        return world.now
    return max(last, arrived_at(world) or last) + length


def arrived_at(world: World) -> datetime | None:
    """Return when this process brought the route to the recorded weight, or None if it did not."""
    shifted = carried(world)
    if shifted is None or shifted.at > world.now:
        return None
    return shifted.at if shifted.weights == Weights.to_canary(world.canary.status.canary_weight) else None


def filled_at(r: Rollout, check: AnyCheck) -> datetime:
    """Return when the whole window of a check lies after the first step of this revision."""
    status = r.world.canary.status
    first_step = status.traffic_start_time or status.start_time  # the latter: a rollout that an older release began
    if first_step is None:
        return r.world.now
    return first_step + parse_duration(check.interval)


def longest_pause(spec: CanarySpec) -> timedelta:
    """Return for how long a rollout may stand still because its spec says so: while a window fills, or pods drain."""
    return max((spec.drain, *(parse_duration(check.interval) for check in spec.checks)))


def drained_at(world: World, drain: timedelta) -> datetime | None:
    """Return when the canary may be scaled down, or None if none of its traffic was taken off in this rollout."""
    since = world.canary.status.drain_start_time
    if since is None:
        return None
    return max(since, arrived_at(world) or since) + drain


def deadline_at(r: Rollout) -> datetime | None:
    """Return when a pod of the new template must be available at the latest, or None if nothing is timed.

    By our own clock: Kubernetes does not time a Deployment that was complete and is only scaled, and that is every
    rollout but the first. A paused Deployment is not timed, as there.

    Source: ``DeploymentTimedOut`` of kube-controller-manager.
    """
    started, last_check = r.world.canary.status.start_time, r.world.canary.status.last_check_time
    old = r.canary_workload.current_replicas - r.canary_workload.updated_replicas  # which may be all that is available
    came_up = r.canary_workload.available_replicas > max(old, 0)
    if r.stage is not Stage.STARTING or started is None or r.canary_workload.paused or came_up:
        return None
    started = min(started, last_check or started)  # a start still to come has a reconcile noted beside it
    resumed = r.canary_workload.resumed_at
    return (max(started, resumed) if resumed else started) + r.canary_workload.progress_deadline


def correction_due_at(world: World, spec: CanarySpec) -> datetime:
    """Return when the route may be put back: at once the first time in a round, then at a growing pace."""
    last = world.memory.corrections
    if last is None or not last.at <= world.now < last.at + interval(world, spec):  # or the clock was set back
        return world.now
    return min(last.at + timedelta(seconds=2.0 ** min(last.count - 1, 12)), last.at + interval(world, spec))


def one_more_correction(world: World, spec: CanarySpec) -> Corrections:
    """Return what to remember of a correction that is made now."""
    last = world.memory.corrections
    fresh = last is None or not last.at <= world.now < last.at + 2 * interval(world, spec)
    return Corrections(1 if fresh or last is None else last.count + 1, world.now)


def wait_may_be_reported(world: World, pace: timedelta) -> bool:
    """Whether something that passes by itself is worth a word: once a round, after a whole one has passed."""
    return world.now >= _last_word(world) + pace


def complaint_may_be_made(world: World, text: str, pace: timedelta) -> bool:
    """Whether a complaint is new, or old enough to be repeated."""
    last = world.memory.complaint
    return last is None or last.text != text or not last.at <= world.now < last.at + pace


def remembered(world: World, text: str, *, made: bool) -> Complaint | None:
    """Return what to remember of a complaint that was, or was not, made now."""
    return Complaint(text=text, at=world.now) if made else world.memory.complaint


def until(world: World, when: datetime) -> timedelta:
    """Return the time from now until then, never zero: a wake-up of zero would be a loop."""
    return max(when - world.now, SOON)


def _last_word(world: World) -> datetime:
    status, complaint = world.canary.status, world.memory.complaint
    times = [status.start_time, status.last_check_time, complaint.at if complaint else None]
    return max((t for t in times if t is not None and t <= world.now), default=world.now)


def _fraction(canary: Canary) -> float:
    return zlib.crc32(f"{canary.namespace}/{canary.name}".encode()) / 2**32


def soon(actions: tuple[Action, ...]) -> Plan:
    """Return a plan after which the world is reconciled again at once, whether or not a watch event comes."""
    return Plan(actions, wake_after=SOON)
