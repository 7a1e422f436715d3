"""The benchmark of many rollouts: what it computes, in tables; and one of few rollouts, whose counts must be right."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from controller.core.parse import parse_canary
from hack.bench import fleet, load, load_report
from hack.bench.lateness import Rounds
from hack.bench.load import CASES, Case, Measured
from hack.bench.prometheus import Stub, is_grouped, workloads_of
from metrics.promql import duration, success_rate
from metrics.types import Target

NOON = datetime(2018, 10, 10, 12, tzinfo=UTC)
TARGETS = [Target("a", "w.1"), Target("b", "w.1")]


def rounds(late_ms=10, *, skipped=0, held=100):
    return Rounds(held, skipped, 0, (timedelta(milliseconds=late_ms),) * held)


def measured(case=CASES[0], **changes):
    default = {
        "asking": rounds(),
        "not_asking": rounds(),
        "queries": 300,
        "workloads": 12_000,
        "most_under_way": 3,
        "cores": 0.3,
        "ended": 0,
    }
    return Measured(case, 60.0, **{**default, **changes})


HANGS, SILENT = Case("some hang", hanging=5), Case("silent", silent=True)


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        pytest.param(measured(), None, id="all in order"),
        pytest.param(measured(asking=rounds(skipped=2)), "2 of 102 rounds were skipped", id="skipped"),
        pytest.param(measured(ended=1), "1 rollouts have ended", id="an end"),
        pytest.param(measured(asking=rounds(1006)), "p99 is 1006 ms", id="late"),
        pytest.param(measured(Case("slow", 0.5), asking=rounds(1500)), None, id="late by the answer's own time"),
        pytest.param(measured(queries=361), "361 queries in 60 s", id="too many queries"),
        pytest.param(measured(cores=0.5), "0.50 cores", id="too much CPU"),
        pytest.param(measured(HANGS, asking=rounds(12)), None, id="hardly later than alone"),
        pytest.param(measured(HANGS, asking=rounds(13)), "grew from 10 ms to 13 ms", id="later than alone"),
        pytest.param(measured(HANGS, queries=9999), None, id="more queries while some hang"),
        pytest.param(measured(SILENT, asking=rounds(5000)), None, id="late because nothing answers"),
        pytest.param(measured(SILENT, not_asking=rounds(13)), "grew from 10 ms to 13 ms", id="late without asking"),
    ],
)
def test_what_is_required(one, problem):
    found = load.problems([measured(), one] if one.case != CASES[0] else [one])
    assert problem in found[0] if problem else found == []
    table = load_report.table([one])
    assert json.loads(load_report.as_json([one]))["cases"][0]["queriesPer10Seconds"] == one.queries / 6
    assert table.splitlines()[2].startswith(f"| {one.case.name} | 100 of ")


def test_members_of_the_fleet_are_in_the_middle_of_a_rollout_and_their_rounds_are_spread():
    for number in (0, 1, 50):
        (*_, obj) = fleet.members(number, 100, NOON)
        obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2018-10-10T12:00:00Z"}
        seen = parse_canary(obj, kinds=None, routes=("VirtualService",))
        assert seen.status.state == "running"
        assert seen.status.last_check_time == NOON - number * timedelta(milliseconds=100)
        assert bool(seen.spec.checks) is fleet.has_checks(number)


def test_those_that_hang_ask():
    found = Case("some", hanging=10).hang_of(200)
    assert len(found) == 10
    assert all(fleet.has_checks(number) for number in range(200) if fleet.namespace(number) in found)
    assert Case("none").hang_of(200) == frozenset()


def test_stub_answers_for_each_workload_or_for_the_only_one():
    async def numbers(query):
        stub = Stub(seconds=0)
        said = json.loads(await stub.query(query))["data"]["result"]
        return [(series["metric"], series["value"][1]) for series in said], stub.workloads

    labels = [{"destination_workload_namespace": n, "destination_workload": "w.1"} for n in "ab"]
    many, one = success_rate(TARGETS, "1m"), duration("b", TARGETS[0], "1m")
    assert (is_grouped(many), is_grouped(one)) == (True, False)
    assert workloads_of(many) == labels
    assert asyncio.run(numbers(many)) == ([(labels[0], "1"), (labels[1], "1")], 2)
    assert asyncio.run(numbers(one)) == ([({}, "0.1")], 1)


@pytest.mark.timeout(240)
def test_few_rollouts_share_queries_and_none_ends(tmp_path):
    (quick,) = load.measure([Case("quick")], canaries=40, seconds=12, directory=tmp_path)
    assert quick.asking.held > 0
    assert quick.workloads > quick.queries > 0
    assert quick.ended == 0
