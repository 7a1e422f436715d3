"""Whether a custom resource is ready, by what its status shows. Pure.

Source: the rules of kstatus (sigs.k8s.io/cli-utils), on which ``flux`` and ``kubectl wait`` users rely. Different on
purpose: a condition that was set for an older generation is not believed, as the API conventions say. Flux sets
``status.observedGeneration`` of a suspended object while its conditions still speak of the change before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from informers.fields import items, mapping, text, whole

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
_LONGEST = 200  # of a message: some hold the whole answer of a Helm chart

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """What an object shows of itself."""

    observed_generation: int
    unready: str  # why it is not ready, as the end of a sentence; "" if it is, or shows nothing that says so
    stalled: bool  # it will not get ready by itself, and that was said of this generation


def health(obj: Json, required: Sequence[str] = ()) -> Health:
    """Return what an object shows.

    Args:
        obj: as the API server sent it.
        required: types of conditions that must be there and True; if there are none, Ready counts where it is shown.

    Raises:
        FieldError: a field is not what it must be.
    """
    generation = whole(mapping(obj, "metadata", ""), "generation", "metadata.")
    status = mapping(obj, "status", "")
    conditions = {text(c, "type", "status.conditions."): c for c in items(status, "conditions", "status.")}
    counting = [conditions[kind] for kind in required or (READY,) if kind in conditions]
    shown = [_observed(status), *map(_observed, counting)]
    known = [number for number in shown if number is not None]
    observed = min(known, default=generation)
    stalled = conditions.get(STALLED, {})
    said_of = [number for number in (_observed(status), _observed(stalled)) if number is not None]
    return Health(
        observed_generation=max(observed, 0),  # Flux' own default is -1
        unready=_unready(conditions, required),
        stalled=_is_true(stalled) and bool(said_of) and min(said_of) >= generation,
    )


def _observed(part: Json) -> int | None:
    field = "observedGeneration"
    return whole(part, field, "status.", lowest=-1) if part.get(field) is not None else None


def _unready(conditions: Mapping[str, Json], required: Sequence[str]) -> str:
    for kind in (STALLED, RECONCILING):
        if _is_true(conditions.get(kind, {})):
            return _told(conditions[kind])
    for kind in required or (READY,):
        if kind not in conditions:
            if required:
                return f"has no condition {kind} yet"
        elif not _is_true(conditions[kind]):
            return _told(conditions[kind])
    return ""


def _is_true(condition: Json) -> bool:
    return condition.get("status") == "True"


def _told(condition: Json) -> str:
    words = [str(condition.get(field) or "") for field in ("reason", "message")]
    why = ": ".join(" ".join(word.split()) for word in words if word)
    said = f"{condition['type']} is {condition.get('status')}"
    return f"{said}, {why}"[:_LONGEST] if why else said
