"""The invariants themselves: silent about a good record, and loud about each that is broken in one place."""

from dataclasses import replace
from functools import partial

import pytest

from testbed.sandbox.api.store import Store
from tests.invariants.judge import WORDS, judge, must_have_ended
from tests.invariants.moments import Paces
from tests.invariants.record import Change, Recorder
from tests.invariants.tale import (
    CANARY,
    PRIMARY,
    PROMOTED,
    ROUTE,
    WORKLOAD,
    Step,
    at,
    image,
    initial,
    pods,
    scale,
    shift,
    stamp,
    status,
    told,
    until,
)

PACES = Paces(interval=4.0, slack=0.5)


def without(name):
    return {key: step for key, step in PROMOTED.items() if key != name}


def with_(**more):
    return {**PROMOTED, **more}


def words(steps, **more):
    return {broken.word for broken in judge(told(steps, **more), PACES)}


def remove(_obj):
    return "removed"


def service(obj, name="podinfo-canary"):
    obj.update(metadata={"name": name}, spec={"selector": {"app": name}})


def made_again(obj):
    obj.update(initial()["canaries", "podinfo"])
    obj["metadata"]["uid"] = "another"
    obj["status"] = {"state": "running", "stage": "starting", "canaryRevision": "r1"}


def recreated(at):
    """The canary object is deleted and created again, and the new one scales down without a drain."""
    return {
        **until("return"),
        "cut": Step(at, *CANARY, remove, ours=False),
        "again": Step(at + 0.1, *CANARY, made_again, ours=False),
        "scale": Step(12.5, *WORKLOAD, scale(0)),
        "finish": Step(12.6, *CANARY, status(state="finished", stage=None)),
    }


def timeout(obj):
    obj["spec"]["http"][0]["timeout"] = "4s"


def label(obj):
    obj["metadata"]["labels"] = {"a": "b"}


def uneven(obj):
    obj["spec"]["http"][0]["route"][1]["weight"] = 30


def to_nothing(**condition):
    """At rest somebody sends half of the users to a canary without pods."""
    hand = {"hand": Step(15.0, *ROUTE, shift(50), ours=False)}
    ready = {"type": "Ready", "status": "False", "reason": "TrafficToNothing"}
    return with_(**hand, **({"word": Step(15.1, *CANARY, status(conditions=[ready]))} if condition else {}))


def failing(obj):
    obj["status"]["checks"][0]["verdict"] = "fail"


def asked(obj):
    obj["metadata"]["annotations"] = {"flagger.app/promote": "r1"}


SILENT = [
    pytest.param(PROMOTED, id="a promotion"),
    pytest.param(
        with_(down=Step(9.0, *WORKLOAD, pods(0), ours=False), up=Step(13.0, *WORKLOAD, pods(1), ours=False)),
        id="pods that are missing for less than an interval and a second",
    ),
    pytest.param(to_nothing(told=True), id="a hand that sends users to nothing at rest, of which the condition tells"),
    pytest.param(
        {
            **until("first"),
            "hand": Step(3.0, *ROUTE, timeout, ours=False),
            **{k: PROMOTED[k] for k in ("judge", "second")},
        },
        id="fields that somebody else changes",
    ),
    pytest.param(
        with_(said=Step(15.0, *CANARY, status(conditions=[{"type": "Ready", "status": "True"}]))),
        id="a condition at rest",
    ),
    pytest.param(
        {**until("first"), "asked": Step(3.0, *CANARY, asked, ours=False), "copy": Step(3.5, *PRIMARY, image("new"))},
        id="a promotion that somebody asks for",
    ),
    pytest.param(at("scale", 13.05), id="pods that go right after the drain"),
    pytest.param(
        {
            **at("scale", 12.5),
            "cut": Step(12.2, "services", "podinfo-canary", remove, ours=False),
            "back": Step(12.3, "services", "podinfo-canary", service, ours=False),
        },
        id="pods whose service was gone during the drain",
    ),
    pytest.param(recreated(12.2), id="a canary object that is re-created during the drain"),
]


@pytest.mark.parametrize("steps", SILENT)
def test_nothing_is_broken_by(steps):
    assert words(steps, ends_at=max(step.at for step in steps.values()) + 1) == set()


