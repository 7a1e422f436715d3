"""People step in by command: the controller obeys, and says so."""

import io

import pytest

from controller.lifecycle import utc_now
from controller.verbs import command
from controller.verbs.decide import Verb
from tests.system.harness import controller


def ask(on, verb):
    out = io.StringIO()
    code = command.main(verb, ["podinfo", "-n", "test", "--kubeconfig", on.kubeconfig], utc_now, out)
    return code, out.getvalue()


@pytest.fixture
def held(on):
    """A rollout that stands at its first step."""
    on.add_canary(stepWeight=10, maxWeight=50)
    with controller(on):
        on.until_state("finished")
        on.push("quay.io/stefanprodan/podinfo:1.4.1")
        on.until(lambda: on.canary_status().get("canaryWeight"))
        assert ask(on, Verb.HOLD)[0] == 0
        on.until_said("held by the annotation flagger.app/hold")
        yield on


def test_hold_then_promote_then_resume(held):
    weight = held.canary_status()["canaryWeight"]
    code, said = ask(held, Verb.PROMOTE)
    assert (code, "It is held, and waits until you resume it" in said) == (0, True)
    checked = held.canary_status()["lastCheckTime"]
    held.until(lambda: held.canary_status()["lastCheckTime"] != checked)
    assert held.canary_status()["canaryWeight"] == weight
    assert ask(held, Verb.RESUME)[0] == 0
    held.until_state("finished")
    assert held.said("Skipping the rest of the analysis of podinfo-canary.test")
    assert held.image("podinfo").endswith(":1.4.1")


def test_hold_then_abort_then_retry(held):
    assert ask(held, Verb.ABORT)[0] == 0
    held.until_state("failed")
    assert ask(held, Verb.RESUME)[0] == 0
    assert ask(held, Verb.RETRY)[0] == 0
    held.until_state("finished")
    assert held.said("Retrying podinfo-canary.test revision ")
    assert held.image("podinfo").endswith(":1.4.1")
