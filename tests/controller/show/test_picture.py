"""The picture of a canary, at the widths of a phone, a terminal, and a wide one.

After a change that was meant, print the new text with ``python -m tests.controller.show.test_picture`` and read the
difference.
"""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.core.canary import Canary, CanaryStatus, CheckStatus, InvalidSpec, Stage
from controller.core.status_json import to_json
from controller.core.summary import summarised
from controller.core.verbs import Verbs
from controller.core.world import World
from controller.show.facts import Snapshot, Told
from controller.show.lines import cells, plain
from controller.show.picture import closed_gates, in_one_line, picture
from informers.types import Unreadable
from metrics.types import Limits, OwnCheck, Verdict
from router.types import Backend, Route
from tests.controller.core.builders import (
    MINUTE,
    NOW,
    at_rest,
    canary,
    primary,
    spec,
    starting,
    status,
    workload,
    world,
)
from tests.simulator import template_of

TRANSCRIPT = Path(__file__).parents[2] / "transcripts" / "pictures.txt"
WIDTHS = (40, 80, 120)
SECOND = timedelta(seconds=1)
RATE, DURATION = "istio_requests_total", "istio_request_duration_seconds_bucket"
PASSED = (
    CheckStatus(RATE, Verdict.PASS, 99.0, 99.97, "", NOW - 20 * SECOND, worst=99.1),
    CheckStatus(DURATION, Verdict.PASS, 500.0, 42.0, "", NOW - 20 * SECOND, worst=480.0),
)
FAILED = (
    CheckStatus(RATE, Verdict.FAIL, 99.0, 82.33, "success rate 82.33% < 99%", NOW - 20 * SECOND, worst=69.0),
    CheckStatus(DURATION, Verdict.INCONCLUSIVE, 500.0, None, "request duration unknown, no data", NOW - 20 * SECOND),
)
QUEUE = OwnCheck("queue depth", "q", Limits(None, 10.0), "1m", unit="messages")
IDLE = replace(QUEUE, name="idle", limits=Limits(1.0, 5.0), unit="%")
LOST = {"counts_pods": False, "available_replicas": 0, "unready": "Ready is False"}
EVENTS = (
    Told(NOW - 6 * MINUTE, warning=False, text="New revision detected podinfo-canary.test old 1 new 2"),
    Told(NOW - 5 * MINUTE, warning=False, text="Scaling up podinfo.test"),
    Told(NOW - 80 * SECOND, warning=False, text="Advance podinfo.test canary weight 10"),
    Told(NOW - 50 * SECOND, warning=True, text="Halt podinfo.test advancement success rate 69.00% < 99%", count=3),
    Told(NOW - 20 * SECOND, warning=True, text="Halt podinfo.test advancement success rate 82.33% < 99%"),
    Told(NOW - 2 * SECOND, warning=False, text="one more than is shown, so that the first is not"),
)


def side(name: str, tag: str, **changes):
    template = replace(template_of(name, tag), images=(("app", f"registry:5000/podinfo:{tag}"),))
    return (primary if name == "podinfo" else workload)(template=template, **changes)


def seen(the_status: CanaryStatus, events=EVENTS, annotations=None, **changes) -> Snapshot:
    """Return a snapshot as the command takes one: the object in JSON, and the world that goes with it."""
    changes = {"primary": side("podinfo", "1.4.0"), "canary_workload": side("podinfo-canary", "1.5.0"), **changes}
    of = canary(status=the_status, **{name: changes.pop(name) for name in ("spec", "verbs") if name in changes})
    the_world = world(canary=of, **changes)
    shown = summarised(the_world, the_status, the_status)
    of = replace(of, status=shown)
    return Snapshot(_object(of, annotations), NOW, replace(the_world, canary=of), events=events)


def _object(of: Canary, annotations) -> dict:
    meta = {"name": of.name, "namespace": of.namespace, "annotations": annotations or {}}
    return {"metadata": meta, "status": to_json(of.status)}


def condition(kind: str, reason: str, message: str) -> dict:
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def unparsed(the_status: dict, **changes) -> Snapshot:
    meta = {"name": "podinfo", "namespace": "test"}
    return Snapshot({"metadata": meta, "status": the_status}, NOW, **changes)


