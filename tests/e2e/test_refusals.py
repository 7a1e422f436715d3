"""Objects that the API server refuses, with words that say what would be right: situation 10."""

import pytest

from tests.e2e.beginnings import at_25
from tests.e2e.stage import artifact

RATE = "istio_requests_total"
DURATION = "istio_request_duration_milliseconds_bucket"
PERCENTAGE = "threshold of istio_requests_total is a percentage: 99, not 0.99"
MILLISECONDS = "threshold of a duration must be milliseconds, at least 1: 500, not 0.5"
RANGE = "must be between 1s and 24h"


def metric(name=RATE, **fields):
    return {"metrics": [{"name": name, "threshold": 99, "interval": "1m", **fields}]}


WRONG = [
    pytest.param(metric(threshold=0.99), PERCENTAGE, id="a ratio for a percentage"),
    pytest.param(metric(DURATION, threshold=0.5), MILLISECONDS, id="seconds for milliseconds"),
    pytest.param(metric(interval="0m"), RANGE, id="a window of 0"),
    pytest.param(metric(interval="25h"), RANGE, id="a window over a day"),
    pytest.param({"interval": "0s"}, RANGE, id="an interval of 0"),
    pytest.param({"interval": "24h1s"}, RANGE, id="an interval over a day"),
    pytest.param({"interval": "1min"}, f"{RANGE}, written as 30s, 1m or 1m30s", id="an interval in other words"),
    pytest.param(metric(interval="1m30s"), f"{RANGE}, written as 30s, 1m or 1h", id="a window in two units"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_situation_10_limits_that_cannot_be_meant(stage, wrong, words):
    canary = artifact("rollouts/podinfo")
    canary["spec"]["canaryAnalysis"].update(wrong)
    assert words in stage.refused_object(canary)
    assert stage.get("canaries", "podinfo") is None


def test_situation_10_a_limit_that_cannot_be_meant_does_not_reach_a_running_rollout(on):
    with on.controller():
        at_25(on)
        assert PERCENTAGE in on.refused_patch("canaries", "podinfo", {"spec": {"canaryAnalysis": metric(threshold=1)}})
        on.until_state("finished")
    on.tells("quick")
