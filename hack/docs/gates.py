"""The page of gates: from the tuples of ``controller.core.gates`` to Markdown. Pure."""

from collections.abc import Mapping, Sequence

from controller.core.gates import INVALID_SPEC, PRIMARY_NOT_SERVING, TO_NOTHING, WRITE_REFUSED, Gate, Needs
from controller.core.pacing import REPEAT_AT_REST

HEAD = """\
# Gates

<!-- Made by `python -m hack.docs` from controller/core/gates.py and hack/docs/gates.py. Do not edit. -->

A gate is something that must hold before the weight moves. This page lists all of them, in the order in which they are
asked. [What the controller does](behaviour.md) has the rules around them.

## What a reconcile does

1. **What cannot wait.** A canary that has lost its pods or its service, a progress deadline that has passed, a deleted
   object, a newer template, an abort. No gate holds these up, and neither does the interval.
2. **Judge what flows.** If the canary has traffic and the windows of its checks are filled, the checks run, once per
   interval. This does not depend on the gates: a failed check counts behind a closed gate, and at `threshold` the
   canary is rolled back.
3. **Move.** Advance or promote, but only if every gate is open.

So halting means not advancing, and checks go on: a rollout that is paused, held, or waiting for a pod still
watches the canary, and a rollback waits for no gate.

## Every gate

The first closed gate is reported, as an [event](events.md). If a person has to act, a condition of the
object has the reason too, for as long as the gate is closed.

"""

AT_REST_HEAD = """\

## At rest

When no rollout is running, the controller asks these gates: {reasons}. A closed one sets
`Ready` to `False` and raises one event, repeated every {minutes} minutes. Nothing else is written: the route stays as
it is, because at rest it is yours. Fix the cause and `Ready` becomes `True` again.

A rollout starts once {start} are open.
The others are asked before its first step, not before its start: pods may start while the primary is still busy, or
while somebody holds the rollout.

## A new gate

A gate is a value: one function that says what is in the way, and one line in `controller/core/gates.py`. The table, the
condition, the event and its pace follow from it. [Why](adr/0010-gates-are-values.md).
"""

MINUTES = f"{REPEAT_AT_REST.total_seconds() / 60:g}"
WHO: Mapping[Needs, str] = {
    Needs.REPAIR: "a person: something needs fixing",
    Needs.DECISION: "whoever closed it on purpose",
    Needs.TIME: "time: Kubernetes is at work",
}
SAID: Mapping[Needs, str] = {
    Needs.REPAIR: "at once, then once per round",
    Needs.DECISION: "at once, then once per round",
    Needs.TIME: "once per round, after it has been closed for a whole one",
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
    PRIMARY_NOT_SERVING: "the canary keeps all traffic, and the end waits",
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
        "| reason | what must hold | while it is closed | who opens it | how often it is said | condition |",
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
