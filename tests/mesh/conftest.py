"""The mesh that MESH names, and stories on it."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mesh.story import Mesh, Story


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """Real Istio, as ``python -m hack.mesh`` has started it around us."""
    state = os.environ.get("MESH")
    assert state, "needs real Istio: make mesh-stories"
    found = Mesh(json.loads(Path(state).read_text()))
    yield found
    found.api.close()


@pytest.fixture
def new_story(mesh, tmp_path) -> Iterator[Callable[[str], Story]]:
    """Make a namespace with sidecars; it is deleted afterwards."""
    stories: list[Story] = []

    def new(name: str) -> Story:
        stories.append(Story(mesh, name, tmp_path))
        return stories[-1]

    yield new
    for story in stories:
        story.close()