ROUND = {"last_check_time": NOW - 20 * SECOND, "canary_weight": 15}
PICTURES = {
    "a round that passed": seen(status(checks=PASSED, **ROUND)),
    "a round that failed": seen(status(checks=FAILED, failed_checks=3, inconclusive_checks=2, **ROUND)),
    "held": seen(
        status(checks=PASSED, **ROUND), events=(), verbs=Verbs(hold="Ann decides"), annotations={"flagger.app/hold": ""}
    ),
    "waiting for pods": seen(
        starting(),
        canary_workload=side(
            "podinfo-canary", "1.5.0", available_replicas=0, failure='pods "podinfo-canary-x" is forbidden: quota few'
        ),
    ),
    "a part that is missing": seen(at_rest(), events=(), route=None, canary_backend=Backend("not found", gone=True)),
    "a query of one's own, without a limit on rounds without data": seen(
        status(inconclusive_checks=1, failed_checks=24, **ROUND),
        events=(),
        spec=spec(checks=(QUEUE, IDLE), threshold=50, inconclusive_limit=0),
    ),
    "a promotion that waits for the primary": seen(
        status(stage=Stage.PROMOTING, checks=PASSED, canary_weight=50, last_check_time=NOW),
        events=(),
        primary=side("podinfo", "1.5.0", available_replicas=1),
    ),
    "a rollback under way, and held afterwards": seen(
        status(stage=Stage.ROLLING_BACK), events=(), annotations={"flagger.app/hold": "x"}
    ),
    "weights and a side that nobody knows": seen(
        status(**ROUND),
        events=(),
        primary=Unreadable("test", "podinfo", "u", "1", "no spec"),
        canary_workload=None,
        route=Route(None, "a third destination is in the way"),
    ),
    "a kind that counts no pods": seen(
        status(**ROUND),
        events=(),
        primary=side("podinfo", "1.4.0", counts_pods=False),
        canary_workload=side("podinfo-canary", "1.5.0", **LOST),
    ),
    "a spec that is invalid": seen(CanaryStatus(), events=(), spec=InvalidSpec("spec.primary must be an object")),
    "an object that nothing could begin for": seen(CanaryStatus(), events=(), route=None),
    "an object that was not seen yet": unparsed({}),
    "an object that cannot be read": unparsed(
        {"state": "running", "conditions": [condition("Ready", "CanaryUnreadable", "odd")]},
        unread=("the canary object cannot be read: odd", "events may not be read with this login"),
    ),
    "a status of a controller of before": unparsed(
        {"state": "failed", "conditions": [condition("Promoted", "NoEvidence", "no data")]}
    ),
    "names that are long": seen(
        status(checks=PASSED, **ROUND),
        events=(),
        primary=side("podinfo", "2026.11.27-rc1-with-a-long-tag"),
        canary_workload=side("podinfo-canary", "2026.11.28-rc2-with-a-long-tag"),
    ),
}  # fmt: skip


def told() -> str:
    text = ""
    for what, snapshot in PICTURES.items():
        for width in WIDTHS:
            text += f"--- {what}, {width} columns\n{plain(picture(snapshot, width))}\n"
        text += f"--- {what}, in one line\n{plain([in_one_line(snapshot)])}\n"
    return text


def test_pictures_are_as_they_were():
    assert told() == TRANSCRIPT.read_text()


@pytest.mark.parametrize("what", PICTURES)
@pytest.mark.parametrize("width", [40, 41, 60, 71, 72, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(what, width):
    for drawn in picture(PICTURES[what], width):
        assert sum(cells(span.text) for span in drawn) <= width


def test_what_the_cluster_says_cannot_move_the_cursor():
    odd = seen(status(**ROUND), events=(Told(NOW, warning=True, text="\x1b[2Jgone"),))
    assert "\x1b" not in plain(picture(odd, 80))
    assert "\\x1b[2Jgone" in plain(picture(odd, 80))


def test_next_round_says_when_it_is_late_or_now():
    def next_round(at):
        snapshot = seen(status(**ROUND))
        due = {**snapshot.obj["status"], "nextCheckTime": at.isoformat()}
        drawn = plain(picture(replace(snapshot, obj={**snapshot.obj, "status": due}), 80))
        return next(line for line in drawn.splitlines() if line.startswith("next round"))

    assert next_round(NOW + 5 * SECOND).endswith("in 5s")
    assert next_round(NOW).endswith("now")
    assert next_round(NOW - 300 * SECOND).endswith("was due 5m ago")


def gates_of(the_world: World) -> list[str]:
    return [closed.gate.reason for closed in closed_gates(the_world)]


def test_gates_are_those_of_the_stage():
    lacking = {"canary_workload": workload(available_replicas=0), "primary": primary(paused=True)}
    assert gates_of(world(**lacking)) == ["PrimaryPaused", "CanaryNotConverged"]
    assert gates_of(world(status=status(stage=Stage.PROMOTING), **lacking)) == ["PrimaryPaused"]
    assert gates_of(world(status=status(stage=Stage.DRAINING), **lacking)) == []
    assert gates_of(world(status=at_rest(), **lacking)) == []
    assert gates_of(world(status=at_rest(), route=None)) == ["RouteNotFound"]


if __name__ == "__main__":
    sys.stdout.write(told())
