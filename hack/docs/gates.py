"""The page of gates: from the tuples of ``controller.core.gates`` to Markdown. Pure."""

from collections.abc import Mapping, Sequence

from controller.core.gates import INVALID_SPEC, PRIMARY_NOT_SERVING, TO_NOTHING, WRITE_REFUSED, Gate, Needs
from controller.core.pacing import REPEAT_AT_REST

HEAD = """\
# Gates

<!-- Made by `python -m hack.docs` from controller/core/gates.py and hack/docs/gates.py. Do not edit. -->

A gate is a condition that must hold before the weight moves. This page lists all gates, in the order in which they are
checked. The rules around them are in [what the controller does](behaviour.md).

## What a reconcile does

1. **It handles what cannot wait:** a canary that has lost its pods or its Service, a progress deadline that has passed,
   a deleted object, a newer template, an abort. These wait neither for a gate nor for the interval.
2. **It judges the traffic.** If the canary has traffic and the windows of its checks are filled, the checks run, once
   per interval. This does not depend on the gates: a failed check also counts while a gate is closed, and at
   `threshold` the canary is rolled back.
3. **It moves:** it advances or promotes, but only if every gate is open.

So a rollout that halts does not advance, but its checks go on. A rollout that is paused, held, or waiting for a pod is
still checked, and a rollback waits for no gate.

## Every gate

The first closed gate is reported as an [event](events.md). If a person has to act, a condition of the object also has
the reason, for as long as the gate is closed.

"""

AT_REST_HEAD = """\

## At rest

When no rollout is running, the controller checks these gates: {reasons}. A closed gate sets
`Ready` to `False` and raises one event, which is repeated every {minutes} minutes. Nothing else is written, and the
route stays as it is. Fix the cause, and `Ready` becomes `True` again.

A rollout starts once {start} are open.
The others are checked before the first step, not before the start: pods may start while the primary is still being
updated, or while the rollout is held.

## A new gate

A gate is a function in `controller/core/obstacles.py` that returns what is in the way, and a value in one of the tuples
of `controller/core/gates.py`. The table, the condition, the event and its repetition follow from it.
[Why](adr/0010-gates-are-values.md).
"""

MINUTES = f"{REPEAT_AT_REST.total_seconds() / 60:g}"
WHO: Mapping[Needs, str] = {
    Needs.REPAIR: "a person: something needs fixing",
    Needs.DECISION: "the person who closed it on purpose",
    Needs.TIME: "Kubernetes, when it is done",
}
SAID: Mapping[Needs, str] = {
    Needs.REPAIR: "at once, then once per round",
    Needs.DECISION: "at once, then once per round",
    Needs.TIME: "once per round, after it has been closed for a whole round",
}
WITHOUT_ROUNDS = f"at once, then every {MINUTES} minutes"
CONDITION: Mapping[Needs, str] = {
    Needs.REPAIR: "`Ready=False`",
    Needs.DECISION: "`Promoted=Unknown`",
    Needs.TIME: "none",
}
GOES_ON: Mapping[bool, str] = {True: "checks and rollbacks go on", False: "nothing is checked"}
OTHERWISE: Mapping[Gate, str] = {
    TO_NOTHING: "nothing runs; the route stays as it is",
    PRIMARY_NOT_SERVING: "the canary keeps all traffic, and the end of the rollout waits",
    WRITE_REFUSED: "checks and rollbacks go on, and the write is retried, in the end once per minute",
}


def page(gates: Sequence[Gate], to_start: Sequence[Gate], at_rest: Sequence[Gate]) -> str:
    """Return the page.

    Args:
        gates: those of a running rollout, in the order in which they are asked.
        to_start: those that must be open before a rollout starts.
        at_rest: those that the condition Ready speaks of at rest.
    """
    lines = [
        "| reason | what must hold | while it is closed | who opens it | how often it is reported | condition |",
        "|---|---|---|---|---|---|",
    ]
    others = (*(gate for gate in at_rest if gate not in gates), PRIMARY_NOT_SERVING, WRITE_REFUSED)
    lines += [_row(gate) for gate in (*gates, *others)]
    tail = AT_REST_HEAD.format(
        reasons=_reasons(at_rest),
        start=_reasons(to_start),
        minutes=MINUTES,
    )
    return HEAD + "\n".join(lines) + "\n" + tail


def _row(gate: Gate) -> str:
    goes_on = OTHERWISE.get(gate, GOES_ON[gate.checks_go_on])
    said = WITHOUT_ROUNDS if gate in {INVALID_SPEC, TO_NOTHING} else SAID[gate.needs]
    cells = (f"`{gate.reason}`", gate.asks, goes_on, WHO[gate.needs], said, CONDITION[gate.needs])
    return f"| {' | '.join(cells)} |"


def _reasons(gates: Sequence[Gate]) -> str:
    *others, last = (f"`{gate.reason}`" for gate in gates)
    return f"{', '.join(others)} and {last}"
