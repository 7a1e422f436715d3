"""How a canary's rounds and the windows of its checks relate, and how long a rollout takes at least. Pure.

Neither is wrong: a round may be shorter than a window, and longer. But who sets one by the other's measure is surprised
by a first step that lasts an hour, or by rounds that look at a minute of each hour.
"""

import math
from collections.abc import Iterator
from datetime import timedelta

from controller.check.facts import Facts
from controller.check.findings import Finding, Reason, told, warning
from controller.core.canary import CanarySpec
from controller.core.durations import parse_duration
from informers.keys import key_of
from metrics.durations import go_duration

_INTERVAL = "spec.canaryAnalysis.interval"
_LONG = timedelta(minutes=10)
"""From here on a first step is worth a warning; it is the time after which Kubernetes gives up a Deployment."""


def pacing(facts: Facts) -> Iterator[Finding]:
    """The rounds of each canary fit the windows of its checks."""
    for world in facts.worlds:
        canary = world.canary
        if isinstance(canary.spec, CanarySpec) and canary.spec.checks and not canary.deleting:
            about = key_of(canary.namespace, canary.name)
            yield from _of_canary(canary.spec, canary.spec.interval or world.default_interval, about)


def _of_canary(spec: CanarySpec, interval: timedelta, about: str) -> Iterator[Finding]:
    windows = [parse_duration(check.interval) for check in spec.checks]
    longest, shortest = max(windows), min(windows)
    if longest > interval:
        yield _first_step_waits(spec, interval, longest, about)
    elif shortest < interval:
        said = (
            f"Rounds last {_text(interval)} and the shortest window is {_text(shortest)}: "
            f"a round judges the requests of its last {_text(shortest)} only"
        )
        yield told("canaries", Reason.WINDOW_SHORTER_THAN_ROUND, said, about)


def _first_step_waits(spec: CanarySpec, interval: timedelta, window: timedelta, about: str) -> Finding:
    """Say how long each weight is held. The spread of rounds comes on top, so it is a least time."""
    weights = math.ceil(spec.max_weight / spec.step_weight)
    least = window + (weights - 1) * interval
    first = f"the first of {weights} weights is held for" if weights > 1 else "the weight is held for"
    said = (
        f"Rounds last {_text(interval)} and the longest window is {_text(window)}: {first} {_text(window)} "
        f"({math.ceil(window / interval)} rounds), until the window is filled; each later round looks back over it. "
        f"A version is promoted after {_text(least)} at the earliest"
    )
    if window < _LONG or window <= weights * interval:
        return told("canaries", Reason.WINDOW_LONGER_THAN_ROUND, said, about)
    fix = (
        f"Shorten the windows ({_INTERVAL.rpartition('.')[0]}.metrics[].interval) if that is too long; "
        f"set {_INTERVAL} to {_text(window)} if each weight should be judged by its own requests only."
    )
    return warning("canaries", Reason.WINDOW_LONGER_THAN_ROUND, said, fix, about)


def _text(duration: timedelta) -> str:
    """Return a duration as users write it: ``1m``, not ``1m0s``."""
    text = go_duration(round(duration / timedelta(milliseconds=1)))
    for zero in ("m0s", "h0m"):
        text = text.removesuffix(zero) + zero[0] if text.endswith(zero) else text
    return text
