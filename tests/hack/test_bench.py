"""The benchmarks: what they compute, in tables; that of neighbours with few canaries, whose counts must be right."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from controller.core.pacing import interval
from hack.bench import objects, report
from hack.bench.lateness import Round, Rounds, rounds_of, within
from hack.bench.neighbours import Measured, Span, length_of_a_round, measure
from hack.bench.objects import NAME, VICTIM, WAYS
from hack.bench.stage import Usage
from tests.controller.core.builders import canary, spec, world

NOON = datetime(2018, 10, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def rounds(*seconds):
    return [Round(NOON + timedelta(seconds=one)) for one in seconds]


def told(seconds, **fields):
    return {"lastCheckTime": (NOON + timedelta(seconds=seconds)).isoformat(), **fields}


def test_length_of_a_round_is_the_one_that_the_controller_keeps():
    victim = canary(namespace=VICTIM, name=NAME, spec=spec(interval=SECOND))
    assert length_of_a_round() == interval(world(canary=victim), victim.spec)


def test_each_weight_and_each_failed_check_is_a_round_and_a_corrected_time_is_none():
    statuses = [
        {"state": "running"},
        told(1, canaryWeight=1),
        told(1.5, canaryWeight=1),
        told(2, canaryWeight=2),
        told(3, canaryWeight=2, inconclusiveChecks=1),
        told(4, canaryWeight=2, failedChecks=1),
    ]
    seconds = [(one.at - NOON) / SECOND for one in rounds_of(statuses)]
    assert seconds == [1.5, 2, 3, 4]
    assert [one.inconclusive for one in rounds_of(statuses)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param((0, 1, 2, 3, 4), (4, 0, [0, 0, 0, 0]), id="all in time"),
        pytest.param((0, 1, 2.5, 3.5), (3, 0, [0, 0.5, 0]), id="one is late"),
        pytest.param((0, 1, 3.25, 4.25), (3, 1, [0, 1.25, 0]), id="one is so late that another is missing"),
        pytest.param((0, 1), (1, 3, [0, 3]), id="none comes any more"),
        pytest.param((0,), (0, 3, [3.5]), id="none in the whole span"),
        pytest.param((0, 1, 2, 3, 4, 5, 6), (4, 0, [0, 0, 0, 0]), id="others come after the span"),
    ],
)
def test_rounds_of_a_span(held, expected):
    seen = within(rounds(*held), NOON + 0.5 * SECOND, NOON + 5 * SECOND, SECOND)
    assert (seen.held, seen.skipped, [late / SECOND for late in seen.late]) == expected
    assert seen.due == seen.held + seen.skipped


def test_quantiles_are_those_of_the_nearest_rank():
    late = tuple(timedelta(milliseconds=number) for number in range(100, 0, -1))
    some = Rounds(held=100, skipped=0, inconclusive=0, late=late)
    milli = timedelta(milliseconds=1)
    assert [some.quantile(share) / milli for share in (0.5, 0.99, 1)] == [50, 99, 100]
    assert Rounds(held=0, skipped=0, inconclusive=0, late=()).quantile(0.5) == timedelta()


def span(late_ms=10, *, skipped=0, inconclusive=0, **usage):
    late = (timedelta(milliseconds=late_ms),) * 30
    return Span(30.0, Rounds(30, skipped, inconclusive, late), Usage(**usage))


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        pytest.param({"beside": span(65)}, None, id="once and a half and 50 ms more is allowed"),
        pytest.param({"beside": span(66)}, "the lateness at 50% grew from 10 ms to 66 ms", id="more is not"),
        pytest.param({"arriving": span(900)}, None, id="the arrival may make a round late"),
        pytest.param({"arriving": span(skipped=1)}, "while the tenant's arrive the victim skipped 1 of 31", id="a gap"),
        pytest.param({"beside": span(skipped=2)}, "beside the tenant the victim skipped 2 of 32", id="gaps"),
        pytest.param({"beside": span(inconclusive=3)}, "3 rounds of the victim were inconclusive", id="no evidence"),
    ],
)
def test_what_is_required(spans, problem):
    measured = Measured("missing", 1000, **{"alone": span(), "arriving": span(), "beside": span(), **spans})
    found = measured.problems()
    assert problem in found[0] if problem else found == []
    assert (found[0] if found else "Every requirement holds.") in report.table([measured])
    assert json.loads(report.as_json([measured]))[0]["problems"] == found


def test_table_and_json_say_the_same():
    beside = span(requests=1500, throttled=7, controller_seconds=6.0, sandbox_seconds=3.0)
    measured = [Measured("rivals", 1000, alone=span(), arriving=span(), beside=beside)]
    last = report.table(measured).splitlines()[4]
    assert last == "|  | beside | 30 of 30 | 10 ms | 10 ms | 3.00 | 50.0 | 7 | 20% | 10% |"
    said = json.loads(report.as_json(measured))[0]["beside"]
    assert (said["requestsPerSecond"], said["requestsPerCanaryAndMinute"], said["throttled"]) == (50, 3, 7)


def test_rivals_share_their_parts_and_all_others_have_their_own():
    for name, way in WAYS.items():
        first, second = (way.canary(number)["spec"] for number in (0, 1))
        assert (first["canary"]["name"] == second["canary"]["name"]) == (name == "rivals")
    count = {name: len(list(way.parts(10))) for name, way in WAYS.items()}
    assert count == {"rivals": 5, "refused": 2 + 3 * 10, "missing": 2 + 10}
    assert objects.canary("x")["spec"]["canaryAnalysis"]["interval"] == "1s"


MOST_REQUESTS = {
    "rivals": lambda canaries, seconds: 3 * canaries + 15 * seconds,  # of them one rollout, with rounds of a second
    "refused": lambda canaries, seconds: (10 + 3 * seconds) * canaries,  # one attempt a round: patch, status, event
    "missing": lambda canaries, seconds: 3 * canaries,  # status and event, once
}


@pytest.mark.timeout(180)  # fifteen seconds, unless the machine is busy
@pytest.mark.parametrize("way", WAYS)
def test_broken_canaries_cost_no_more_than_they_may_and_the_neighbour_goes_on(tmp_path, way):
    """Counts only: how late a round is on a machine that runs other tests says nothing."""
    measured = measure(way, canaries=50, seconds=3, directory=tmp_path)
    assert measured.beside.rounds.held
    assert measured.beside.rounds.inconclusive == 0
    assert measured.alone.usage.requests == 0
    spent = measured.arriving.usage.requests + measured.beside.usage.requests
    assert 50 <= spent <= MOST_REQUESTS[way](50, measured.arriving.seconds + measured.beside.seconds)
