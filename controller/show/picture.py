"""One canary on one screen: version, why, both sides with their weights, checks, closed gates, last events. Pure.

From a snapshot and a width to lines; ``screen`` draws them, on a terminal or as plain text.
"""

from collections.abc import Iterator
from datetime import timedelta

from controller.core import gates
from controller.core.canary import CanarySpec, Stage, State
from controller.core.gates import Closed, Needs
from controller.core.summary import ON_PURPOSE
from controller.core.world import World
from controller.show.facts import NOT_SEEN, Seen, Snapshot, Told, age, span
from controller.show.lines import EMPTY, Line, Span, Style, cells, line, padded, wrapped
from controller.show.readings import Shown, shown
from deploy.images import version
from deploy.types import Workload
from metrics.types import Verdict

WIDE = 72
"""Columns from which on a side, or a check, has one line."""

_MOST_EVENTS = 5
_BAR = 40
_LEAST = ("failed checks", "", "")  # a column is as wide as this at least
_BOXES = 20  # failed checks that are drawn one by one
_VERDICT = max(map(len, Verdict))
_LABEL = 10  # columns of the words on the left
_STATES: dict[str, Style] = {"running": "warning", "finished": "good", "failed": "bad", "blocked": "bad"}
_VERDICTS: dict[Verdict, Style] = {Verdict.PASS: "good", Verdict.FAIL: "bad", Verdict.INCONCLUSIVE: "warning"}
_ENDINGS = frozenset({Stage.ROLLING_BACK, Stage.DRAINING})


def picture(snapshot: Snapshot, width: int) -> list[Line]:
    """Return the picture of a canary.

    Args:
        snapshot: what was seen.
        width: columns of the terminal; from 40 on nothing is wider.
    """
    parts = (
        _head(snapshot, width),
        _sides(snapshot, width),
        _checks(snapshot, width),
        _in_the_way(snapshot, width),
        _last_events(snapshot, width),
    )
    lines: list[Line] = []
    for part in parts:
        found = list(part)
        if found and lines:
            lines.append(EMPTY)
        lines += found
    return lines


def in_one_line(snapshot: Snapshot) -> Line:
    """Return how a canary stands as one line, for outputs that are no terminal."""
    seen = snapshot.seen
    weight = f"{seen.number('canaryWeight')} %" if seen.text("state") else ""
    words = (seen.state, seen.text("stage"), weight, seen.text("version"), _because(seen))
    return line("  ".join(word for word in words if word))


def _label(word: str) -> Line:
    return line(Span(f"{word:<{_LABEL}}", "dim"))


def closed_gates(world: World) -> list[Closed]:
    """Return what is in the way now: of the rollout that runs, or of the next one. The end of one waits for no gate."""
    stage = world.canary.status.stage
    if world.at_rest:
        asked: tuple[gates.Gate, ...] = (gates.INVALID_SPEC, *gates.AT_REST)
    elif stage in _ENDINGS:
        asked = ()
    else:
        asked = gates.before_the_next_move(stage)
    return list(gates.all_closed(world, asked))


def _head(snapshot: Snapshot, width: int) -> Iterator[Line]:
    seen = snapshot.seen
    stage = f" ({seen.text('stage')})" if seen.text("stage") else ""
    name = f"{seen.name}.{seen.namespace}"
    yield from wrapped(_label("canary"), name, width, "bold")
    style: Style = "dim" if seen.state == NOT_SEEN else _STATES.get(seen.state, "")
    yield from wrapped(_label("state"), seen.state + stage, width, style)
    if seen.text("version"):
        yield from wrapped(_label("version"), seen.text("version"), width)
    because = _because(seen)
    if because:
        yield from wrapped(_label("reason"), because, width, _style_of(seen))


def _because(seen: Seen) -> str:
    return ": ".join(word for word in (seen.reason, seen.message) if word)


def _style_of(seen: Seen) -> Style:
    if seen.reason in {"Progressing", "Starting", "Promoting", "Promoted", "NothingToRollOut"}:
        return ""
    return "warning" if seen.reason in ON_PURPOSE or seen.reason.endswith("NotConverged") else "bad"


def _sides(snapshot: Snapshot, width: int) -> Iterator[Line]:
    world, absent = snapshot.world, "unread" if snapshot.unread else "not found"
    if world is None or not isinstance(world.canary.spec, CanarySpec):
        return
    spec = world.canary.spec
    weights = world.route.weights if world.route else None
    sides = (
        ("primary", spec.primary.name, world.primary, weights.primary if weights else None),
        ("canary", spec.canary.name, world.canary_workload, weights.canary if weights else None),
    )
    names = max(cells(name) for _, name, _, _ in sides)
    tags = max(cells(_tag(found)) for _, _, found, _ in sides)
    for word, name, found, weight in sides:
        label, what = (
            f"{word:<{_LABEL}}",
            f"{padded(name, names)}  {padded(_tag(found), tags)}  {_pods(found) or absent:<10}",
        )
        percent = "  ?  " if weight is None else f"{weight:>3} %"
        bar = min(_BAR, width - _LABEL - cells(what) - 2 - len(percent))
        if width >= WIDE and bar >= _LABEL:
            yield (*line(Span(label, "dim"), f"{what} "), *_bar(weight, bar), *line(f" {percent}"))
            continue
        yield from wrapped(line(Span(label, "dim")), f"{name} {_tag(found)} {_pods(found) or absent}", width)
        room = max(min(_BAR, width - _LABEL - 1 - len(percent)), 1)
        yield (*line(" " * _LABEL), *_bar(weight, room), *line(f" {percent}"))


