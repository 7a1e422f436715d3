"""What builds the image takes a minute and fetches packages, so it runs only when it is asked for (make charts)."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    slow = collection_path.name == "test_built.py"
    return True if slow and not any("image" in argument for argument in config.args) else None
