"""Plans carried out: in order, each write with a precondition, the first failure ends it."""

from dataclasses import replace

import pytest

from controller.applier import FieldDroppedError, LeadLostError, NotStored, RealApplier
from controller.core import events
from controller.core.canary import Obeyed, Stage
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
from controller.core.status_json import to_json
from controller.core.world import FINALIZER
from controller.gather import Adapters
from controller.kinds import BUILT_IN
from informers.errors import ConflictError
from metrics.types import NoData
from router.types import ALL_TO_PRIMARY, RouteRef, Weights
from tests.canary_objects import seed
from tests.controller.core.builders import BAD_RATE, backend, canary, decided, said, spec, status, world
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
    """Stands for router, deployer, recorder and reconciler, and notes the order of everything."""

    def __init__(self):
        self.done = []
        self.leads = True

    def shift(self, ref, weights):
        self.done.append(("shift", ref, weights))

    def fence(self, ref):
        self.done.append(("fence", ref.name))

    def scale(self, workload, *, replicas):
        self.done.append(("scale", workload.name, replicas))

    def copy_template(self, source, target, *, stamp, identity):
        self.done.append(("copy", source.name, target.name, stamp, identity))

    def record(self, of, event):
        self.done.append(("say", of.name, event.text))

    def tell(self, action):
        if isinstance(action, Shift):
            self.done.append(("done", action))


@pytest.fixture
def writer():
    return FakeWriter(("canaries", OBJECT))


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def cache():
    return FakeCache([CANARY], build=BUILT_IN.view)


def adapters(calls):
    return Adapters({"Deployment": calls}, {"VirtualService": calls})


@pytest.fixture
def not_stored():
    return NotStored()


def keep_only(writer, *fields):
    """Make the API server one whose definition of Canary has only these fields of the status."""
    merge = writer.merge_patch

    def kept(*args, **kwargs):
        answer = merge(*args, **kwargs)
        return {**answer, "status": {name: value for name, value in answer["status"].items() if name in fields}}

    writer.merge_patch = kept


@pytest.fixture
def apply(calls, writer, cache, not_stored):
    applier = RealApplier(cache, adapters(calls), writer, [calls], lambda: calls.leads, not_stored)
    return lambda world, *actions: applier.apply(world, Plan(actions), calls.tell)


def test_actions_are_carried_out_in_their_order(apply, calls, writer, caplog):
    caplog.set_level("INFO")
    apply(
        WORLD,
        Shift(Weights(85, 15)),
        Fence(),
        Scale(3),
        CopyTemplate("2@now"),
        Say(SAID),
        Log("Promotion completed! podinfo-canary.test revision 2"),
    )
    assert calls.done == [
        ("shift", RouteRef("test", "podinfo", "podinfo", "podinfo-canary"), Weights(85, 15)),
        ("done", Shift(Weights(85, 15))),
        ("fence", "podinfo"),
        ("scale", "podinfo-canary", 3),
        ("copy", "podinfo-canary", "podinfo", "2@now", {"app"}),
        ("say", "podinfo", SAID.text),
    ]
    (record,) = caplog.records
    assert (record.message, record.canary, record.namespace) == (
        "Promotion completed! podinfo-canary.test revision 2",
        "podinfo",
        "test",
    )
    assert writer.requests == []


def test_copy_leaves_the_primary_what_the_services_select_by(apply, calls):
    roles = {
        f"{side}_backend": backend(name, selector=(("app", name), ("role", side)))
        for side, name in (("primary", "podinfo"), ("canary", "podinfo-canary"))
    }
    apply(world(canary=CANARY, **roles), CopyTemplate("2@now"))
    assert calls.done == [("copy", "podinfo-canary", "podinfo", "2@now", {"app", "role"})]


def test_status_is_a_minimal_patch_with_a_precondition(apply, writer, cache):  # contracts C12, W4
    apply(WORLD, WriteStatus(NEXT))
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


def test_second_write_builds_on_the_answer_to_the_first(apply, writer):
    apply(WORLD, HoldFinalizer(), WriteStatus(NEXT), WriteStatus(replace(NEXT, stage=Stage.PROMOTING)))
    versions = [body["metadata"]["resourceVersion"] for *_, body in writer.requests]
    assert versions == ["1", "2", "3"]
    assert [body["status"] for *_, body in writer.requests[1:]] == [
        {"canaryWeight": 15},
        {"stage": "promoting", "phase": "Promoting"},
    ]


def test_second_write_takes_back_what_the_first_has_written(apply, cache):
    noted = replace(CANARY.status, inconclusive_checks=1, canary_uid="another")
    apply(WORLD, WriteStatus(noted), WriteStatus(CANARY.status))
    after = cache.get("test", "podinfo").status
    assert (after.inconclusive_checks, after.canary_uid) == (0, CANARY.status.canary_uid)


