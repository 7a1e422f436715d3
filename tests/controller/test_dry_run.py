"""A dry run: what would be written is logged, and nothing that was decided is taken for done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller import dry_run
from controller.core import events
from controller.core.canary import InvalidSpec
from controller.core.plan import (
    CopyTemplate,
    Fence,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.dry_run import DryRunApplier, DryRunWatcher, unhurried
from controller.work.workers import Awaits
from router.types import Weights
from tests.controller.core.builders import canary, status, world

WORLD = world()
NEXT = replace(WORLD.canary.status, canary_weight=15)
SAID = events.advance("podinfo.test", 15)

EVERY_ACTION = (
    WriteStatus(NEXT),
    HoldFinalizer(),
    ReleaseFinalizer(),
    Shift(Weights(85, 15)),
    Fence(),
    Scale(0),
    CopyTemplate("x"),
    Say(SAID),
    Log("done"),
)


def test_what_would_be_written_is_logged_once(caplog):
    caplog.set_level("INFO")
    dry, shifts = DryRunApplier(), []
    for plan in (Plan(EVERY_ACTION), Plan(EVERY_ACTION), Plan()):
        dry.apply(WORLD, plan, shifts.append)
    assert shifts == []
    assert caplog.messages == [
        "Would write status {'canaryWeight': 15} of podinfo.test",
        "Would put a finalizer on podinfo.test",
        "Would take the finalizer off podinfo.test",
        "Would set weights of podinfo.test to 85/15",
        "Would fence podinfo.test against a write that is still on its way",
        "Would scale podinfo-canary.test to 0",
        "Would copy the template of podinfo-canary.test to podinfo.test",
        "Would say 'Advance podinfo.test canary weight 15'",
        "Would log 'done'",
    ]
    assert (caplog.records[3].canary, caplog.records[3].action) == ("podinfo", "Shift")
    dry.apply(WORLD, Plan((Scale(0),)), shifts.append)
    assert len(caplog.messages) == 10


def test_what_is_remembered_of_canaries_is_bounded(monkeypatch):
    monkeypatch.setattr(dry_run, "MOST_LOGGED", 5)
    dry = DryRunApplier()
    for number in range(20):
        dry.apply(world(canary=canary(uid=f"{number}")), Plan((Scale(0),)), lambda _: None)
        assert len(dry.logged) <= 5


def test_invalid_objects_are_spoken_of_too(caplog):
    caplog.set_level("INFO")
    broken = world(canary=canary(spec=InvalidSpec("x"), status=status()))
    DryRunApplier().apply(broken, Plan((Say(SAID),)), lambda _: None)
    assert caplog.messages == ["Would say 'Advance podinfo.test canary weight 15'"]


def test_watchers_hear_what_was_found_and_not_what_was_decided():
    heard = []

    class Watcher:
        def reconciled(self, world, plan):
            heard.append((world, plan))

        def gone(self, namespace, name):
            heard.append((namespace, name))

    watcher = DryRunWatcher(Watcher())
    watcher.reconciled(WORLD, Plan(EVERY_ACTION))
    watcher.gone("test", "podinfo")
    assert heard == [(WORLD, Plan()), ("test", "podinfo")]


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("again", "then"),
    [
        pytest.param(timedelta(seconds=1), MINUTE, id="no sooner than in an interval"),
        pytest.param(2 * MINUTE, 2 * MINUTE, id="later if nothing is due before"),
        pytest.param(None, None, id="never if only a change matters"),
        pytest.param(Awaits.READINGS, Awaits.READINGS, id="when the readings are there"),
    ],
)
def test_reconciles_are_unhurried(again, then):
    assert unhurried(lambda _key: again, MINUTE, "test/podinfo") == then
