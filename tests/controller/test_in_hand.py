"""What threads have in hand, and how it is ended."""

import threading

import pytest

from controller.in_hand import ClientInHand, InHand
from controller.resources import EVENTS, LEASES
from informers.client import KubeClient
from informers.errors import TransportError
from tests.fakes.api import FakeApi, kept, says


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def api():
    with FakeApi() as running:
        yield running


@pytest.fixture
def client(api, tmp_path):
    made = KubeClient(api.login(tmp_path), user_agent="test", pool_size=2)
    yield made
    made.close()


def hangs(let_go):
    def answer(handler):
        assert let_go.wait(20)
        handler.close_connection = True

    return answer


def test_only_what_takes_long_is_told():
    clock = Clock()
    in_hand = InHand(clock)
    with in_hand.task("the reconcile of test/podinfo"):
        clock.now += 10
        with in_hand.task("a sender of events"):
            assert in_hand.longer_than(9) == ["the reconcile of test/podinfo"]
            assert in_hand.longer_than(10) == []
            clock.now += 10
            assert in_hand.longer_than(9) == ["a sender of events", "the reconcile of test/podinfo"]
    assert in_hand.longer_than(0) == []


def test_requests_are_those_of_the_client(api, client):
    api.answers = [says(kept(n=number)) for number in range(4)]
    in_hand = ClientInHand(client, InHand(Clock()), "it")
    assert in_hand.get(LEASES, "test", "x") == kept(n=0)
    assert in_hand.create(EVENTS, "test", {}) == kept(n=1)
    assert in_hand.replace(LEASES, "test", "x", {}) == kept(n=2)
    assert in_hand.merge_patch(EVENTS, "test", "x", {"count": 2}) == kept(n=3)
    assert [request.method for request in api.requests] == ["GET", "POST", "PUT", "PATCH"]


def test_cut_ends_the_request_under_way_and_those_to_come(api, client):
    let_go = threading.Event()
    api.answers = [hangs(let_go)]
    in_hand = InHand(Clock())
    ours = ClientInHand(client, in_hand, "it")
    with in_hand.cut_after(0.1), in_hand.task("a look"):
        with pytest.raises(TransportError):
            client.get(LEASES, "test", "x")
        with pytest.raises(TransportError):  # the same task goes on to its next request
            client.get(LEASES, "test", "x")
    let_go.set()
    with pytest.raises(TransportError):
        ours.get(LEASES, "test", "x")
    assert len(api.requests) == 1


def test_nothing_is_cut_if_all_is_done_in_time(api, client):
    api.answers = [says(kept())]
    in_hand = InHand(Clock())
    with in_hand.cut_after(60):
        pass
    assert ClientInHand(client, in_hand, "it").get(LEASES, "test", "x") == kept()
