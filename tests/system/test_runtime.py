"""How the process sets up the interpreter, and what it opens."""

import gc
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from controller.flags import parse_options
from tests.system.harness import controller, page

ROOT = Path(__file__).parents[2]
IMPORTED = """
import sys
import controller.program
print(*(name for name in sys.modules if name.startswith(("kubernetes.client.models.", "kubernetes.client.api."))))
"""


@pytest.fixture
def interpreter():
    """Let the interpreter be as it was afterwards."""
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)
    gc.unfreeze()


def test_collector_is_spared_what_stays_and_threads_take_short_turns(on, interpreter):  # contracts P5, P6
    gc.unfreeze()
    with controller(on) as running:
        on.until(lambda: page(running.port, "readyz") == "ok\n", every_change=False)
        assert gc.get_freeze_count() > 10_000
        assert gc.isenabled()
        assert sys.getswitchinterval() == pytest.approx(0.001)


def test_one_watch_per_kind_whatever_the_number_of_workers(on):  # contract P7
    with controller(on, workers=8) as running:
        on.until(lambda: page(running.port, "readyz") == "ok\n", every_change=False)
        on.add_canary(stepWeight=50, maxWeight=50)
        on.until_state("finished")
    watches = Counter(request.resource for request in on.requests() if request.verb == "watch")
    assert watches == dict.fromkeys(("canaries", "deployments", "services", "virtualservices"), 1)
    assert parse_options([], {}).workers == 4


def test_typed_classes_of_the_official_client_are_never_loaded():  # contract P13
    command = [sys.executable, "-c", IMPORTED]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "\n"