@pytest.mark.parametrize(
    ("weight", "at", "too_soon"),
    [(100, 3.2, False), (100, 3.8, True), (50, 3.2, True)],
    ids=["all traffic before the news", "all traffic long after it", "some traffic"],
)
def test_all_traffic_to_the_canary_is_no_step_right_after_the_primary_is_back(weight, at, too_soon):
    steps = {
        **until("first"),
        "cut": Step(3.0, "services", "podinfo", remove, ours=False),
        "back": Step(3.1, "services", "podinfo", partial(service, name="podinfo"), ours=False),
        "divert": Step(at, *ROUTE, shift(weight)),
    }
    assert ("steps" in words(steps, ends_at=60.0)) == too_soon


LOUD = [
    pytest.param("weights", with_(odd=Step(7.0, *ROUTE, uneven)), id="weights of 80"),
    pytest.param("weights", with_(odd=Step(7.0, *ROUTE, uneven, ours=False)), id="weights of 80 by somebody else"),
    pytest.param("nothing", with_(down=Step(6.0, *WORKLOAD, pods(0), ours=False)), id="a canary whose pods are gone"),
    pytest.param("nothing", with_(down=Step(5.0, *PRIMARY, pods(0), ours=False)), id="a primary whose pods are gone"),
    pytest.param(
        "nothing", with_(cut=Step(5.0, "services", "podinfo-canary", remove, ours=False)), id="a deleted service"
    ),
    pytest.param(
        "nothing",
        {**to_nothing(), "back": Step(15.0, *WORKLOAD, pods(0), ours=False)},
        id="a hand that sends users to nothing at rest, of which nobody tells",
    ),
    pytest.param("judged", until("first"), id="traffic that is never judged"),
    pytest.param(
        "judged", until("first", judge=replace(PROMOTED["judge"], at=9.0)), id="a judgement that comes too late"
    ),
    pytest.param("moves", until("start"), id="a rollout that starts and does nothing"),
    pytest.param("moves", until("roll"), id="a promotion that is not finished"),
    pytest.param("passed", with_(copy=Step(11.0, *PRIMARY, image("other"))), id="another template on the primary"),
    pytest.param("passed", with_(bad=Step(10.95, *CANARY, failing)), id="a promotion after a failed round"),
    pytest.param("passed", without("second"), id="a promotion without the maximum weight"),
    pytest.param(
        "passed",
        with_(late=Step(10.91, *CANARY, status(trafficStartTime=stamp(9.0)))),
        id="a promotion before the windows are filled",
    ),
    pytest.param("passed", with_(early=Step(0.5, *PRIMARY, image("new"))), id="a template that nobody has analysed"),
    pytest.param("steps", at("second", 6.0), id="a second step too soon"),
    pytest.param("steps", at("copy", 10.0), id="a copy too soon"),
    pytest.param("promoted", without("copy"), id="finished without the copy"),
    pytest.param("drained", at("scale", 12.5), id="pods that go before the drain is over"),
    pytest.param("drained", recreated(11.3), id="a canary object that is re-created while the canary has traffic"),
    pytest.param("drained", without("scale"), id="finished with pods"),
    pytest.param("drained", without("return"), id="finished with traffic"),
    pytest.param("rest", with_(late=Step(15.0, *ROUTE, shift(25))), id="a late write of the route"),
    pytest.param("rest", with_(late=Step(15.0, *WORKLOAD, scale(1))), id="a late write of the replicas"),
    pytest.param("rest", with_(late=Step(15.0, *CANARY, status(canaryWeight=25))), id="a late write of the status"),
    pytest.param("foreign", with_(odd=Step(7.0, *ROUTE, timeout)), id="a timeout of the route"),
    pytest.param("foreign", with_(odd=Step(7.0, *PRIMARY, label)), id="a label of the primary"),
    pytest.param("foreign", with_(odd=Step(7.0, *WORKLOAD, image("odd"))), id="the template of the canary"),
    pytest.param("foreign", with_(odd=Step(7.0, *CANARY, label)), id="a label of the canary object"),
    pytest.param("foreign", with_(odd=Step(15.0, *ROUTE, remove)), id="a route that is removed"),
]


