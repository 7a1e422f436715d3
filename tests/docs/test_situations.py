"""The page of situations has every row, and names tests that are there, a story among them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "situations.md").read_text()
SPANS = re.compile(r"`(?:(?P<path>tests/[\w/]+\.py)::)?(?P<name>test_\w+)(?P<to_come>…?)`")


def named():
    """Yield the file and the name of each test; one that is named without a file is in the file named before it."""
    path = ""
    for found in SPANS.finditer(PAGE):
        path = found["path"] or path
        if not found["to_come"]:
            yield pytest.param(path, found["name"], id=found["name"])


def test_rows_are_numbered_without_a_gap():
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 22))


@pytest.mark.parametrize("row", [line for line in PAGE.splitlines() if "`tests/" in line and line.startswith("|")])
def test_row_is_shown_by_a_story(row):
    assert "`tests/e2e/" in row


@pytest.mark.parametrize(("path", "name"), list(named()))
def test_test_is_there(path, name):
    assert f"def {name}(" in (ROOT / path).read_text()
