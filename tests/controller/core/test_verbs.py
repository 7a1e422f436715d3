"""How the annotations of a Canary object are written."""

import pytest

from controller.core.verbs import revision_of


@pytest.mark.parametrize(
    ("value", "revision"),
    [
        ("355576317870351", "355576317870351"),
        ("355576317870351@2026-11-25T08:05:14Z", "355576317870351"),
        ("355576317870351@me@example.com", "355576317870351"),
        ("@2026-11-25T08:05:14Z", ""),
        ("", ""),
    ],
)
def test_revision_stands_before_the_first_at(value, revision):
    assert revision_of(value) == revision