def _tag(found: object) -> str:
    return version((), found.template.images) if isinstance(found, Workload) else ""


def _pods(found: object) -> str:
    """Return how many pods a workload has; "" if there is none, or none was seen."""
    if not isinstance(found, Workload):
        return "" if found is None else "unreadable"
    if not found.counts_pods:
        return "ready" if found.available_replicas else "not ready"
    return f"{found.available_replicas}/{found.replicas} pods"


def _bar(percent: int | None, room: int) -> Line:
    full = round(room * (percent or 0) / 100)
    return (Span("█" * full, "good"), Span("░" * (room - full), "dim"))


def _checks(snapshot: Snapshot, width: int) -> Iterator[Line]:
    world = snapshot.world
    if world is None or not isinstance(world.canary.spec, CanarySpec):
        return
    spec, status = world.canary.spec, world.canary.status
    last = {check.name: check for check in status.checks}
    rows = [shown(check, last.get(check.name)) for check in spec.checks]
    columns = [max(cells(text) for text in texts) for texts in zip(_LEAST, *map(_texts, rows), strict=True)]
    for row in rows:
        yield from _check(row, columns, width)
    if status.state is not None:
        yield from _counts(world, spec, columns[0] + 2, width)
    yield from _next(snapshot, columns[0] + 2, width)


def _texts(row: Shown) -> tuple[str, str, str]:
    return row.label, row.value, row.limit


def _check(row: Shown, columns: list[int], width: int) -> Iterator[Line]:
    style: Style = _VERDICTS[row.verdict] if row.verdict else "dim"
    verdict = str(row.verdict or "")
    worst = f"worst {row.worst}" if row.worst != "-" else ""
    label, value, limit = (padded(text, columns[at]) for at, text in enumerate(_texts(row)))
    one = line(
        f"{label}  {value}  {limit}",
        Span(f"  {verdict:<{_VERDICT}}" if worst else f"  {verdict}".rstrip(), style),
        Span(f"  {worst}".rstrip(), "dim"),
    )
    if sum(cells(span.text) for span in one) <= width:
        yield one
        return
    yield from wrapped(EMPTY, row.label, width)
    yield from wrapped(line("  "), f"{row.value} {row.limit} {row.verdict or ''}".rstrip(), width, style)
    if worst:
        yield from wrapped(line("  "), worst, width, "dim")


def _counts(world: World, spec: CanarySpec, labels: int, width: int) -> Iterator[Line]:
    status = world.canary.status
    failed, most = status.failed_checks, spec.threshold
    count = f"{failed} of {most}"
    label = f"{'failed checks':<{labels}}"
    if most <= _BOXES and len(label) + most + 1 + len(count) <= width:
        boxes = (Span("■" * min(failed, most), "bad"), Span("□" * max(0, most - failed), "dim"))
        yield (*line(label), *boxes, *line(f" {count}"))
    else:
        yield from wrapped(line(label), count, width, "bad" if failed else "")
    if status.inconclusive_checks:
        limit = f" of {spec.inconclusive_limit}" if spec.inconclusive_limit else ""
        yield from wrapped(
            line(f"{'without data':<{labels}}"), f"{status.inconclusive_checks}{limit} in a row", width, "warning"
        )


def _next(snapshot: Snapshot, labels: int, width: int) -> Iterator[Line]:
    due = snapshot.seen.time("nextCheckTime")
    if due is None or snapshot.seen.state != State.RUNNING:
        return
    left = due - snapshot.now
    seconds = round(abs(left.total_seconds()))
    when = f"in {span(seconds)}" if left >= timedelta() else f"was due {span(seconds)} ago"
    yield from wrapped(line(f"{'next round':<{labels}}"), when if seconds else "now", width)


def _in_the_way(snapshot: Snapshot, width: int) -> Iterator[Line]:
    seen, world = snapshot.seen, snapshot.world
    found = closed_gates(world) if world and not snapshot.unread else []
    for closed in found:
        if closed.gate.reason == seen.reason and closed.what in seen.message:
            continue  # it is the reason above, word for word
        style: Style = "bad" if closed.gate.needs is Needs.REPAIR else "warning"
        yield from wrapped(_label("closed"), f"{closed.gate.reason}: {closed.what}", width, style)
    for why in snapshot.unread:
        yield from wrapped(_label("unread"), why, width, "warning")
    if seen.held and not any(closed.gate.reason == "Held" for closed in found):
        what = f"the next rollout waits until: flagger resume {seen.name} -n {seen.namespace}"
        yield from wrapped(_label("held"), what, width, "warning")


def _last_events(snapshot: Snapshot, width: int) -> Iterator[Line]:
    shown_events = snapshot.events[-_MOST_EVENTS:]
    if not shown_events:
        return
    ages = [age(snapshot.now, event.at) for event in shown_events]
    longest = max(map(len, ages))
    for event, ago in zip(shown_events, ages, strict=True):
        yield from _event(event, f"{ago:>{longest}}  ", width)


def _event(event: Told, ago: str, width: int) -> Iterator[Line]:
    count = f" (x{event.count})" if event.count > 1 else ""
    yield from wrapped(line(Span(ago, "dim")), event.text + count, width, "warning" if event.warning else "")
