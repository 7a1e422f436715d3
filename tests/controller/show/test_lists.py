"""Tables of canaries and of past rollouts, and what they are made of."""

from datetime import timedelta

import pytest

from controller.show import lists
from controller.show.facts import Seen, age, span, time_of
from controller.show.readings import reading_of
from metrics.types import Limits, OwnCheck
from tests.controller.core.builders import MINUTE, NOW, spec

RATE = "istio_requests_total"
OWN = OwnCheck("queue", "q", Limits(None, 10.0), "1m", unit="messages")
META = {"name": "podinfo", "namespace": "test", "creationTimestamp": (NOW - 400 * MINUTE).isoformat()}
RUNNING = {
    "state": "running",
    "stage": "progressing",
    "canaryWeight": 15,
    "version": "1.4.0 → 1.5.0",
    "reason": "ChecksFailing",
    "message": "success rate 82.33% < 99%",
    "lastCheckTime": (NOW - timedelta(seconds=20)).isoformat(),
    "startTime": (NOW - 5 * MINUTE).isoformat(),
    "failedChecks": 3,
    "canaryRevision": "17246876",
}
PAST = {
    "version": "1.3.0 → 1.4.0",
    "revision": "16271121",
    "startTime": (NOW - 60 * MINUTE).isoformat(),
    "endTime": (NOW - 50 * MINUTE).isoformat(),
    "outcome": "failed",
    "reason": "FailedChecks",
    "worst": [{"name": RATE, "value": 60}, {"name": "queue", "value": 12}, "odd", {"name": "gone", "value": 1}],
}


def obj(status, **meta):
    return {"metadata": {**META, **meta}, "status": status}


def test_canaries_have_the_columns_of_kubectl():
    told = lists.canaries([obj(RUNNING), obj(None, name="a")], NOW, wide=False, namespaces=False)
    assert told.splitlines() == [
        "NAME      STATE     WEIGHT   VERSION         REASON          LAST CHECK   AGE",
        "a         -         -        -               -               -            6h",
        "podinfo   running   15       1.4.0 → 1.5.0   ChecksFailing   20s          6h",
    ]


def test_wide_table_of_all_namespaces():
    told = lists.canaries([obj(RUNNING), obj({}, namespace="shop")], NOW, wide=True, namespaces=True)
    header, shop, test = (line.split("   ") for line in told.splitlines())
    assert [cell for cell in header if cell][-4:] == ["STAGE", "FAILED CHECKS", "REVISION", "MESSAGE"]
    assert shop[0].strip() == "shop"
    assert test[-1].strip() == "success rate 82.33% < 99%"


def test_history_is_told_newest_first_below_what_runs():
    told = lists.history(obj({**RUNNING, "history": [PAST, "odd"]}), spec(checks=(OWN,)), NOW, wide=False)
    assert told.splitlines() == [
        "VERSION         OUTCOME   REASON          STARTED   TOOK   WORST",
        "1.4.0 → 1.5.0   running   ChecksFailing   5m ago    5m     -",
        "1.3.0 → 1.4.0   failed    FailedChecks    60m ago   10m    success rate 60%, queue 12 messages, gone 1",
    ]


def test_wide_history_names_the_revisions():
    told = lists.history(obj({**RUNNING, "history": [PAST, {"outcome": "finished"}]}), None, NOW, wide=True)
    assert [line.split()[-1] for line in told.splitlines()] == ["REVISION", "17246876", "16271121", "-"]


def test_history_of_nothing_says_so():
    assert lists.history(obj({"history": 7}), None, NOW, wide=False) == (
        "No rollout of podinfo.test has ended since the controller keeps a history.\n"
    )


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        ({"name": RATE, "value": 82.336}, "success rate 82.34%"),
        ({"name": "istio_request_duration_milliseconds_bucket", "value": 1234}, "request duration 1.234s"),
        ({"name": RATE, "value": "x"}, "success rate -"),
        ({"name": "queue", "value": 3}, "queue 3"),
    ],
)
def test_worst_reading_of_a_metric_that_the_spec_does_not_have(reading, told):
    assert reading_of(reading, None) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (599, "9m59s"),
        (3599, "59m"),
        (7200, "120m"),
        (10800, "3h"),
        (172799, "47h"),
        (172800, "2d"),
    ],
)
def test_lengths_of_time(seconds, told):
    assert span(seconds) == told
    assert age(NOW + timedelta(seconds=seconds), NOW) == told


def test_times_that_are_none():
    assert (time_of("soon"), time_of(7), time_of("0001-01-01T00:00:00+23:00")) == (None, None, None)
    assert age(NOW, None) == "-"


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        pytest.param({"reason": "Held", "message": "by Ann"}, "Held", "by Ann", id="its own"),
        pytest.param({}, "", "", id="nothing"),
        pytest.param({"conditions": 7}, "", "", id="conditions that are none"),
        pytest.param(
            {"conditions": ["odd", {"type": "Promoted", "status": "True", "reason": "Promoted", "message": "it is"}]},
            "Promoted",
            "it is",
            id="that of how it ended",
        ),
        pytest.param(
            {
                "conditions": [
                    {"type": "Promoted", "status": "Unknown", "reason": "RolloutRunning"},
                    {"type": "Ready", "status": "False", "reason": "RouteNotFound", "message": "no route"},
                ]
            },
            "RouteNotFound",
            "no route",
            id="what has to be repaired",
        ),
    ],
)
def test_reason_of_any_status(status, reason, message):
    seen = Seen(obj(status))
    assert (seen.reason, seen.message) == (reason, message)


def test_counts_that_are_none_are_zero():
    assert Seen(obj({"canaryWeight": "15"})).number("canaryWeight") == 0
