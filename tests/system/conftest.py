"""The stage that most system tests play on."""

import pytest

from tests.system.harness import stage
from tests.system.readings import GOOD, Script


@pytest.fixture
def on(tmp_path):
    """A cluster with podinfo's workloads, on which every check passes."""
    with stage(tmp_path) as the_stage:
        the_stage.add_workloads()
        the_stage.cluster.prometheus.faults.script = Script([GOOD])
        yield the_stage
