"""``kubectl canary``: the commands for people, and never the controller."""

import subprocess
import sys
from pathlib import Path

import pytest

from controller.flags import COMMANDS
from controller.program import EXIT_USAGE, plugin

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]], ids=" ".join)
def test_help_lists_the_commands(argv, capsys):
    assert plugin(argv) == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: kubectl canary COMMAND")
    assert all(f"  {name}" in told for name in COMMANDS)


@pytest.mark.parametrize("argv", [["gett"], ["--metrics-server", "http://p"]], ids=" ".join)
def test_what_is_no_command_starts_nothing(argv, capsys):
    assert plugin(argv) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("usage: kubectl canary")


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["get", "-o", "xml"], 3, "kubectl canary get: argument -o/--output"),
        (["hold"], 2, "flagger hold: the following arguments are required: NAME"),
    ],
    ids=["one that shows", "one that asks"],
)
def test_commands_are_those_of_flagger(argv, code, told):
    typed = [sys.executable, "-c", "import sys; from controller.program import plugin; sys.exit(plugin())", *argv]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert done.stderr.startswith(told)