@pytest.mark.parametrize(
    ("limits", "readings"),
    [
        pytest.param({"inconclusive_limit": 1}, (NoData(), NoData()), id="no evidence"),
        pytest.param({"threshold": 1}, BAD_RATE, id="a failed check"),
    ],
)
def test_rollback_by_the_first_round_leaves_in_the_cluster_what_the_plan_says(writer, calls, limits, readings):
    begun = status(inconclusive_checks=0)
    the_world = world(canary=replace(CANARY, spec=spec(**limits), status=begun))
    plan = decided(the_world, readings)
    first, *_, last = (action.status for action in plan.actions if isinstance(action, WriteStatus))
    assert "Canary failed! Scaling down podinfo-canary.test" in said(plan)
    obj = {**OBJECT, "status": to_json(begun)}
    writer.objects["canaries", "podinfo"] = obj
    cache = FakeCache([the_world.canary], build=BUILT_IN.view)
    RealApplier(cache, adapters(calls), writer, [calls], lambda: True).apply(the_world, plan, calls.tell)
    after = cache.get("test", "podinfo").status
    assert after == last
    assert after.inconclusive_checks == 0
    assert first.inconclusive_checks + first.failed_checks == 1


def test_every_recorder_hears_of_an_event_in_its_place(calls, writer, cache):
    class Second:
        def record(self, of, event):
            calls.done.append(("also say", of.name, event.text))

    applier = RealApplier(cache, adapters(calls), writer, [calls, Second()], lambda: True)
    applier.apply(WORLD, Plan((Say(SAID), Scale(3))), calls.tell)
    assert [what for what, *_ in calls.done] == ["say", "also say", "scale"]


def test_time_of_a_shift_is_told_though_a_later_action_fails(apply, calls, writer):
    writer.errors = [ConflictError("somebody has written")]
    with pytest.raises(ConflictError):
        apply(WORLD, Shift(ALL_TO_PRIMARY), WriteStatus(NEXT))
    assert calls.done[1:] == [("done", Shift(ALL_TO_PRIMARY))]


def test_shift_that_fails_is_not_told(apply, calls):
    def refuse(_ref, _weights):
        raise ConflictError("somebody has written")

    calls.shift = refuse
    with pytest.raises(ConflictError):
        apply(WORLD, Shift(ALL_TO_PRIMARY))
    assert calls.done == []


def test_finalizer_joins_those_of_others(apply, writer):
    apply(WORLD, HoldFinalizer())
    assert writer.objects["canaries", "podinfo"]["metadata"]["finalizers"] == ["somebody/else", FINALIZER]


@pytest.mark.parametrize(
    ("held", "left"), [((FINALIZER, "somebody/else"), ["somebody/else"]), ((FINALIZER,), None)], ids=["others", "last"]
)
def test_finalizer_leaves_those_of_others(apply, writer, held, left):
    apply(world(canary=canary(finalizers=held)), ReleaseFinalizer())
    assert writer.requests[0][-1]["metadata"]["finalizers"] == left


def test_first_failure_ends_the_plan(apply, calls, writer):
    writer.errors = [ConflictError("somebody has written")]
    with pytest.raises(ConflictError):
        apply(WORLD, WriteStatus(NEXT), Shift(Weights(85, 15)), Say(SAID))
    assert calls.done == []


@pytest.mark.parametrize(
    ("kept", "lost"),
    [
        ({}, "status.canaryWeight"),
        ({"canaryWeight": 15}, "status.obeyed"),
        ({"canaryWeight": 15, "obeyed": {}}, "status.obeyed.abort"),
    ],
)
def test_field_that_the_api_server_dropped_is_named_and_ends_the_plan(apply, calls, writer, kept, lost):
    merge = writer.merge_patch
    writer.merge_patch = lambda *args, **kwargs: {**merge(*args, **kwargs), "status": kept}
    asked = replace(NEXT, obeyed=Obeyed(abort="x"))
    with pytest.raises(FieldDroppedError, match=f"serves has no field {lost}, apply the one of this release"):
        apply(WORLD, WriteStatus(asked), Shift(Weights(85, 15)))
    assert calls.done == []


def test_field_for_people_that_the_api_server_dropped_stops_no_rollout(apply, calls, writer, not_stored):
    keep_only(writer, "canaryWeight", "stage")
    told = replace(NEXT, version="1.4.0 → 1.5.0", stage=Stage.PROMOTING)  # and so another phase
    apply(WORLD, WriteStatus(told), Shift(Weights(85, 15)))
    assert [what for what, *_ in calls.done] == ["shift", "done"]
    assert "has no field status.phase, status.version, apply the one of this release" in not_stored()


def test_dropped_field_is_mentioned_until_it_is_stored(apply, writer, cache, not_stored, caplog):
    merge = writer.merge_patch
    keep_only(writer, "reason")
    versions = (WriteStatus(replace(CANARY.status, version=version)) for version in ("1.5.0", "1.6.0"))
    apply(WORLD, *versions, WriteStatus(replace(CANARY.status, reason="y")))  # the last one is not about the version
    assert "status.version" in not_stored()
    assert [record.fields for record in caplog.records] == [["version"]]
    writer.merge_patch = merge
    apply(world(canary=cache.get("test", "podinfo")), WriteStatus(replace(CANARY.status, version="1.6.0")))
    assert not_stored() == ""


def test_nothing_is_written_once_the_lead_is_lost(apply, calls, writer):
    calls.leads = False
    with pytest.raises(LeadLostError):
        apply(WORLD, WriteStatus(NEXT), Say(SAID))
    assert (calls.done, writer.requests) == ([], [])