@pytest.mark.parametrize(("word", "steps"), LOUD)
def test_it_is_broken_by(word, steps):
    assert word in words(steps, ends_at=60.0)


def test_every_invariant_is_broken_by_some_record():
    assert {param.values[0] for param in LOUD} | {"ends", "witness"} == WORDS


def test_the_write_that_breaks_it_is_named():
    (broken,) = [b for b in judge(told(with_(late=Step(15.0, *ROUTE, shift(25)))), PACES) if b.word == "rest"]
    assert str(broken) == (
        "rest: written in state finished; #113 at 15.000: controller changed spec.http of virtualservices/podinfo"
    )


def test_a_rollout_that_runs_at_the_end_has_not_ended():
    assert [str(b) for b in must_have_ended(told(until("first")))] == [
        "ends: podinfo is progressing at the end; at the end"
    ]
    assert must_have_ended(told(PROMOTED)) == ()
    held = Step(3.0, *CANARY, status(conditions=[{"type": "Promoted", "status": "Unknown", "reason": "Held"}]))
    assert must_have_ended(told(until("first", held=held))) == ()


def test_a_record_that_does_not_know_who_wrote_is_none():
    record = told(PROMOTED)
    nobody = replace(record, changes=tuple(replace(change, ours=False) for change in record.changes))
    assert "witness" in {broken.word for broken in judge(nobody, PACES)}


def test_nothing_is_owed_while_the_controller_is_away():
    away = replace(told(until("first"), ends_at=60.0), able=((0.0, True), (3.0, False)))
    assert judge(away, PACES) == ()
    short = replace(away, able=((0.0, True), (30.0, False), (59.0, True)))  # what was owed before is not forgiven
    assert {broken.word for broken in judge(short, PACES)} == {"judged", "moves"}
    back = replace(away, able=((0.0, True), (3.0, False), (50.0, True)))
    assert {broken.word for broken in judge(back, PACES)} == {"judged"}


@pytest.mark.parametrize(("second", "too_soon"), [(6.05, False), (5.95, True)])
def test_controller_that_was_restarted_knows_when_a_step_was_claimed_and_not_when_the_route_followed(second, too_soon):
    record = told(at("second", second))  # the first step was claimed at 2.0, and carried at 2.1
    assert "steps" in {broken.word for broken in judge(record, PACES)}
    restarted = replace(record, able=((0.0, True), (3.0, False), (3.1, True)))
    assert ("steps" in {broken.word for broken in judge(restarted, PACES)}) == too_soon


def test_hindrances_add_up():
    times = iter(range(1, 10))
    recorder = Recorder("test", now=lambda: float(next(times)))
    recorder.unhindered()  # a controller has started
    recorder.hindered()
    recorder.hindered()
    recorder.unhindered()
    recorder.unhindered()
    assert recorder.record().able == ((0.0, False), (1.0, True), (2.0, False), (3.0, False), (4.0, False), (5.0, True))


def test_two_controllers_are_as_able_as_one():
    recorder = Recorder("test", now=lambda: 1.0)
    recorder.unhindered()
    recorder.unhindered()
    assert recorder.record().able[-1] == (1.0, True)


def test_what_follows_a_restore_comes_after_what_was_before_it():
    recorder, store = Recorder("test", now=lambda: 1.0), Store()
    recorder.listen_to(store, "flagger/1")
    resource, key = ("", "services"), ("test", "podinfo")
    backup = store.backup()
    store.put(resource, key, {"metadata": {"namespace": "test", "name": "podinfo"}})
    recorder.goes_back(store.version - backup.version)
    store.restore(backup)
    store.put(resource, key, {"metadata": {"namespace": "test", "name": "podinfo"}})
    told = recorder.record().changes
    assert [(bool(c.before), bool(c.after)) for c in told] == [(False, True), (True, False), (False, True)]
    assert [c.version for c in told] == sorted(c.version for c in told)


def test_changes_are_told_in_the_order_of_their_versions():
    recorder = Recorder("test", now=lambda: 1.0)
    for version in (3, 2):
        recorder.take(Change(1.0, "services", "podinfo", None, {}, version=version))
    assert [change.version for change in recorder.record().changes] == [2, 3]
