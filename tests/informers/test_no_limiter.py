"""The client leaves throttling to the server."""

import time
from contextlib import closing

from controller.resources import CANARIES
from informers.client import KubeClient
from tests.fakes.api import FakeApi


def test_requests_wait_for_no_limiter_of_ours(tmp_path):  # contract C6
    began = time.monotonic()
    with FakeApi() as api, closing(KubeClient(api.login(tmp_path), user_agent="x", pool_size=1)) as client:
        for _ in range(100):
            client.merge_patch(CANARIES, "test", "a", {})
    assert len(api.requests) == 100
    assert time.monotonic() - began < 15  # client-go's limiter would take 18 s
