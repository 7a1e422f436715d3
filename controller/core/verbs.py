"""What people can ask of a rollout by annotating the Canary object. Pure; ``verb_rules`` and the gate ``Held`` obey.

``abort``, ``promote`` and ``retry`` name the revision they speak of, so that nothing stale ever acts on a later one.
Their values are ``REVISION`` or ``REVISION@ANYTHING``, and each distinct value acts at most once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABORT = "flagger.app/abort"
PROMOTE = "flagger.app/promote"
RETRY = "flagger.app/retry"
HOLD = "flagger.app/hold"  # no revision: the weight stays until the annotation is removed


@dataclass(frozen=True, slots=True)
class Verbs:
    """What people asked for. A value is that of the annotation, and "" if it is absent."""

    abort: str = ""
    promote: str = ""
    retry: str = ""
    hold: str | None = None  # None: not held; the value may say why


NOTHING_ASKED = Verbs()


def parse_verbs(annotations: Mapping[str, Any]) -> Verbs:
    """Return what the annotations of a Canary object ask for."""
    abort, promote, retry = (str(annotations.get(verb) or "") for verb in (ABORT, PROMOTE, RETRY))
    return Verbs(abort, promote, retry, hold=str(annotations[HOLD] or "") if HOLD in annotations else None)


def revision_of(value: str) -> str:
    """Return the revision that the value of an annotation speaks of."""
    return value.partition("@")[0]
