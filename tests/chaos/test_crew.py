"""The processes that play: none of them holds up the others."""

import os
import signal
import threading

import pytest

from tests.chaos.__main__ import Tally
from tests.chaos.crew import Crew


def made_up(scenario):
    """Do what the scenario says, in a process of the crew."""
    match scenario.split()[1]:
        case "hang":
            threading.Event().wait(120)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
    return scenario, [], 7


@pytest.mark.parametrize(
    ("scenario", "what"),
    [
        ("promotion hang", "stuck for 2s; its process ended with -6"),
        ("promotion die", "its process ended with -9"),
    ],
)
def test_scenario_that_never_ends_is_broken_and_the_others_go_on(scenario, what):
    with Crew(1, within=2.0, play=made_up) as crew:
        found = list(crew.play(iter([scenario, "rollback nothing"])))
    assert found == [(scenario, [what], 0), ("rollback nothing", [], 7)]


def test_nothing_is_begun_when_the_time_is_over():
    with Crew(1, within=2.0, play=made_up) as crew:
        assert list(crew.play(iter(["promotion nothing"]), until=0.0)) == []


def test_counts_are_by_kind_and_what_broke_can_be_repeated(capsys):
    tally = Tally()
    tally.take("promotion kill after 7", ["ends: podinfo is starting at the end"])
    tally.take("rollback kill before 2", [])
    assert str(tally) == "played 2: {'kill': 2}; broken: 1"
    assert capsys.readouterr().out.splitlines()[0] == 'make chaos ONLY="promotion kill after 7"'
