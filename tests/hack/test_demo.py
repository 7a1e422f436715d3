"""What ``make run`` shows: the picture, the describe text, and what it takes for a failure. The run itself is in CI."""

import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.show import facts as show
from hack.demo.acts import BAD_VERSION, GOOD_VERSION, problems
from hack.demo.describe import describe
from hack.demo.screen import Screen
from hack.demo.user import Snapshot
from tests.canary_objects import seed
from tests.controller.core.builders import world
from tests.deploy.deployment_objects import deployment

ROOT = Path(__file__).parents[2]
NOW = datetime(2018, 10, 10, 12, 5, tzinfo=UTC)


def event(message, kind="Normal", count=1, last="2018-10-10T12:04:30Z"):
    return {
        "type": kind,
        "reason": "Synced",
        "message": message,
        "count": count,
        "firstTimestamp": "2018-10-10T12:00:00Z",
        "lastTimestamp": last,
        "source": {"component": "flagger"},
        "metadata": {"resourceVersion": "1"},
    }


def snapshot(*, status=None, weights=(85, 15), replicas=1, primary="podinfo:1.2.0", canary="podinfo:1.2.1"):
    workload = deployment(image=canary)
    workload["spec"]["replicas"] = replicas
    checks = [
        {"name": "istio_requests_total", "value": 82.333, "verdict": "fail"},
        {"name": "istio_request_duration_seconds_bucket", "verdict": "inconclusive"},
    ]
    running = {"state": "running", "stage": "progressing", "failedChecks": 3, "checks": checks}
    obj = {**seed(), "status": running if status is None else status}
    return Snapshot(obj, deployment("podinfo", image=primary), workload, weights, ())


def test_describe_looks_like_kubectl():
    events = [event("Starting"), event("Halt x", "Warning", count=3), event("old", last="2018-10-10T10:00:00Z")]
    assert describe({"canaryRevision": "16271121", "failedChecks": 6, "state": "finished"}, events, NOW) == [
        "Status:",
        "  Canary Revision:  16271121",
        "  Failed Checks:    6",
        "  State:            finished",
        "Events:",
        "  Type     Reason  Age               From     Message",
        "  ----     ------  ---               ----     -------",
        "  Normal   Synced  30s               flagger  Starting",
        "  Warning  Synced  30s (x3 over 5m)  flagger  Halt x",
        "  Normal   Synced  2h                flagger  old",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(weight: int) -> show.Snapshot:
    """Return what ``flagger watch`` sees at a weight."""
    status = {"state": "running", "stage": "progressing", "canaryWeight": weight}
    at = world(weight=weight)
    return show.Snapshot({"metadata": {"name": "podinfo", "namespace": "test"}, "status": status}, NOW, at)


def test_terminal_gets_a_picture_that_is_redrawn_and_stays_at_the_end():
    out = Terminal()
    screen = Screen(out, {"TERM": "xterm"})
    screen.show([event("Advance")], seen(15))
    screen.show([], seen(15))
    once = out.getvalue()
    screen.show([], seen(20))
    assert once.count("podinfo.test") == 1
    assert "\x1b[1A\x1b[2K" in out.getvalue()[len(once) :]
    screen.keep()
    screen.say("the end")
    assert out.getvalue().endswith("the end\n")
    assert "\x1b[32mNormal \x1b[0m" in once


def test_plain_output_has_a_line_for_each_change():
    out = io.StringIO()
    screen = Screen(out)
    screen.title("1.")
    for weight in (15, 15, 20):
        screen.show([], seen(weight))
    assert out.getvalue().count("running  progressing") == 2
    assert "\x1b" not in out.getvalue()


ENDED = {"state": "finished", "failedChecks": 6}


def test_act_that_came_out_right_has_no_problems():
    events = [event(text + " more") for text in GOOD_VERSION.texts]
    end = snapshot(status=ENDED, weights=(100, 0), replicas=0, primary="podinfo:1.2.1")
    assert problems(GOOD_VERSION, end, events) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": {**ENDED, "state": "failed"}}, "the state is failed"),
        ({"status": {**ENDED, "failedChecks": 2}}, "failed checks are 2"),
        ({"weights": (50, 50)}, "weights are 50/50 after the end"),
        ({"replicas": 1}, "the canary was not scaled to zero"),
        ({"primary": "podinfo:1.2.0"}, "the primary runs podinfo:1.2.0"),
    ],
)
def test_what_did_not_come_out_right_is_named(change, problem):
    right = {"status": ENDED, "weights": (100, 0), "replicas": 0, "primary": "podinfo:1.2.1"}
    events = [event(text) for text in GOOD_VERSION.texts]
    assert problems(GOOD_VERSION, snapshot(**{**right, **change}), events) == [problem]


def test_event_that_is_missing_or_out_of_order_is_named():
    events = [event(text) for text in reversed(BAD_VERSION.texts)]
    failed = {"state": "failed", "failedChecks": 10}
    found = problems(BAD_VERSION, snapshot(status=failed, weights=(100, 0), replicas=0), events)
    assert "no event 'Scaling up podinfo.test' in its place" in found


@pytest.mark.parametrize("program", ["hack.demo", "testbed.sandbox"])
def test_without_the_libraries_of_the_sandbox_it_says_which_one_is_missing_and_how_to_get_it(tmp_path, program):
    (tmp_path / "promql_parser.py").write_text(
        "raise ModuleNotFoundError('No module named ' + __name__, name=__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-m", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert "promql_parser is not installed: pip install -e '.[sandbox]'" in printed
    assert "Traceback" not in printed
    assert "KeyError" not in printed
