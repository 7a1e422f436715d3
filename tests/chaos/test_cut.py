"""The blows themselves: what is cut is cut, in the moment that was named, and a broken rollout is seen."""

from types import SimpleNamespace

import pytest

from controller.lifecycle import USER_AGENT
from testbed.sandbox.faults import Faults
from tests.chaos.blows import BLOWS, parsed
from tests.chaos.cut import Cut
from tests.chaos.late import hold
from tests.chaos.play import ROUTES, STORIES
from tests.chaos.scenario import played
from tests.chaos.scenarios import enumerated
from tests.chaos.users import shifted

REQUESTS = ("list", "get", "patch", "watch", "patch", "create", "get")


@pytest.mark.parametrize(
    ("when", "number", "drops"),
    [
        ("before", 1, ["", "before", "before", "before", "before", "before", "before"]),
        ("after", 2, ["", "", "after", "before", "before", "before", "before"]),
        ("before", 3, ["", "", "", "", "before", "before", "before"]),
        ("after", 9, [""] * 7),
    ],
)
def test_everything_ends_at_the_nth_write_or_read(when, number, drops):
    faults, cut = Faults(), Cut(number, when)
    cut.put_into(faults)
    found = [faults.take(verb, "canaries", "", USER_AGENT) for verb in REQUESTS]
    assert [fault.drop if fault else "" for fault in found] == drops
    assert cut.reached.is_set() == any(drops)


def test_others_are_not_cut_and_do_not_count():
    faults = Faults()
    Cut(1, "before").put_into(faults)
    assert faults.take("patch", "canaries", "", "kubectl") is None
    assert faults.take("patch", "canaries", "", USER_AGENT)
    assert faults.take("patch", "canaries", "", "kubectl") is None


def test_a_request_that_was_held_is_the_last_to_get_through():
    faults = Faults()
    _, held = hold(SimpleNamespace(faults=faults), "canaries", 2)
    held.release.set()
    found = [faults.take(verb, "canaries", "", USER_AGENT) for verb in REQUESTS]
    assert [fault.drop if fault else "" for fault in found] == ["", "", "", *["before"] * 4]


def test_every_scenario_is_a_line_that_can_be_played():
    kinds = enumerated(dict.fromkeys(STORIES, 30))
    lines = [line for kind in kinds.values() for line in kind]
    assert len(lines) == len(set(lines))
    for line in lines:
        parsed(line)
    assert {line.split()[1] for line in lines} | {"nothing"} == set(BLOWS)


def test_a_rollout_that_is_broken_is_told(monkeypatch):
    def late_hand(it):
        with it.controller():
            it.until(lambda: False)
        with it.on.cluster.api.store.written_by(USER_AGENT):
            it.on.change(ROUTES, "podinfo", shifted(25))

    monkeypatch.setitem(BLOWS, "nothing", lambda: late_hand)
    _, broken, _ = played("promotion nothing")
    assert {line.partition(":")[0] for line in broken} == {"rest", "ends"}
