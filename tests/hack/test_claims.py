"""Two runs at a time: each has a directory of its own, or is told who has it."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from hack.claims import claim_first_free, claimed
from hack.processes import ProcessError

HOLDER = """
import sys
from pathlib import Path
from hack.claims import claimed
with claimed(Path(sys.argv[1]), "make cluster"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_second_run_is_told_who_has_the_directory(holder, tmp_path):
    with pytest.raises(ProcessError) as refused, claimed(tmp_path / "data", "make cluster"):
        pass
    assert str(refused.value) == (
        f"{tmp_path / 'data'} is in use by make cluster (process {holder.pid}): end it first, or use --directory"
    )


def test_directory_is_free_again_whatever_ended_the_run(holder, tmp_path):
    holder.kill()
    holder.wait()
    with claimed(tmp_path / "data", "make run") as directory:
        assert directory == tmp_path / "data"


def test_run_that_may_be_elsewhere_takes_the_first_free_directory(holder, tmp_path):
    with ExitStack() as stack:
        found = [claim_first_free(stack, tmp_path / "data", "make run") for _ in range(2)]
    assert [path.name for path in found] == ["data-2", "data-3"]
    assert holder.poll() is None
