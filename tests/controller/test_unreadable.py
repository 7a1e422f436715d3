"""A canary object that cannot be read is reported: at once, in its status, and again at a slow pace."""

from datetime import timedelta

import pytest

from controller.core.conditions import unreadable_patch
from controller.core.pacing import REPEAT_AT_REST
from controller.core.status_json import apply_patch
from controller.unreadable import UnreadableReporter
from informers.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, ServerError
from informers.types import Unreadable
from tests.controller.core.builders import NOW

FOUND = Unreadable("test", "podinfo", "u", "7", "status.state must be running, not 'odd'")
THEN, NOW_TEXT = "2018-10-10T12:00:00Z", NOW.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
PROMOTED = {"type": "Promoted", "status": "False", "reason": "FailedChecks", "lastTransitionTime": THEN}
READY = {"type": "Ready", "status": "False", "reason": "CanaryUnreadable", "message": "why", "lastTransitionTime": THEN}
FIRST = {**READY, "lastTransitionTime": NOW_TEXT}
OBJECT = {"metadata": {"resourceVersion": "7"}}
READ_BY_ARGO_CD = {"phase": "Progressing", "canaryWeight": 0}


class Server:
    """Fulfils what is needed of ``informers.types.Writer``; one object."""

    def __init__(self, **status):
        self.obj = {"metadata": {"uid": "u", "resourceVersion": "7"}, "status": status}
        self.reads, self.writes = 0, []
        self.errors = []

    def get(self, _resource, namespace, name):
        assert (namespace, name) == ("test", "podinfo")
        self.reads += 1
        return self.obj

    def merge_patch(self, _resource, _namespace, _name, patch, *, subresource):
        assert subresource == "status"
        if self.errors:
            raise self.errors.pop(0)
        self.writes.append(patch)
        self.obj = {**self.obj, "status": apply_patch(self.obj["status"], patch["status"])}
        return self.obj


class Run:
    def __init__(self, server=None):
        self.said = []
        self.now = NOW
        self.server = server
        self.reporter = UnreadableReporter([self], server, lambda: self.now)

    def record(self, about, event):
        self.said.append((about, event.text))

    def report(self, found=FOUND):
        return self.reporter.report(found)


def test_object_is_reported_once_and_again_at_a_slow_pace():
    run = Run(Server(state="odd", conditions=[PROMOTED]))
    assert run.report() == REPEAT_AT_REST
    for _ in range(50):  # however often its key is woken, by our own write too
        run.now += timedelta(seconds=1)
        assert run.report() == REPEAT_AT_REST - (run.now - NOW)
    assert run.said == [(FOUND, f"Halt podinfo.test advancement the canary object cannot be read: {FOUND.reason}")]
    assert (run.server.reads, len(run.server.writes)) == (1, 1)
    run.now = NOW + REPEAT_AT_REST
    assert run.report() == REPEAT_AT_REST
    assert len(run.said) == 2
    assert (run.server.reads, len(run.server.writes)) == (2, 1)


def test_condition_stands_beside_what_the_status_holds():
    run = Run(
        Server(state="odd", conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": THEN}, PROMOTED])
    )
    run.report()
    assert run.server.obj["status"] == {
        "state": "odd",
        **READ_BY_ARGO_CD,
        "conditions": [
            PROMOTED,
            {
                "type": "Ready",
                "status": "False",
                "reason": "CanaryUnreadable",
                "message": FOUND.reason,
                "lastTransitionTime": NOW_TEXT,
            },
        ],
        "reason": "CanaryUnreadable",
        "message": FOUND.reason,
    }
    assert run.server.writes[0]["metadata"] == {"resourceVersion": "7"}


@pytest.mark.parametrize(
    "other",
    [
        Unreadable("test", "podinfo", "u", "8", "another reason"),
        Unreadable("test", "podinfo", "new", "8", FOUND.reason),
    ],
    ids=["another reason", "another object"],
)
def test_what_is_new_is_reported_at_once(other):
    run = Run()
    run.report()
    run.report(other)
    assert [about for about, _ in run.said] == [FOUND, other]
    run.reporter.forget("test/podinfo")
    run.report(other)
    assert len(run.said) == 3


@pytest.mark.parametrize("refusal", [InvalidError, ForbiddenError, NotFoundError])
def test_status_that_cannot_be_written_is_said_in_the_log_and_not_tried_in_a_loop(refusal, caplog):
    run = Run(Server())
    run.server.errors = [refusal("no")] * 9
    for _ in range(3):
        assert run.report() == REPEAT_AT_REST
    assert len(run.server.errors) == 8
    assert caplog.messages == ["Condition of an unreadable canary not written"]


@pytest.mark.parametrize("failure", [ConflictError, ServerError])
def test_condition_that_failed_is_tried_again_without_another_event(failure):
    run = Run(Server())
    run.server.errors = [failure("later")]
    with pytest.raises(failure):
        run.report()
    run.report()
    assert (len(run.said), len(run.server.writes)) == (1, 1)


def test_another_object_of_the_name_is_left_alone():
    run = Run(Server())
    run.server.obj["metadata"]["uid"] = "another"
    run.report()
    assert run.server.writes == []


def test_dry_run_says_and_writes_nothing():
    run = Run()
    assert run.report() == REPEAT_AT_REST
    assert len(run.said) == 1


def test_clock_that_was_set_back_says_it_again():
    run = Run()
    run.report()
    run.now -= timedelta(days=1)
    assert run.report() == REPEAT_AT_REST
    assert len(run.said) == 2


@pytest.mark.parametrize(
    ("status", "conditions"),
    [
        pytest.param({}, [FIRST], id="none yet"),
        pytest.param(7, [FIRST], id="a status that is none"),
        pytest.param({"conditions": 7}, [FIRST], id="conditions that are none"),
        pytest.param({"conditions": [7, {**READY, "message": "before"}]}, [READY], id="another message"),
        pytest.param({"conditions": [{"type": "Ready", "status": "False"}]}, [FIRST], id="without a time"),
    ],
)
def test_patch_of_any_status(status, conditions):
    patch = unreadable_patch({**OBJECT, "status": status}, "why", NOW)
    shown = {"state": "blocked", "reason": "CanaryUnreadable", "message": "why"}
    assert patch == {**OBJECT, "status": {**READ_BY_ARGO_CD, "conditions": conditions, **shown}}


def test_status_that_says_so_already_needs_no_patch():
    assert unreadable_patch({**OBJECT, "status": {"conditions": [READY]}}, "why", NOW) is None
