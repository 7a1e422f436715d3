"""Whether a custom resource is ready, by what its status shows."""

import pytest

from deploy.kstatus import health
from informers.types import FieldError


def obj(*conditions, observed=3, generation=3):
    status = {"conditions": list(conditions)} if conditions else {}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"generation": generation}, "status": status}


def condition(kind, status="True", **more):
    return {"type": kind, "status": status, **more}


READY = condition("Ready", reason="Succeeded")
FAILED = condition("Ready", "False", reason="UpgradeFailed", message="Helm upgrade\nfailed")


@pytest.mark.parametrize(
    ("seen", "required", "why"),
    [
        pytest.param(obj(READY), (), "", id="ready"),
        pytest.param(obj(), (), "", id="no condition at all"),
        pytest.param({"metadata": {"generation": 1}}, (), "", id="no status"),
        pytest.param(obj(condition("Synced", "False")), (), "", id="a condition that nobody asked for"),
        pytest.param(obj(condition("Stalled", "False"), READY), (), "", id="not stalled"),
        pytest.param(obj(), ("Ready",), "has no condition Ready yet", id="a condition that must be there"),
        pytest.param(obj(READY), ("Ready", "Synced"), "has no condition Synced yet", id="one of two is missing"),
        pytest.param(obj(READY, condition("Synced", "False")), ("Synced",), "Synced is False", id="a required one"),
        pytest.param(obj(FAILED), (), "Ready is False, UpgradeFailed: Helm upgrade failed", id="failed"),
        pytest.param(obj(condition("Ready", "Unknown")), (), "Ready is Unknown", id="unknown"),
        pytest.param(
            obj(READY, condition("Reconciling", message="at work")), (), "Reconciling is True, at work", id="at work"
        ),
        pytest.param(
            obj(FAILED, condition("Stalled", reason="RetriesExceeded")),
            (),
            "Stalled is True, RetriesExceeded",
            id="stalled",
        ),
    ],
)
def test_why_it_is_not_ready(seen, required, why):
    assert health(seen, required).unready == why


def test_long_message_is_cut():
    said = health(obj(condition("Ready", "False", message="x" * 1000))).unready
    assert len(said) == 200


@pytest.mark.parametrize(
    ("seen", "observed"),
    [
        pytest.param(obj(READY), 3, id="that of the status"),
        pytest.param(obj(READY, observed=None), 3, id="nobody says, so it counts as observed"),
        pytest.param(obj(observed=-1), 0, id="Flux' own default"),
        pytest.param(obj({**READY, "observedGeneration": 2}, observed=None), 2, id="that of the condition"),
        pytest.param(obj({**READY, "observedGeneration": 2}), 2, id="a condition that is older than the status"),
        pytest.param(obj(condition("Other", observedGeneration=1)), 3, id="a condition that does not count"),
    ],
)
def test_which_generation_it_speaks_of(seen, observed):
    assert health(seen).observed_generation == observed


@pytest.mark.parametrize(
    ("seen", "stalled"),
    [
        pytest.param(obj(condition("Stalled")), True, id="said of this generation"),
        pytest.param(obj(condition("Stalled", observedGeneration=3), observed=None), True, id="by the condition"),
        pytest.param(obj(condition("Stalled"), observed=2), False, id="said of the one before"),
        pytest.param(obj(condition("Stalled", observedGeneration=2)), False, id="by a condition that is older"),
        pytest.param(obj(condition("Stalled"), observed=None), False, id="nobody knows of which"),
        pytest.param(obj(condition("Stalled", "False")), False, id="not stalled"),
        pytest.param(obj(READY), False, id="no such condition"),
    ],
)
def test_stalled_counts_only_if_it_is_said_of_this_generation(seen, stalled):
    assert health(seen).stalled is stalled


@pytest.mark.parametrize(
    "seen",
    [
        {"metadata": {}, "status": []},
        {"metadata": {}, "status": {"conditions": {}}},
        {"metadata": {}, "status": {"observedGeneration": "3"}},
        {"metadata": {"generation": "3"}},
    ],
)
def test_field_of_another_type_is_named(seen):
    with pytest.raises(FieldError):
        health(seen)
