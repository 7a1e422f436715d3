"""When a pipeline goes on, and with which exit code."""

import pytest

from controller.core.canary import CanaryStatus, Condition, InvalidSpec, State
from controller.core.verbs import Verbs
from controller.show.facts import Snapshot
from controller.show.waiting import outcome, timed_out
from informers.types import Unreadable
from tests.controller.core.builders import NOW, at_rest, canary, status, workload, world

ANALYSED = workload()
NEW = workload("3", generation=2, observed_generation=2)
SCALED = workload(generation=9, observed_generation=9)
PROMOTED = Condition("Promoted", "True", "Promoted", "Revision 2 is promoted", NOW)
NOTHING = Condition("Promoted", "True", "NothingToRollOut", "The primary already runs revision 2", NOW)
FAILED = Condition("Promoted", "False", "FailedChecks", "failed checks threshold reached 10", NOW)


def seen(the_status, **changes):
    spec = {"spec": changes.pop("spec")} if "spec" in changes else {}
    verbs = {"verbs": changes.pop("verbs")} if "verbs" in changes else {}
    of = canary(status=the_status, **spec, **verbs)
    meta = {"name": of.name, "namespace": of.namespace}
    return Snapshot({"metadata": meta}, NOW, world(canary=of, **changes))


def finished(*conditions, **changes):
    return at_rest(version="1.5.0", conditions=conditions, **changes)


def failed(*conditions):
    return at_rest(state=State.FAILED, version="1.4.0 → 1.5.0", conditions=conditions)


@pytest.mark.parametrize(
    ("snapshot", "began", "code", "sentence"),
    [
        pytest.param(
            seen(finished(PROMOTED)), True, 0, "podinfo.test 1.5.0 was promoted", id="a promotion that was seen to run"
        ),
        pytest.param(
            seen(finished(PROMOTED)),
            False,
            0,
            "podinfo.test: nothing to release, the primary runs 1.5.0",
            id="a pipeline that runs again with the same image",
        ),
        pytest.param(
            seen(finished(PROMOTED), canary_workload=SCALED),
            False,
            0,
            "podinfo.test: nothing to release, the primary runs 1.5.0",
            id="a canary that was only scaled",
        ),
        pytest.param(
            seen(finished(NOTHING)),
            True,
            0,
            "podinfo.test: nothing to release, the primary runs 1.5.0",
            id="a template that was put back",
        ),
        pytest.param(
            seen(at_rest()),
            False,
            0,
            "podinfo.test: nothing to release, the primary runs the template",
            id="a status of before, without a version",
        ),
        pytest.param(
            seen(failed(FAILED)),
            True,
            1,
            "podinfo.test 1.4.0 → 1.5.0 was rolled back: failed checks threshold reached 10",
            id="a rollback",
        ),
        pytest.param(
            seen(failed()), False, 1, "podinfo.test 1.4.0 → 1.5.0 was rolled back", id="one that nobody says why of"
        ),
        pytest.param(
            seen(failed(FAILED), canary_workload=None),
            True,
            1,
            "podinfo.test 1.4.0 → 1.5.0 was rolled back: failed checks threshold reached 10",
            id="a workload that was deleted",
        ),
    ],
)
def test_end(snapshot, began, code, sentence):
    found = outcome(snapshot, began=began)
    assert (found.code, found.sentence) == (code, sentence)


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(seen(status()), id="it runs"),
        pytest.param(seen(CanaryStatus()), id="it was not seen yet"),
        pytest.param(seen(finished(PROMOTED), canary_workload=NEW), id="the controller has not seen the push"),
        pytest.param(seen(failed(FAILED), canary_workload=NEW), id="nor the fix"),
        pytest.param(seen(failed(FAILED), verbs=Verbs(retry="podinfo-canary-2@now")), id="nor the retry"),
        pytest.param(seen(CanaryStatus(), spec=InvalidSpec("odd")), id="its spec has to be corrected"),
        pytest.param(Snapshot({"metadata": {}}, NOW), id="it cannot be read"),
    ],
)
def test_no_end_yet(snapshot):
    assert outcome(snapshot, began=True) is None


def test_workload_that_cannot_be_read_ends_with_its_rollout():
    odd = Unreadable("test", "podinfo-canary", "u", "1", "no spec")
    assert outcome(seen(failed(FAILED), canary_workload=odd), began=True).code == 1


def test_timeout_says_how_it_stands():
    stands = {"state": "running", "reason": "Held", "message": "by Ann"}
    snapshot = Snapshot({"metadata": {}, "status": stands}, NOW)
    found = timed_out(snapshot, "podinfo.test", 90.0)
    assert (found.code, found.sentence) == (2, "podinfo.test has not ended within 90 s, it is running (Held: by Ann)")
    bare = Snapshot({"metadata": {}}, NOW)
    assert timed_out(bare, "a.b", 1.0).sentence == "a.b has not ended within 1 s, it is not seen yet"
    assert timed_out(None, "a.b", 1.0).sentence == "a.b has not ended within 1 s"
