"""What Argo CD and Flux read of every status that there can be. Live objects are asked in tests/e2e/test_gitops.py."""

from dataclasses import replace
from itertools import product

import pytest

from controller.core import gitops
from controller.core.canary import CanaryStatus, Condition, Stage, State
from controller.core.parse_status import parse_status
from controller.core.standing import at_rest
from controller.core.status_json import to_json
from tests.controller.core import builders
from tests.controller.core.builders import NOW
from tests.e2e.health import BUNDLED, argo_cd, ours

READY = Condition("Ready", "True", "PartsFound", "all found", NOW)
MISSING = Condition("Ready", "False", "WorkloadNotFound", "deployment podinfo.test not found", NOW)
WRONG = Condition("Ready", "False", "InvalidSpec", "stepWeight must be above 0", NOW)
RUNNING = Condition("Promoted", "Unknown", "RolloutRunning", "being analysed", NOW)
HELD = Condition("Promoted", "Unknown", "Held", "held for lunch", NOW)
FAILED = Condition("Promoted", "False", "FailedChecks", "failed checks threshold reached 10", NOW)
PROMOTED = Condition("Promoted", "True", "Promoted", "the primary runs it", NOW)


def status(state, stage=None, *conditions):
    return builders.status(state=state, stage=stage, conditions=conditions, observed_generation=4)


NEW = CanaryStatus(conditions=(MISSING,), observed_generation=4)
CASES = [
    pytest.param(NEW, "Progressing", [], "Progressing", id="a part is missing, nothing has begun"),
    pytest.param(
        replace(NEW, conditions=(WRONG,)),
        "Progressing",
        ["Stalled"],
        "Degraded",
        id="the spec is invalid",
    ),
    *(
        pytest.param(status(State.RUNNING, stage, RUNNING, READY), phase, ["Reconciling"], "Progressing", id=f"{stage}")
        for stage, phase in {
            Stage.STARTING: "Progressing",
            Stage.PROGRESSING: "Progressing",
            Stage.PROMOTING: "Promoting",
            Stage.ROLLING_BACK: "Progressing",
            Stage.DRAINING: "Finalising",
        }.items()
    ),
    pytest.param(
        status(State.RUNNING, Stage.PROGRESSING, HELD, READY), "Progressing", ["Reconciling"], "Suspended", id="held"
    ),
    pytest.param(
        status(State.RUNNING, Stage.PROGRESSING, RUNNING, MISSING),
        *("Progressing", ["Reconciling"], "Degraded"),
        id="a part went missing",
    ),
    pytest.param(
        status(State.RUNNING, Stage.PROGRESSING, RUNNING, WRONG),
        *("Progressing", ["Stalled"], "Degraded"),
        id="the spec became invalid",
    ),
    pytest.param(status(State.FINISHED, None, PROMOTED, READY), "Succeeded", [], "Healthy", id="promoted"),
    pytest.param(
        status(State.FINISHED, None, PROMOTED, MISSING),
        "Succeeded",
        [],
        "Degraded",
        id="a part was lost at rest",
    ),
    pytest.param(status(State.FAILED, None, FAILED, READY), "Failed", ["Stalled"], "Degraded", id="rolled back"),
]


@pytest.mark.parametrize(("status", "phase", "types", "health"), CASES)
def test_what_tools_read_of_a_status(status, phase, types, health):
    stored = to_json(status)
    assert stored["phase"] == phase
    derived = [c for c in stored["conditions"] if c["type"] in {"Reconciling", "Stalled"}]
    assert [c["type"] for c in derived] == types
    assert all(c["status"] == "True" and c["message"] in {s.message for s in status.conditions} for c in derived)
    obj = {"metadata": {"generation": 4}, "status": stored}
    word, message = argo_cd(ours(), obj)
    assert word == health
    assert any(condition.message in message for condition in status.conditions)
    bundled = {"Failed": "Degraded", "Succeeded": "Healthy"}.get(phase, "Progressing")
    assert argo_cd(BUNDLED, obj)[0] == bundled
    assert parse_status(stored) == status, "what is made with each write is no part of what is read"


@pytest.mark.parametrize(("state", "stage"), list(product([None, *State], [None, *Stage])))
def test_every_status_that_was_written_has_a_phase_and_at_most_one_condition_of_kstatus(state, stage):
    for conditions in ((), (RUNNING, READY), (FAILED, WRONG)):
        found = status(state, stage, *conditions)
        assert isinstance(gitops.phase(found), gitops.Phase)
        assert len(list(gitops.conditions(found))) <= 1
        assert list(gitops.conditions(replace(found, conditions=(), last_transition_time=None))) == []


def test_object_that_the_controller_has_not_seen_is_on_its_way():
    assert argo_cd(ours(), {"metadata": {"generation": 1}}) == ("Progressing", "The controller has not seen it yet")
    stored = to_json(status(State.FINISHED, None, PROMOTED, READY))
    assert argo_cd(ours(), {"metadata": {"generation": 5}, "status": stored})[0] == "Progressing"


def test_object_that_cannot_be_read_is_no_error_of_a_check():
    ready = {"type": "Ready", "status": "False", "reason": "CanaryUnreadable", "message": "odd"}
    stored = {**gitops.NEVER_RECONCILED, "conditions": [ready]}
    obj = {"metadata": {"generation": 1}, "status": stored}
    assert argo_cd(ours(), obj) == ("Degraded", "odd")
    assert argo_cd(BUNDLED, obj)[0] == "Progressing"


def test_new_spec_is_noted_at_rest_once():
    world = builders.world(canary=builders.canary(status=builders.at_rest(conditions=(READY,)), generation=2))
    (write,) = at_rest(world).actions
    assert write.status == replace(world.canary.status, observed_generation=2, conditions=write.status.conditions)
    again = replace(world, canary=replace(world.canary, status=write.status))
    assert at_rest(again).actions == ()
