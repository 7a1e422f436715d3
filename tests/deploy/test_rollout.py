"""Convergence, by the rules of kubectl rollout status."""

import pytest

from deploy.rollout import rollout_status
from tests.controller.core.builders import primary


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, None),
        ({"generation": 2}, "the change of its spec is not observed yet"),
        ({"observed_generation": 5}, None),
        (
            {"deadline_exceeded": True, "available_replicas": 1},
            "it exceeded its progress deadline with 1 of 2 replicas available",
        ),
        ({"updated_replicas": 1}, "1 of 2 replicas are updated"),
        ({"current_replicas": 3}, "1 of 3 running replicas are old"),
        ({"available_replicas": 1}, "1 of 2 updated replicas are available"),
        ({"updated_replicas": 0, "current_replicas": 0, "available_replicas": 0}, "0 of 2 replicas are updated"),
        (
            {"updated_replicas": 3, "current_replicas": 3, "available_replicas": 3},
            "3 replicas are running, 2 are wanted",
        ),
        ({"replicas": 0, "updated_replicas": 0, "current_replicas": 0, "available_replicas": 0}, None),
    ],
    ids=[
        "converged",
        "generation not observed",
        "a later generation was observed",
        "deadline exceeded",
        "not all updated",
        "old ones left",
        "not all available",
        "no status yet",
        "scaling down",
        "scaled to zero",
    ],
)
def test_rollout_status(change, text):  # behaviour 3
    assert rollout_status(primary(**change)) == text
