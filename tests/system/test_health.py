"""Health says the truth: each thread and cache in turn is made dead, stuck or blind."""

import threading

import httpx
import pytest

from controller import health
from testbed.sandbox.faults import Fault
from tests.system.harness import controller, page
from tests.system.test_replicas import lease

LEADS = 'leader_election_master_status{name="flagger-leader-election"}'


def dies(*_, **__):
    raise SystemExit  # what no loop catches


def kill_a_worker(running):
    running._workers._reconcile = dies


def kill_the_sender_of_events(running):
    running._recorders[0]._send = dies


def kill_an_informers_handler(running):
    running._parts.of_kind["Service"].all[0].add_handler(dies)


def kill_the_election(running):
    running._election._candidate.try_to_hold = dies


def kill_the_http_server(running):
    running._http._server.service_actions = dies


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("kill", "said"),
    [
        (kill_a_worker, "a worker has died, see the log"),
        (kill_the_sender_of_events, "a sender of events has died, see the log"),
        (kill_an_informers_handler, "the informer of services has died, see the log"),
        (kill_the_election, "the election has died, see the log"),
        (kill_the_http_server, "the HTTP server has died, see the log"),
    ],
)
def test_thread_that_dies_ends_the_process_and_the_lead(on, kill, said, caplog):
    with controller(on, leader_election=True, leader_election_namespace="test") as running:
        on.until(lambda: lease(on).get("holderIdentity"))
        on.until(lambda: not running._readiness_problems(), every_change=False)
        kill(running)
        on.add_canary()
        on.until(running._stopping.is_set, every_change=False)
        on.until(lambda: lease(on)["holderIdentity"] == "")
    assert running.broken
    (last,) = [record for record in caplog.records if record.message == "Cannot go on"]
    assert last.problems == [said]


@pytest.mark.parametrize("resource", ["canaries", "events"])
def test_thread_that_is_stuck_is_told_and_ends_the_process(on, resource, monkeypatch, caplog):
    monkeypatch.setattr(health, "STUCK_SECONDS", 0.5)
    on.cluster.api.faults.add(Fault(resource=resource, verb="patch", hang=True, count=-1))
    on.cluster.api.faults.add(Fault(resource=resource, verb="create", hang=True, count=-1))
    with controller(on, leader_election=True, leader_election_namespace="test") as running:
        on.until(lambda: lease(on).get("holderIdentity"))
        on.add_canary()
        on.until(running._stopping.is_set, every_change=False)
        on.until(lambda: lease(on)["holderIdentity"] == "")
        on.cluster.api.faults.clear()
    assert running.broken
    (last,) = [record for record in caplog.records if record.message == "Cannot go on"]
    who = {"canaries": "the reconcile of test/podinfo", "events": "a sender of events"}[resource]
    assert f"{who} has not come to an end for 0s" in last.problems


def test_observer_that_is_stuck_is_told_and_ends_the_process(on, monkeypatch, caplog):  # contract O7
    monkeypatch.setattr(health, "STUCK_SECONDS", 0.5)
    with controller(on) as running:
        closed, cut = threading.Event(), running._observer.cut
        monkeypatch.setattr(running._observer, "cut", lambda: (closed.set(), cut()))
        monkeypatch.setattr(running._observer, "observe", lambda *_, **__: (closed.wait(20), ())[1])
        on.add_canary()
        on.until(running._stopping.is_set, every_change=False)
    (last,) = [record for record in caplog.records if record.message == "Cannot go on"]
    assert "a round that waits for readings has not come to an end for 0s" in last.problems


def healthy(running, resource):
    return f'flagger_cache_healthy{{namespace="",resource="{resource}"}} 1.0' in page(running.port)


def answer(running, path):
    return httpx.get(f"http://127.0.0.1:{running.port}/{path}")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"code": 403}, "403 Forbidden"),
        ({"code": 500}, "500"),
        ({"hang": True}, "the first list is under way"),
    ],
    ids=["refused", "failing", "hanging"],
)
def test_cache_that_cannot_be_filled_is_no_healthy_one(on, fault, said):
    on.cluster.api.faults.add(Fault(verb="list", resource="services", count=-1, **fault))
    with controller(on) as running:
        on.until(lambda: healthy(running, "canaries"), every_change=False)
        on.until(lambda: said in answer(running, "readyz").text, every_change=False)
        assert answer(running, "readyz").status_code == 503
        assert not healthy(running, "services")
        on.cluster.api.faults.clear()


def test_cache_that_goes_blind_is_no_healthy_one_until_it_sees_again(on):
    with controller(on) as running:
        on.until(lambda: answer(running, "readyz").status_code == 200, every_change=False)
        assert healthy(running, "services")
        for verb in ("list", "watch"):
            on.cluster.api.faults.add(Fault(verb=verb, resource="services", code=500, count=-1))
        on.cluster.api.cut_watches()
        on.until(lambda: answer(running, "readyz").status_code == 503, every_change=False)
        assert "cache of services: " in answer(running, "readyz").text
        assert not healthy(running, "services")
        assert healthy(running, "canaries")
        assert f"{LEADS} 1.0" in page(running.port)
        on.cluster.api.faults.clear()
        on.until(lambda: answer(running, "readyz").status_code == 200, every_change=False)
        assert healthy(running, "services")
