"""Plans carried out: in order, each write with a precondition, the first failure ends it."""

from dataclasses import replace

import pytest

from controller.applier import DryRun, RealApplier
from controller.core import events
from controller.core.canary import InvalidSpec, Stage
from controller.core.plan import (
    CopyTemplate,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.world import FINALIZER
from controller.parts import canary_view
from informers.errors import ConflictError
from router.types import RouteRef, Weights
from tests.canary_objects import seed
from tests.controller.core.builders import canary, status, world
from tests.fakes.caches import FakeCache
from tests.fakes.writer import FakeWriter

OBJECT = seed()
OBJECT["metadata"] |= {
    "uid": "canary-uid",
    "resourceVersion": "1",
    "generation": 1,
    "creationTimestamp": "2018-10-10T11:50:00Z",
    "finalizers": ["somebody/else"],
}
CANARY = canary(finalizers=("somebody/else",))
WORLD = world(canary=CANARY)
NEXT = replace(CANARY.status, canary_weight=15)
SAID = events.advance("podinfo.test", 15)


class Calls:
    """Stands for router, deployer and recorder, and notes the order of everything."""

    def __init__(self, writer):
        self.done = []
        self.writer = writer

    def shift(self, ref, weights):
        self.done.append(("shift", ref, weights))

    def scale(self, workload, *, replicas):
        self.done.append(("scale", workload.name, replicas))

    def copy_template(self, source, target, *, stamp):
        self.done.append(("copy", source.name, target.name, stamp))

    def record(self, of, event):
        self.done.append(("say", of.name, event.text))


@pytest.fixture
def writer():
    return FakeWriter(("canaries", OBJECT))


@pytest.fixture
def calls(writer):
    return Calls(writer)


@pytest.fixture
def cache():
    return FakeCache([CANARY], build=canary_view)


@pytest.fixture
def applier(calls, writer, cache):
    return RealApplier(cache, calls, {"Deployment": calls}, writer, calls)


def test_actions_are_carried_out_in_their_order(applier, calls, writer, caplog):
    caplog.set_level("INFO")
    actions = (
        Shift(Weights(85, 15)),
        Scale(3),
        CopyTemplate("2@now"),
        Say(SAID),
        Log("Promotion completed! podinfo-canary.test revision 2"),
    )
    applier.apply(WORLD, Plan(actions))
    assert calls.done == [
        ("shift", RouteRef("test", "podinfo", "podinfo", "podinfo-canary"), Weights(85, 15)),
        ("scale", "podinfo-canary", 3),
        ("copy", "podinfo-canary", "podinfo", "2@now"),
        ("say", "podinfo", SAID.text),
    ]
    (record,) = caplog.records
    assert (record.message, record.canary, record.namespace) == (
        "Promotion completed! podinfo-canary.test revision 2",
        "podinfo",
        "test",
    )
    assert writer.requests == []


def test_status_is_a_minimal_patch_with_a_precondition(applier, writer, cache):
    applier.apply(WORLD, Plan((WriteStatus(NEXT),)))
    assert writer.requests == [
        (
            "merge_patch",
            "canaries",
            "podinfo",
            "status",
            {"status": {"canaryWeight": 15}, "metadata": {"resourceVersion": "1"}},
        )
    ]
    assert cache.get("test", "podinfo").resource_version == "2"
    assert cache.get("test", "podinfo").status.canary_weight == 15


def test_second_write_builds_on_the_answer_to_the_first(applier, writer):
    applier.apply(WORLD, Plan((HoldFinalizer(), WriteStatus(NEXT), WriteStatus(replace(NEXT, stage=Stage.PROMOTING)))))
    versions = [body["metadata"]["resourceVersion"] for *_, body in writer.requests]
    assert versions == ["1", "2", "3"]


def test_finalizer_joins_those_of_others(applier, writer):
    applier.apply(WORLD, Plan((HoldFinalizer(),)))
    assert writer.objects["canaries", "podinfo"]["metadata"]["finalizers"] == ["somebody/else", FINALIZER]


@pytest.mark.parametrize(
    ("held", "left"), [((FINALIZER, "somebody/else"), ["somebody/else"]), ((FINALIZER,), None)], ids=["others", "last"]
)
def test_finalizer_leaves_those_of_others(applier, writer, held, left):
    applier.apply(world(canary=canary(finalizers=held)), Plan((ReleaseFinalizer(),)))
    assert writer.requests[0][-1]["metadata"]["finalizers"] == left


def test_first_failure_ends_the_plan(applier, calls, writer):
    writer.errors = [ConflictError("somebody has written")]
    with pytest.raises(ConflictError):
        applier.apply(WORLD, Plan((WriteStatus(NEXT), Shift(Weights(85, 15)), Say(SAID))))
    assert calls.done == []


EVERY_ACTION = (
    WriteStatus(NEXT),
    HoldFinalizer(),
    ReleaseFinalizer(),
    Shift(Weights(85, 15)),
    Scale(0),
    CopyTemplate("x"),
    Say(SAID),
    Log("done"),
)


def test_dry_run_says_what_would_be_written_once(caplog):
    caplog.set_level("INFO")
    dry = DryRun({})
    dry.apply(WORLD, Plan(EVERY_ACTION))
    dry.apply(WORLD, Plan(EVERY_ACTION))
    dry.apply(WORLD, Plan())
    assert caplog.messages == [
        "Would write status {'canaryWeight': 15} of podinfo.test",
        "Would put a finalizer on podinfo.test",
        "Would take the finalizer off podinfo.test",
        "Would set weights of podinfo.test to 85/15",
        "Would scale podinfo-canary.test to 0",
        "Would copy the template of podinfo-canary.test to podinfo.test",
        "Would say 'Advance podinfo.test canary weight 15'",
        "Would log 'done'",
    ]
    assert (caplog.records[3].canary, caplog.records[3].action) == ("podinfo", "Shift")
    dry.apply(WORLD, Plan((Scale(0),)))
    assert len(caplog.messages) == 9


def test_dry_run_speaks_of_invalid_objects_too(caplog):
    caplog.set_level("INFO")
    broken = world(canary=canary(spec=InvalidSpec("x"), status=status()))
    DryRun({}).apply(broken, Plan((Say(SAID),)))
    assert caplog.messages == ["Would say 'Advance podinfo.test canary weight 15'"]
