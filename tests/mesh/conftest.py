"""The mesh that MESH names, and stories on it.

At its beginning the walk-through counts all canaries and starts the controller anew with shorter rounds. So it comes
first, and stories that run beside it wait until it has done both.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from testbed.processes import pause
from tests.mesh.places import Mesh
from tests.mesh.story import Story

_WALK_THROUGH = "test_walkthrough.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the walk-through run first."""
    items.sort(key=lambda item: item.path.name != _WALK_THROUGH)


@pytest.fixture
def alone(mesh) -> Iterator[Callable[[], None]]:
    """Return what the walk-through calls once it no longer needs to be alone; it is called at the latest at its end."""
    mark = _mark(mesh)
    mark.unlink(missing_ok=True)  # of an earlier run on this mesh
    yield mark.touch
    mark.touch()


@pytest.fixture(scope="session")
def not_counted(mesh, request) -> None:
    """Wait until the walk-through has counted, if it is among these tests."""
    items: Sequence[pytest.Item] = request.session.items
    while any(item.path.name == _WALK_THROUGH for item in items) and not _mark(mesh).exists():
        pause(0.2)


def _mark(mesh: Mesh) -> Path:
    return mesh.directory / "counted"


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """Real Istio, as ``python -m testbed.mesh`` has started it around us."""
    state = os.environ.get("MESH")
    assert state, "needs real Istio: make mesh-stories"
    found = Mesh(json.loads(Path(state).read_text()))
    yield found
    found.api.close()


@pytest.fixture
def new_story(mesh, tmp_path, not_counted) -> Iterator[Callable[[str], Story]]:
    """Make a namespace with sidecars; it is deleted afterwards."""
    stories: list[Story] = []

    def new(name: str) -> Story:
        stories.append(Story(mesh, name, tmp_path))
        return stories[-1]

    yield new
    for story in stories:
        story.close()
