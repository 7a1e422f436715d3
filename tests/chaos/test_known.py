"""Defects that the scenarios have found, each in its smallest form; all of them are mended."""

from dataclasses import replace

import jsonpatch
import pytest

from controller.core import conditions
from controller.core.canary import Stage, State
from controller.core.events import Cause
from controller.core.plan import Scale, WriteStatus
from deploy.template import copy_operations
from tests.chaos.scenario import played
from tests.controller.core.builders import MINUTE, NOW, canary, decided, primary, spec, status, world
from tests.deploy.deployment_objects import deployment


def draining(**changes):
    """Return the world of a promotion that is over but for the drain."""
    the_status = status(stage=Stage.DRAINING, canary_weight=0, traffic_start_time=None, **changes)
    whole = world(canary=canary(spec=spec(drain=MINUTE)))
    the_status = conditions.running(whole, the_status, Cause("Promoted", "", State.FINISHED))
    return world(canary=canary(spec=spec(drain=MINUTE)), status=the_status)


def test_drain_counts_anew_when_the_canary_had_the_traffic_in_between():
    # The primary lost its pods during the drain, so the canary got all traffic; now the primary serves again.
    whole = draining(drain_start_time=NOW - 2 * MINUTE)
    whole = replace(whole, canary=replace(whole.canary, status=replace(whole.canary.status, canary_weight=100)))
    taken_off = decided(replace(whole, now=NOW))  # the route carries nothing any more, the status says 100 as yet
    assert not any(isinstance(action, Scale) for action in taken_off.actions)


def test_end_that_waits_for_a_primary_that_does_not_serve_names_it_in_a_condition():
    whole = replace(draining(drain_start_time=NOW), primary=primary(available_replicas=0))
    written = [action.status for action in decided(whole).actions if isinstance(action, WriteStatus)]
    ready = [(c.type, c.status) for status in written for c in status.conditions]
    assert ("Ready", "False") in ready


def test_copy_keeps_annotations_that_came_after_the_primary_was_read():
    read = deployment("podinfo")
    read["metadata"].pop("annotations", None)
    came_after = {"annotations": {"team": "a"}, "resourceVersion": "another"}  # no new generation
    stored = {**read, "metadata": {**read["metadata"], **came_after}}
    patch = jsonpatch.JsonPatch(list(copy_operations(deployment(), read, "2@now")))
    with pytest.raises(jsonpatch.JsonPatchTestFailed):  # refused: it is read again
        patch.apply(stored)


def test_scale_up_of_an_overtaken_replica_changes_nothing_after_the_end():
    # It was sent before the rollout was aborted; nobody else has scaled the canary meanwhile.
    assert played("promotion overtaken deployments 1 abort")[1] == []


@pytest.mark.parametrize("hand", ["abort", "put-back"])
def test_copy_of_an_overtaken_replica_does_not_reach_the_primary_after_the_end(hand):
    # The version was taken back before it was copied. Without a fence the primary runs it in the end.
    assert played(f"promotion overtaken deployments 4 {hand}")[1] == []
