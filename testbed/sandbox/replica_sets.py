"""ReplicaSets of the sandbox, and how a rollout moves their pods.

A Deployment says how many pods each of its ReplicaSets wants (``scale``, ``roll``); ``ReplicaSet.manage`` then creates
and removes pods. As in kube-controller-manager these are two things: a quota may refuse what is wanted.
"""

import json
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from testbed.sandbox.pods import HELD, Pod

Json = dict[str, Any]

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of names that Kubernetes makes up

Refusal = Callable[[str], str]
"""Returns why a pod of that name cannot be created, or "" if it can."""


@dataclass(slots=True)
class ReplicaSet:
    """The pods of one template of a Deployment."""

    name: str
    template: Json
    wanted: int = 0
    pods: list[Pod] = field(default_factory=list)
    failure: str = ""  # why pods cannot be created

    def available(self, now: datetime) -> int:
        """Return how many pods are ready."""
        return sum(pod.is_ready(now) for pod in self.pods)

    def manage(self, now: datetime, *, ready_at: datetime | None, refusal: Refusal) -> bool:
        """Create or remove pods as wanted; return whether something changed.

        Args:
            now: the time.
            ready_at: when a new pod will be ready; None if it never will be.
            refusal: asked for each new pod.
        """
        before = (len(self.pods), self.failure)
        self.failure = ""
        while len(self.pods) > self.wanted:  # those that are not ready first, then the youngest
            self.pods.remove(max(self.pods, key=lambda pod: pod.ready_at or HELD))
        while len(self.pods) < self.wanted and not self.failure:
            name = f"{self.name}-{letters(f'{self.name} {now} {len(self.pods)}')[:5]}"
            self.failure = refusal(name)
            if not self.failure:
                self.pods.append(Pod(ready_at))
        # The first refusal is the one that is told, until there is none.
        self.failure = self.failure and (before[1] or self.failure)
        return before != (len(self.pods), self.failure)


def scale(sets: Sequence[ReplicaSet], newest: ReplicaSet | None, spec: Json, before: int) -> None:
    """Bring the number of pods to what the Deployment wants, in proportion if it is rolling.

    Args:
        sets: of the Deployment, the oldest first.
        newest: the one of its template, which a paused Deployment may lack.
        spec: of the Deployment.
        before: pods that it wanted before.

    Source: ``scale`` in ``pkg/controller/deployment/sync.go``.
    """
    wanted = spec.get("replicas", 1)
    active = [one for one in sets if one.wanted]
    if len(active) <= 1:
        for one in active or ([newest] if newest else sets[-1:]):
            one.wanted = wanted
        return
    if is_recreated(spec):
        return
    total = wanted + limits(spec, wanted)[0] if wanted else 0
    missing = total - sum(one.wanted for one in active)
    total_before = max(1, before + limits(spec, before)[0])
    # The largest first, and of two like ones the newer one grows and the older one shrinks.
    active.sort(key=lambda one: (one.wanted, sets.index(one) * (1 if missing > 0 else -1)), reverse=True)
    left = missing
    for one in active:
        share = math.floor(one.wanted * total / total_before + 0.5) - one.wanted
        share = min(share, left) if missing > 0 else max(share, left)
        one.wanted += share
        left -= share
    active[0].wanted = max(0, active[0].wanted + left)


def roll(sets: Sequence[ReplicaSet], newest: ReplicaSet, spec: Json, available: Callable[[ReplicaSet], int]) -> None:
    """Move from the old ReplicaSets to the newest one within ``maxUnavailable`` and ``maxSurge``.

    Source: ``pkg/controller/deployment/rolling.go`` and ``recreate.go``.
    """
    wanted = spec.get("replicas", 1)
    old = [one for one in sets if one is not newest]
    if is_recreated(spec):
        for one in old:
            one.wanted = 0
        newest.wanted = 0 if any(one.pods for one in old) else wanted
        return
    surge, unavailable = limits(spec, wanted)
    total = sum(one.wanted for one in sets)
    grown = min(wanted, newest.wanted + max(0, wanted + surge - total))
    if newest.wanted != grown:
        newest.wanted = grown
        return
    least = wanted - unavailable
    removable = total - least - (newest.wanted - available(newest))
    if removable <= 0:
        return
    for one in old:  # pods that are of no use to anybody go first
        useless = max(0, min(removable, one.wanted - available(one)))
        one.wanted -= useless
        removable -= useless
    spare = sum(available(one) for one in sets) - least
    for one in old:
        less = max(0, min(spare, one.wanted))
        one.wanted -= less
        spare -= less


def is_recreated(spec: Json) -> bool:
    """Whether all old pods go before the first new one comes."""
    return (spec.get("strategy") or {}).get("type") == "Recreate"


def limits(spec: Json, wanted: int) -> tuple[int, int]:
    """Return maxSurge (rounded up) and maxUnavailable (rounded down) as numbers of pods; never both are zero."""
    if is_recreated(spec):
        return 0, 0
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge = _pods(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    unavailable = _pods(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    return (surge, min(unavailable, wanted)) if surge or unavailable else (0, min(1, wanted))


def letters(text: str) -> str:
    """Return ten letters that stand for a text, like those in the names of ReplicaSets and pods."""
    return "".join(_LETTERS[ord(digit) % len(_LETTERS)] for digit in f"{zlib.crc32(text.encode()):010d}")


def name_of(deployment: str, template: Json) -> str:
    """Return the name of the ReplicaSet of a template."""
    return f"{deployment}-{letters(json.dumps(template, sort_keys=True))}"


def _pods(value: int | str, wanted: int, to_whole: Callable[[float], int]) -> int:
    return to_whole(wanted * int(value[:-1]) / 100) if isinstance(value, str) else value
