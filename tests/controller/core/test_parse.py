"""Canary objects: read once, checked by code and by schema alike."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controller.core.canary import (
    CanarySpec,
    CanaryStatus,
    CheckStatus,
    Condition,
    InvalidSpec,
    Obeyed,
    PastRollout,
    Side,
    Stage,
    State,
    Verbs,
    WorstReading,
)
from controller.core.decide import decide
from controller.core.parse import parse_canary
from controller.core.parse_status import StatusError, parse_status, parse_time
from controller.core.status_json import apply_patch, dropped, status_patch, to_json
from controller.core.verbs import revision_of
from deploy.registry import WORKLOADS
from hack.sandbox.__main__ import ARTIFACTS
from hack.sandbox.api.kinds import from_crd
from hack.sandbox.api.schema import problems
from metrics.types import Check, Limits, OwnCheck, Verdict
from tests.canary_objects import BAD, ERRORS, GOOD, RATE, SECONDS, in_namespace, query, seed, template
from tests.controller.core import builders

KINDS, ROUTES = WORKLOADS.keys(), ("VirtualService", "HTTPRoute")
parse = partial(parse_canary, kinds=KINDS, routes=ROUTES)
META = {
    "namespace": "test",
    "name": "podinfo",
    "uid": "u",
    "resourceVersion": "9",
    "generation": 2,
    "creationTimestamp": "2018-10-10T12:00:00Z",
}
AT = datetime(2018, 10, 10, 12, 0, 1, 250000, tzinfo=UTC)


def parsed(obj):
    return parse({**obj, "metadata": META})


@pytest.fixture(scope="module")
def schema():
    return from_crd(yaml.safe_load((ARTIFACTS / "flagger" / "crd.yaml").read_text()))


def refusals(kind, obj):
    return [f"{field}: {message}" for field, _, message in problems(kind, "v1beta1", obj, None)]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.id)
def test_good_object_is_accepted_by_code_and_schema(case, schema):
    assert isinstance(parsed(case.object()).spec, CanarySpec)
    assert refusals(schema, case.object()) == []


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_bad_object_is_refused_by_code_with_what_would_be_right(case):
    spec = parsed(case.object()).spec
    assert isinstance(spec, InvalidSpec)
    assert case.problem in spec.problem


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_bad_object_is_refused_by_schema(case, schema):
    assert refusals(schema, case.object())


@pytest.mark.parametrize("spec", [None, [], "text", 7], ids=["null", "list", "text", "number"])
def test_spec_that_is_no_object_is_invalid(spec):
    assert parsed({"spec": spec}).spec == InvalidSpec(f"spec must be an object, not {spec!r}")


def test_seed_object_becomes_what_it_says():
    canary = parsed(seed())
    assert canary.spec == CanarySpec(
        target_kind="Deployment",
        route_kind="VirtualService",
        route_name="podinfo",
        primary=Side("podinfo", "podinfo"),
        canary=Side("podinfo-canary", "podinfo-canary"),
        threshold=10,
        max_weight=50,
        step_weight=5,
        interval=None,
        inconclusive_limit=10,
        checks=(Check(RATE, 99.0, "1m"), Check(SECONDS, 500.0, "1m")),
        drain=timedelta(seconds=30),
        stepped=False,
    )
    assert (canary.namespace, canary.name, canary.uid, canary.resource_version) == ("test", "podinfo", "u", "9")
    assert (canary.generation, canary.deleting, canary.finalizers) == (2, False, ())
    assert canary.created == datetime(2018, 10, 10, 12, tzinfo=UTC)
    assert canary.label == "podinfo.test"
    assert canary.status == CanaryStatus()


def test_defaults_are_those_of_the_reference():
    obj = seed()
    obj["spec"]["canaryAnalysis"] = {"metrics": [{"name": RATE, "threshold": 99}]}
    del obj["spec"]["targetKind"]
    spec = parsed(obj).spec
    assert (spec.target_kind, spec.threshold, spec.max_weight, spec.step_weight) == ("Deployment", 10, 100, 5)
    assert (spec.interval, spec.inconclusive_limit, spec.checks[0].interval) == (None, 10, "1m")
    assert (spec.drain, spec.stepped) == (timedelta(seconds=30), False)


@pytest.mark.parametrize(
    "field", ["threshold", "maxWeight", "stepWeight", "interval", "inconclusiveLimit", "drainSeconds", "promotion"]
)
def test_null_is_as_good_as_absence(field):
    without, null = seed(), seed()
    without["spec"]["canaryAnalysis"].pop(field, None)
    null["spec"]["canaryAnalysis"][field] = None
    assert isinstance(parsed(null).spec, CanarySpec)
    assert parsed(null).spec == parsed(without).spec


@pytest.mark.parametrize(("seconds", "drain"), [(0, 0), (45, 45), (90.0, 90), (3600, 3600)])
def test_drain_is_in_seconds(seconds, drain):
    obj = seed()
    obj["spec"]["canaryAnalysis"]["drainSeconds"] = seconds
    assert parsed(obj).spec.drain == timedelta(seconds=drain)


@pytest.mark.parametrize(("promotion", "stepped"), [("atOnce", False), ("stepped", True)])
def test_traffic_returns_in_steps_only_if_that_is_asked_for(promotion, stepped):
    obj = seed()
    obj["spec"]["canaryAnalysis"]["promotion"] = promotion
    assert parsed(obj).spec.stepped is stepped


@pytest.mark.parametrize(
    ("annotations", "verbs"),
    [
        pytest.param(None, Verbs(), id="no annotations"),
        pytest.param({"flagger.app/other": "1", "abort": "1"}, Verbs(), id="others"),
        pytest.param({"flagger.app/abort": "1@now"}, Verbs(abort="1@now"), id="abort"),
        pytest.param({"flagger.app/promote": "1"}, Verbs(promote="1"), id="promote"),
        pytest.param({"flagger.app/retry": "1@2"}, Verbs(retry="1@2"), id="retry"),
        pytest.param({"flagger.app/hold": "for Ann"}, Verbs(hold="for Ann"), id="hold with a reason"),
        pytest.param({"flagger.app/hold": ""}, Verbs(hold=""), id="hold without a reason"),
        pytest.param({"flagger.app/hold": None, "flagger.app/abort": None}, Verbs(hold=""), id="nulls"),
    ],
)
def test_verbs_are_read_from_annotations(annotations, verbs):
    assert parse({**seed(), "metadata": {**META, "annotations": annotations}}).verbs == verbs


@pytest.mark.parametrize(
    ("value", "revision"), [("17246876", "17246876"), ("17246876@2018@x", "17246876"), ("@x", ""), ("", "")]
)
def test_verb_speaks_of_a_revision(value, revision):
    assert revision_of(value) == revision


def test_inconclusive_limit_follows_the_threshold():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["threshold"] = 3
    assert parsed(obj).spec.inconclusive_limit == 3


def test_interval_is_a_duration():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["interval"] = "1m30s"
    assert parsed(obj).spec.interval == timedelta(seconds=90)


def test_status_and_generation_are_read_and_may_be_missing():
    obj = {**seed(), "metadata": {**META, "generation": 4}, "status": to_json(FULL)}
    assert (
        parse(obj).status,
        parse(obj).generation,
    ) == (FULL, 4)
    del obj["metadata"]["generation"], obj["status"]
    assert (
        parse(obj).status,
        parse(obj).generation,
    ) == (CanaryStatus(), 0)


def test_kinds_that_would_be_right_are_listed():
    canary = parse({**seed(), "metadata": META}, kinds=("StatefulSet", "DaemonSet"))
    assert canary.spec == InvalidSpec(
        "spec.targetKind 'Deployment' is not supported, use DaemonSet or StatefulSet, "
        "or declare it in the file of --kinds"
    )


@pytest.mark.parametrize(("length", "good"), [(253, True), (254, False)])
def test_name_may_be_as_long_as_kubernetes_allows(length, good):
    obj = seed()
    obj["spec"]["primary"]["name"] = "n" * length
    assert isinstance(parsed(obj).spec, CanarySpec) is good


def test_deletion_and_finalizers_are_seen():
    canary = parse(
        {**seed(), "metadata": {**META, "deletionTimestamp": "2018-10-10T12:00:00Z", "finalizers": ["a"]}},
        kinds=KINDS,
        routes=ROUTES,
    )
    assert (canary.deleting, canary.finalizers) == (True, ("a",))


@pytest.mark.parametrize("key", ["namespace", "name", "uid", "resourceVersion", "creationTimestamp"])
def test_object_without_identity_raises(key):
    meta = {k: v for k, v in META.items() if k != key}
    with pytest.raises(KeyError):
        parse({**seed(), "metadata": meta})


@pytest.mark.parametrize(
    "text", ["2018-10-10T12:00:01.25Z", "2018-10-10T12:00:01.250000Z", "2018-10-10T14:00:01.25+02:00"]
)
def test_times_are_in_utc(text):
    assert parse_time(text) == AT
    assert parse_time(text).utcoffset() == timedelta()


FULL = CanaryStatus(
    state=State.RUNNING,
    stage=Stage.PROGRESSING,
    canary_revision="17246876",
    canary_generation=3,
    canary_uid="u",
    canary_replicas=2,
    failed_checks=1,
    inconclusive_checks=2,
    canary_weight=15,
    previous_weight=10,
    start_time=AT,
    traffic_start_time=AT,
    drain_start_time=AT,
    last_check_time=AT,
    last_transition_time=AT,
    observed_generation=4,
    conditions=(Condition("Promoted", "Unknown", "RolloutRunning", "it runs", AT),),
    checks=(
        CheckStatus(RATE, "fail", 99.0, 82.33, "success rate 82.33% < 99%", AT, worst=65.0),
        CheckStatus(SECONDS, "inconclusive", 500.0, None, "no data", AT),
        CheckStatus("checkout errors", "pass", None, 0.5, "", AT, Limits(None, 1.0)),
        CheckStatus("queue depth", "pass", None, 7.0, "", AT, Limits(5.0, 10.0)),
    ),
    failed_revisions=("1", "2"),
    obeyed=Obeyed(abort="1@x", retry="2@y"),
    version="1.4.0 → 1.5.0",
    reason="ChecksFailing",
    message="success rate 82.33% < 99%",
    next_check_time=AT,
    history=(
        PastRollout("1.4.0", "1", AT, AT, "finished", "Promoted", (WorstReading(RATE, 99.5),)),
        PastRollout("", "", None, AT, "failed", ""),
    ),
    fence_owed=True,
)


def test_status_as_the_api_server_stores_it():
    assert to_json(FULL) == {
        "state": "running",
        "stage": "progressing",
        "phase": "Progressing",
        "canaryRevision": "17246876",
        "canaryGeneration": 3,
        "canaryUID": "u",
        "canaryReplicas": 2,
        "failedChecks": 1,
        "inconclusiveChecks": 2,
        "canaryWeight": 15,
        "previousWeight": 10,
        "startTime": "2018-10-10T12:00:01.250000Z",
        "trafficStartTime": "2018-10-10T12:00:01.250000Z",
        "drainStartTime": "2018-10-10T12:00:01.250000Z",
        "lastCheckTime": "2018-10-10T12:00:01.250000Z",
        "lastTransitionTime": "2018-10-10T12:00:01.250000Z",
        "observedGeneration": 4,
        "conditions": [
            {
                "type": "Promoted",
                "status": "Unknown",
                "reason": "RolloutRunning",
                "message": "it runs",
                "lastTransitionTime": "2018-10-10T12:00:01.250000Z",
            },
            {
                "type": "Reconciling",
                "status": "True",
                "reason": "RolloutRunning",
                "message": "it runs",
                "lastTransitionTime": "2018-10-10T12:00:01.250000Z",
            },
        ],
        "checks": [
            {
                "name": RATE,
                "verdict": "fail",
                "threshold": 99.0,
                "value": 82.33,
                "worst": 65,
                "message": "success rate 82.33% < 99%",
                "time": "2018-10-10T12:00:01.250000Z",
            },
            {
                "name": SECONDS,
                "verdict": "inconclusive",
                "threshold": 500.0,
                "message": "no data",
                "time": "2018-10-10T12:00:01.250000Z",
            },
            {
                "name": "checkout errors",
                "verdict": "pass",
                "thresholdRange": {"max": 1.0},
                "value": 0.5,
                "message": "",
                "time": "2018-10-10T12:00:01.250000Z",
            },
            {
                "name": "queue depth",
                "verdict": "pass",
                "thresholdRange": {"min": 5.0, "max": 10.0},
                "value": 7.0,
                "message": "",
                "time": "2018-10-10T12:00:01.250000Z",
            },
        ],
        "failedRevisions": ["1", "2"],
        "obeyed": {"abort": "1@x", "retry": "2@y"},
        "version": "1.4.0 → 1.5.0",
        "reason": "ChecksFailing",
        "message": "success rate 82.33% < 99%",
        "nextCheckTime": "2018-10-10T12:00:01.250000Z",
        "history": [
            {
                "version": "1.4.0",
                "revision": "1",
                "startTime": "2018-10-10T12:00:01.250000Z",
                "endTime": "2018-10-10T12:00:01.250000Z",
                "outcome": "finished",
                "reason": "Promoted",
                "worst": [{"name": RATE, "value": 99.5}],
            },
            {"endTime": "2018-10-10T12:00:01.250000Z", "outcome": "failed"},
        ],
        "fenceOwed": True,
    }


@pytest.mark.parametrize("status", [CanaryStatus(), FULL, CanaryStatus(state=State.FAILED, failed_checks=10)])
def test_status_survives_the_way_to_json_and_back(status):
    assert parse_status(to_json(status)) == status


def test_status_of_a_rollout_shows_its_zeroes_and_one_never_written_nothing():
    shown = to_json(CanaryStatus(state=State.FINISHED))
    zeroes = {"failedChecks": 0, "inconclusiveChecks": 0, "canaryWeight": 0}
    assert shown == {"state": "finished", "phase": "Succeeded", **zeroes}
    assert to_json(CanaryStatus()) == {}


def test_readings_are_stored_as_people_write_them():
    checks = (CheckStatus(RATE, "fail", 99.0, 65.0, "", AT, worst=64.5),)
    (stored,) = to_json(CanaryStatus(state=State.RUNNING, checks=checks))["checks"]
    assert [str(stored[field]) for field in ("threshold", "value", "worst")] == ["99", "65", "64.5"]


def test_object_that_no_rollout_could_begin_for_has_a_state_to_look_at():
    not_ready = CanaryStatus(conditions=(Condition("Ready", "False", "RouteNotFound", "", AT),))
    assert to_json(not_ready)["state"] == "blocked"
    assert parse_status({"state": "blocked"}).state is None


def test_patch_holds_only_what_differs_and_null_takes_away():
    ended = CanaryStatus(state=State.FINISHED, canary_revision="17246876", failed_checks=1)
    patch = status_patch(FULL, ended)
    assert patch["state"] == "finished"
    assert patch["canaryWeight"] == 0
    assert patch["stage"] is None
    assert patch["checks"] is None
    assert patch["failedRevisions"] is None
    assert patch["obeyed"] is None
    assert "canaryRevision" not in patch
    assert "failedChecks" not in patch
    assert status_patch(FULL, FULL) == {}


def test_patch_names_what_leaves_an_object_and_replaces_a_list():
    later = replace(FULL, obeyed=Obeyed(abort="1@x", promote="3"), failed_revisions=("2", "3"))
    assert status_patch(FULL, later) == {
        "obeyed": {"abort": "1@x", "promote": "3", "retry": None},
        "failedRevisions": ["2", "3"],
    }


def test_patch_is_merged_as_an_api_server_does():
    """The examples of RFC 7386 whose target is an object."""
    for status, patch, merged in (
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ):
        before = copy.deepcopy(status)
        assert apply_patch(status, patch) == merged
        assert status == before


MOMENTS = st.datetimes(datetime(2018, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds
TEXTS = st.text(max_size=5)
COUNTS = st.integers(0, 3)
STATUSES = st.builds(
    CanaryStatus,
    state=st.none() | st.sampled_from(State),
    stage=st.none() | st.sampled_from(Stage),
    canary_revision=TEXTS,
    canary_generation=COUNTS,
    canary_uid=TEXTS,
    canary_replicas=COUNTS,
    failed_checks=COUNTS,
    inconclusive_checks=COUNTS,
    canary_weight=st.integers(0, 100),
    previous_weight=st.integers(0, 100),
    fence_owed=st.booleans(),
    **{
        f"{what}_time": st.none() | MOMENTS
        for what in ("start", "traffic_start", "drain_start", "last_check", "last_transition")
    },
    observed_generation=COUNTS,
    conditions=st.lists(st.builds(Condition, TEXTS, TEXTS, TEXTS, TEXTS, MOMENTS), max_size=2).map(tuple),
    checks=st.lists(
        st.builds(
            CheckStatus,
            name=TEXTS,
            verdict=st.sampled_from(Verdict),
            threshold=st.floats(0, 1000),
            value=st.none() | st.floats(0, 1000),
            message=TEXTS,
            time=MOMENTS,
        ),
        max_size=2,
    ).map(tuple),
    failed_revisions=st.lists(TEXTS, max_size=3).map(tuple),
    obeyed=st.builds(Obeyed, TEXTS, TEXTS, TEXTS),
)


@given(STATUSES | st.just(CanaryStatus()), STATUSES | st.just(CanaryStatus()), STATUSES)
def test_patch_brings_any_status_to_any_other(before, after, third):
    stored = to_json(before)
    for known, wanted in ((before, after), (after, third)):
        patch = json.loads(json.dumps(status_patch(known, wanted)))
        stored = apply_patch(stored, patch)
        assert parse_status(stored) == wanted
        assert stored == to_json(wanted)
        assert (patch == {}) is (known == wanted)


def test_verb_that_is_unknown_is_passed_over():
    assert parse_status({"obeyed": {"abort": "1", "of-tomorrow": "2"}}).obeyed == Obeyed(abort="1")
    assert parse_status({"obeyed": None, "failedRevisions": None}) == CanaryStatus()


def test_status_with_nulls_and_without_texts_is_read():
    stamp = "2018-10-10T12:00:01.25Z"
    status = parse_status(
        {
            "state": None,
            "failedChecks": None,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": stamp}],
            "checks": [{"name": RATE, "verdict": "pass", "threshold": 99, "time": stamp}],
        }
    )
    assert status.conditions == (Condition("Ready", "True", "", "", AT),)
    assert status.checks == (CheckStatus(RATE, "pass", 99.0, None, "", AT),)
    assert status.condition("Ready") == status.conditions[0]
    assert status.condition("Promoted") is None


STAMP = "2018-10-10T12:00:01.25Z"
CHECK = {"name": RATE, "verdict": "pass", "threshold": 99, "time": STAMP}
CONDITION = {"type": "Ready", "status": "True", "lastTransitionTime": STAMP}
WRONG = [
    ({"canaryWeight": 101}, "status.canaryWeight must be a whole number between 0 and 100, not 101"),
    ({"canaryWeight": -1}, "status.canaryWeight must be a whole number between 0 and 100, not -1"),
    ({"canaryWeight": "15"}, "status.canaryWeight must be a whole number between 0 and 100, not '15'"),
    ({"canaryWeight": 0.5}, "status.canaryWeight must be a whole number between 0 and 100, not 0.5"),
    ({"canaryWeight": True}, "status.canaryWeight must be a whole number between 0 and 100, not True"),
    ({"fenceOwed": "yes"}, "status.fenceOwed must be true or false, not 'yes'"),
    ({"previousWeight": 150}, "status.previousWeight must be a whole number between 0 and 100, not 150"),
    ({"failedChecks": -1}, "status.failedChecks must be a whole number between 0 and 2147483647, not -1"),
    ({"inconclusiveChecks": -1}, "status.inconclusiveChecks must be a whole number between 0 and 2147483647, not -1"),
    ({"canaryReplicas": -1}, "status.canaryReplicas must be a whole number between 0 and 2147483647, not -1"),
    ({"canaryReplicas": 2**31}, "status.canaryReplicas must be a whole number between 0 and 2147483647"),
    ({"canaryGeneration": -1}, "status.canaryGeneration must be a whole number between 0 and 9223372036854775807"),
    ({"observedGeneration": -1}, "status.observedGeneration must be a whole number between 0 and 92233720368547"),
    ({"state": "paused"}, "status.state must be running or finished or failed, not 'paused'"),
    ({"stage": "waiting"}, "status.stage must be starting or progressing or promoting or rolling-back or draining"),
    ({"canaryRevision": 7}, "status.canaryRevision must be a string, not 7"),
    ({"startTime": 7}, "status.startTime must be a string, not 7"),
    ({"startTime": "now"}, "status.startTime must be a time such as 2018-10-10T12:00:00Z"),
    ({"lastCheckTime": "9999-12-31T23:59:59-01:00"}, "status.lastCheckTime must be a time such as"),
    ({"lastCheckTime": "0001-01-01T00:00:00+01:00"}, "status.lastCheckTime must be a time such as"),
    ({"startTime": "9999-12-31T23:59:59Z"}, "status.startTime must be a time between 1970 and 9899"),
    ({"startTime": "0001-01-01T00:00:00Z"}, "status.startTime must be a time between 1970 and 9899"),
    ({"conditions": {}}, "status.conditions must be a list, not {}"),
    ({"conditions": [7]}, "status.conditions[0] must be an object, not 7"),
    ({"conditions": [None]}, "status.conditions[0].lastTransitionTime is required"),
    ({"conditions": [{**CONDITION, "type": ["Ready"]}]}, "status.conditions[0].type must be a string, not ['Ready']"),
    ({"checks": "none"}, "status.checks must be a list, not 'none'"),
    ({"checks": [{**CHECK, "verdict": "good"}]}, "status.checks[0].verdict must be pass or fail or inconclusive"),
    ({"checks": [CHECK, {**CHECK, "value": "99"}]}, "status.checks[1].value must be a number, not '99'"),
    ({"checks": [{**CHECK, "value": 10**400}]}, "status.checks[0].value must be a number that fits a double"),
    ({"checks": [{**CHECK, "thresholdRange": 1}]}, "status.checks[0].thresholdRange must be an object, not 1"),
    (
        {"checks": [{**CHECK, "thresholdRange": {"max": "1"}}]},
        "status.checks[0].thresholdRange.max must be a number, not '1'",
    ),
    ({"checks": [{**CHECK, "time": None}]}, "status.checks[0].time is required"),
    ({"history": [{"outcome": "failed"}]}, "status.history[0].endTime is required"),
    ({"history": [{"endTime": STAMP, "worst": [{}]}]}, "status.history[0].worst[0].value is required"),
    ({"history": [{"endTime": STAMP, "worst": 1}]}, "status.history[0].worst must be a list, not 1"),
    ({"failedRevisions": [1]}, "status.failedRevisions[0] must be a string, not 1"),
    ({"obeyed": {"abort": 1}}, "status.obeyed.abort must be a string, not 1"),
    ({"obeyed": "abort"}, "status.obeyed must be an object, not 'abort'"),
    ("running", "status must be an object, not 'running'"),
]


@pytest.mark.parametrize(("status", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_status_that_the_controller_cannot_have_written_is_refused_with_what_would_be_right(status, problem):
    with pytest.raises(StatusError) as refused:
        parse({**seed(), "metadata": META, "status": status})
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    "status",
    [
        {"canaryWeight": 101},
        {"canaryWeight": -1},
        {"previousWeight": 101},
        {"previousWeight": -1},
        {"failedChecks": -1},
        {"inconclusiveChecks": -1},
        {"canaryReplicas": -1},
        {"canaryGeneration": -1},
        {"observedGeneration": -1},
    ],
    ids=str,
)
def test_numbers_of_a_status_have_the_same_bounds_in_the_schema(schema, status):
    (field,) = status
    assert any(field in refusal for refusal in refusals(schema, {**seed(), "status": status}))
    (bound,) = ({field: 0} if value < 0 else {field: 100} for value in status.values())
    assert refusals(schema, {**seed(), "status": bound}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)
ODD = JSON | st.sampled_from([0, 1, 100, 101, 2**31, 2**63, 10**400, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])


@given(field=st.sampled_from(sorted(to_json(FULL))), value=ODD, inner=st.none() | TEXTS)
def test_whatever_stands_in_a_status_is_refused_or_can_be_decided_on(field, value, inner):
    stored = to_json(builders.status())
    if inner is not None and isinstance(stored.get(field), list):
        value = [{**item, inner: value} for item in to_json(FULL)[field] if isinstance(item, dict)]
    try:
        read = parse_status({**stored, field: value})
    except StatusError:
        return
    builders.decided(builders.world(canary=builders.canary(status=read)))
    decide(builders.world(canary=builders.canary(status=read, deleting=True)))
    assert parse_status(json.loads(json.dumps(to_json(read)))) == read


def test_times_beyond_the_calendar_are_values_that_are_wrong():
    with pytest.raises(ValueError, match="beyond the calendar"):
        parse_time("9999-12-31T23:59:59-01:00")


def test_whole_number_with_a_point_is_one_in_a_status_too():
    assert parse_status({"canaryWeight": 15.0}).canary_weight == 15


def referring(**spec):
    obj = seed()
    del obj["spec"]["virtualService"]
    return parsed({**obj, "spec": {**obj["spec"], **spec}}).spec


@pytest.mark.parametrize("kind", ROUTES)
def test_route_may_be_a_reference_to_any_kind(kind):
    spec = referring(routeRef={"kind": kind, "name": "web"})
    assert (spec.route_kind, spec.route_name) == (kind, "web")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"routeRef": {"kind": "HTTPRoute", "name": "web"}, "virtualService": {"name": "web"}},
            "spec.virtualService and spec.routeRef exclude each other, keep one of them",
        ),
        (
            {"routeRef": {"kind": "Ingress", "name": "web"}},
            "spec.routeRef.kind 'Ingress' is not supported, use HTTPRoute or VirtualService",
        ),
        ({"routeRef": {"kind": ["HTTPRoute"], "name": "web"}}, "spec.routeRef.kind ['HTTPRoute'] is not supported"),
        ({"routeRef": {"kind": "HTTPRoute"}}, "spec.routeRef.name is required and must be a name, not None"),
        ({"routeRef": None}, "spec.virtualService or spec.routeRef is required, to name the route"),
        ({"routeRef": "web"}, "spec.routeRef must be an object, not 'web'"),
    ],
    ids=["two routes", "another kind", "a list", "no name", "null", "a text"],
)
def test_reference_that_names_no_route_is_refused(spec, problem):
    assert problem in referring(**spec).problem


HTTP_ROUTE = {"routeRef": {"kind": "HTTPRoute", "name": "web"}}
ISTIO = {"virtualService": {"name": "web"}}


@pytest.mark.parametrize("old", [ISTIO, HTTP_ROUTE], ids=["from a VirtualService", "from an HTTPRoute"])
@pytest.mark.parametrize(
    "new",
    [ISTIO, HTTP_ROUTE, {"virtualService": {"name": "other"}}, {"routeRef": {"kind": "HTTPRoute", "name": "other"}}],
    ids=["to a VirtualService", "to an HTTPRoute", "to another VirtualService", "to another HTTPRoute"],
)
def test_route_is_immutable(old, new, schema):
    before, after = seed(), seed()
    for obj, route in ((before, old), (after, new)):
        del obj["spec"]["virtualService"]
        obj["spec"].update(route)
    said = [message for _, _, message in problems(schema, "v1beta1", after, before)]
    assert ("is immutable, create another canary" in " ".join(said)) is (old != new)
    assert bool(said) is (old != new)


def test_query_of_the_users_own():
    obj = {**seed(), "metadata": META}
    one = query(query=ERRORS, unit="%", thresholdRange={"min": 0, "max": 1.5}, interval="5m")
    obj["spec"]["canaryAnalysis"]["metrics"] = [one, query("queue depth")]
    assert parse(obj).spec.checks == (
        OwnCheck("checkout errors", ERRORS, Limits(0.0, 1.5), "5m", "%"),
        OwnCheck("queue depth", "vector(0)", Limits(None, 1.0), "1m"),
    )


def test_template_of_another_namespace_is_refused_by_code():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["metrics"] = [in_namespace("monitoring")]
    assert parsed(obj).spec.problem == (
        "spec.canaryAnalysis.metrics[0].templateRef.namespace must be test, the canary's own, or absent, "
        "not 'monitoring': copy the template there"
    )


def test_check_with_a_template_has_its_query_elsewhere():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["metrics"] = [template(unit="%", templateVariables={"b": "2", "a": "1"})]
    (check,) = parsed(obj).spec.checks
    assert check == OwnCheck("checkout errors", "", Limits(high=1.0), "1m", "%", "checkout", (("a", "1"), ("b", "2")))


def test_number_that_no_double_holds_is_refused_by_code():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["metrics"] = [query(thresholdRange={"max": 10**400})]
    assert parsed(obj).spec.problem == (
        "spec.canaryAnalysis.metrics[0].thresholdRange.max must be a number that fits a double"
    )


@pytest.mark.parametrize("kept", [None, "canaryWeight", 7, ["canaryWeight"], {}], ids=str)
def test_answer_without_a_status_has_dropped_all_of_it(kept):
    assert dropped({"canaryWeight": 15}, kept) == "status.canaryWeight"
    assert dropped({"obeyed": {"abort": "x"}}, {"obeyed": kept}) == "status.obeyed.abort"
    assert dropped({"canaryWeight": None}, kept) is None
