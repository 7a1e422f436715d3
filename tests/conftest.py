"""What all tests share: Hypothesis profiles, and how many run at once."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.e2e.stage")
settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_xdist_auto_num_workers() -> int:
    """Half of the tests wait for something rather than compute."""
    return 2 * (os.cpu_count() or 1)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the stories in real time unless they are asked for (make e2e, make mesh-stories)."""
    name = collection_path.name
    return True if name in {"e2e", "mesh"} and not any(f"tests/{name}" in arg for arg in config.args) else None


@pytest.fixture(autouse=True)
def recursion_limit() -> Iterator[None]:
    """Have what a controller sets for its whole process end with the test."""
    before = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(before)
