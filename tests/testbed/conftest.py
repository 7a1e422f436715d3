"""What the tests of the sandbox share."""

import pytest

from tests.testbed.stepped import Stepped


@pytest.fixture
def stepped():
    it = Stepped()
    yield it
    for server in (it.cluster.api, it.cluster.prometheus, it.cluster.admin):
        server.stop()
