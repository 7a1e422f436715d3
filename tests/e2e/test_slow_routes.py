"""Writes of the route that take long, meet somebody else's, or are never carried out: situations 17 and 18."""

import time
from contextlib import ExitStack

import pytest

from tests.e2e.beginnings import AT_ONCE, at_25
from tests.e2e.stage import QUICK

SLOW_SECONDS = 4.0  # longer than a round
ROUND_SECONDS = 3.0
LOOKS_SECONDS = 0.5  # between what happens and when we see it


def test_situation_17_the_interval_counts_from_when_the_route_carries_the_weight(on):
    on.add_canary(**{**AT_ONCE, "interval": f"{ROUND_SECONDS:g}s"})
    with ExitStack() as slow:
        slow.enter_context(on.slow_routes())
        with on.controller():
            on.until(lambda: on.status().get("canaryWeight") == 50)
            claimed = time.monotonic()
            on.until(lambda: time.monotonic() >= claimed + SLOW_SECONDS)
            assert on.weights() == (100, 0)
            slow.close()
            on.until(lambda: on.weights() == (50, 50))
            carried = time.monotonic()
            on.until_said("Copying podinfo-canary.test template spec")
            assert time.monotonic() - carried >= ROUND_SECONDS - LOOKS_SECONDS
            on.until_state("finished")
    on.tells("promoted-in-one-step")


@pytest.mark.parametrize("limit", ["threshold", "inconclusiveLimit"])
def test_situation_18_one_conflict_on_the_route(on, limit):
    with on.controller():
        at_25(on, **{limit: 1})
        with on.slow_routes():
            on.until(lambda: on.status()["canaryWeight"] == 50)
            on.patch("virtualservices", "podinfo", {"metadata": {"labels": {"any": "thing"}}})
            assert on.weights() == (75, 25)
        on.until_state("finished")
    assert [r for r in on.requests() if r.resource == "virtualservices" and r.verb == "patch" and r.code >= 400]
    on.tells("quick")


@pytest.mark.parametrize("limit", ["threshold", "inconclusiveLimit"])
@pytest.mark.parametrize("step", ["first", "second"])
def test_situation_18_a_kill_between_the_claim_and_the_route(on, limit, step):
    before, after = ((100, 0), 25) if step == "first" else ((75, 25), 50)
    on.add_canary(**{**QUICK, "interval": "2s"}, **{limit: 1})
    if step == "second":
        with on.controller():
            on.until(lambda: on.weights() == before)
    with on.slow_routes(in_vain=True), on.controller() as process:
        on.until(lambda: on.status().get("canaryWeight") == after)
        process.kill()
    assert on.weights() == before
    with on.controller():
        on.until_state("finished")
    on.tells("quick")
    assert on.image("podinfo") == "1.2.1"
    assert on.status()["failedChecks"] == on.status().get("inconclusiveChecks", 0) == 0
