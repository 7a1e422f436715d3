"""Canaries, and rollouts that have ended, as tables: a line each. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controller.core.canary import CanarySpec
from controller.show.facts import Json, Seen, age, span, time_of
from controller.show.lines import table
from controller.show.readings import reading_of

_COLUMNS = ("NAME", "STATE", "WEIGHT", "VERSION", "REASON", "LAST CHECK", "AGE")
_WIDE = ("STAGE", "FAILED CHECKS", "REVISION", "MESSAGE")
_HISTORY = ("VERSION", "OUTCOME", "REASON", "STARTED", "TOOK", "WORST")


def canaries(objects: Sequence[Json], now: datetime, *, wide: bool, namespaces: bool) -> str:
    """Return a table of canaries, with the columns of ``kubectl get canaries``."""
    header = (*(("NAMESPACE",) if namespaces else ()), *_COLUMNS, *(_WIDE if wide else ()))
    seen = sorted((Seen(obj) for obj in objects), key=lambda s: (s.namespace, s.name))
    rows = [_row(s, now, wide=wide, namespaces=namespaces) for s in seen]
    return "\n".join(table([header, *rows])) + "\n"


def _row(s: Seen, now: datetime, *, wide: bool, namespaces: bool) -> tuple[str, ...]:
    created = time_of(s.obj["metadata"].get("creationTimestamp"))
    usual = (
        *(s.name, s.state if s.text("state") else "-", s.text("canaryWeight") or "-", s.text("version") or "-"),
        *(s.reason or "-", age(now, s.time("lastCheckTime")), age(now, created)),
    )
    more = (s.text("stage") or "-", s.text("failedChecks") or "-", s.text("canaryRevision") or "-", s.message or "-")
    return (*((s.namespace,) if namespaces else ()), *usual, *(more if wide else ()))


def history(obj: Json, spec: CanarySpec | None, now: datetime, *, wide: bool) -> str:
    """Return the last rollouts of a canary, the newest first, and the one that runs above them."""
    s = Seen(obj)
    rows: list[tuple[str, ...]] = []
    if s.state == "running":
        started = s.time("startTime")
        rows.append(
            (s.text("version") or "-", "running", s.reason or "-", f"{age(now, started)} ago", age(now, started), "-")
        )
    rows += [_past(past, spec, now) for past in past_rollouts(obj)]
    if not rows:
        return f"No rollout of {s.name}.{s.namespace} has ended since the controller keeps a history.\n"
    revisions = [s.text("canaryRevision")] * (s.state == "running")
    revisions += [str(past.get("revision") or "-") for past in past_rollouts(obj)]
    header = (*_HISTORY, *(("REVISION",) if wide else ()))
    return (
        "\n".join(table([header, *((*row, r) if wide else row for row, r in zip(rows, revisions, strict=True))])) + "\n"
    )


def past_rollouts(obj: Json) -> Sequence[Mapping[str, Any]]:
    """Return the history in a status; what is no rollout is left out."""
    found = Seen(obj).status.get("history")
    return [past for past in found if isinstance(past, Mapping)] if isinstance(found, list) else []


def _past(past: Mapping[str, Any], spec: CanarySpec | None, now: datetime) -> tuple[str, ...]:
    started, ended = time_of(past.get("startTime")), time_of(past.get("endTime"))
    took = span(int((ended - started).total_seconds())) if started and ended else "-"
    worst = [reading_of(reading, spec) for reading in past.get("worst") or () if isinstance(reading, Mapping)]
    return (
        *(str(past.get(field) or "-") for field in ("version", "outcome", "reason")),
        f"{age(now, started)} ago" if started else "-",
        took,
        ", ".join(worst) or "-",
    )
