"""The two threads of an election, at a pace that tests can afford."""

import threading
import time
from datetime import UTC, datetime

import pytest

from controller.lead.election import Election, new_identity
from controller.lead.leases import Candidate, Timing
from informers.errors import TransportError
from tests.fakes.leases import FakeLeases

TIMING = Timing(lease=1, deadline=0.5, retry=0.05)
PATIENCE = 10.0


class Party:
    """One who stands for election."""

    def __init__(self, leases, identity="us"):
        self.won, self.lost = threading.Event(), threading.Event()
        self.lost_at = None
        self.slept = 0.0  # seconds that the process was paused, as far as its clock can tell
        now = lambda: datetime.now(UTC)  # noqa: E731, TID251  # a test of real threads in real time
        candidate = Candidate(leases, "test", identity, timing=TIMING, monotonic=time.monotonic, now=now)
        self.watch = leases.watch()
        self.election = Election(
            candidate,
            watch=self.watch,
            timing=TIMING,
            monotonic=lambda: time.monotonic() + self.slept,
            random=lambda: 0.5,
            won=self.won.set,
            lost=self._note_loss,
        )

    def _note_loss(self):
        self.lost_at = time.monotonic()
        self.lost.set()


@pytest.fixture
def leases():
    return FakeLeases()


@pytest.fixture
def stand(leases):
    parties = []

    def start(identity="us"):
        parties.append(Party(leases, identity))
        parties[-1].election.start()
        return parties[-1]

    yield start
    for party in parties:
        party.election.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("election")]


def test_identities_are_unique():  # contract L1
    assert len({new_identity() for _ in range(100)}) == 100


def test_leader_renews_until_it_stops_and_the_next_takes_over_at_once(leases, stand):  # contracts L5, L10
    first = stand("first")
    assert first.won.wait(PATIENCE)
    second = stand("second")
    assert not second.won.wait(1.5 * TIMING.lease)
    assert first.election.leading
    assert first.election.alive()
    assert not second.election.leading
    first.election.stop()
    assert leases.closed
    assert second.won.wait(0.9)  # sooner than the lease runs out
    assert not first.lost.is_set()
    assert not first.election.leading


def test_leader_that_was_paused_knows_before_its_threads_do(stand):
    party = stand()
    assert party.won.wait(PATIENCE)
    assert party.election.leading
    party.slept = 10.0
    assert not party.election.leading


def test_dead_leader_is_replaced_when_its_lease_has_run_out(leases, stand):  # contract L3
    leases.write(holderIdentity="dead", leaseDurationSeconds=1)
    began = time.monotonic()
    assert stand().won.wait(PATIENCE)
    assert time.monotonic() - began >= 1.0


def test_lease_renew_failure_stops_before_expiry(leases, stand):  # contracts L6, L11
    party = stand()
    assert party.won.wait(PATIENCE)
    leases.down, down_at = True, time.monotonic()
    assert party.lost.wait(PATIENCE)
    assert party.lost_at - down_at <= TIMING.deadline + 0.2
    assert not party.election.leading


def test_clock_does_not_wait_for_a_request_that_hangs(leases, stand):  # contract L7
    over = threading.Event()
    party = stand()
    assert party.won.wait(PATIENCE)
    leases.before_replace = lambda: over.wait(PATIENCE)
    assert party.lost.wait(2 * TIMING.deadline)
    over.set()


def test_leader_whose_lease_was_taken_stops_at_once_and_for_ever(leases, stand, caplog):  # contracts L9, L11
    party = stand()
    assert party.won.wait(PATIENCE)
    leases.write(holderIdentity="other", leaseDurationSeconds=1)
    assert party.lost.wait(PATIENCE)
    assert party.lost_at is not None
    party.won.clear()
    assert not party.won.wait(1.5 * TIMING.lease)
    assert leases.spec["holderIdentity"] == "other"
    assert "Lost the lead" in caplog.messages


def test_server_that_is_down_at_the_start_only_delays(leases, stand, caplog):  # contract L2
    leases.down = True
    party = stand()
    assert not party.won.wait(0.3)
    leases.down = False
    assert party.won.wait(PATIENCE)
    assert "Lease cannot be reached" in caplog.messages


def test_release_that_fails_is_told(leases, stand, caplog):
    party = stand()
    assert party.won.wait(PATIENCE)
    leases.down = True
    party.election.stop()
    assert "Lease not released, it will expire" in caplog.messages


def test_stop_before_start(leases):  # contract L11
    party = Party(leases)
    assert party.election.alive()
    party.election.stop()
    assert leases.requests == []
    assert not party.won.is_set()


def test_thread_that_dies_of_a_bug_is_noticed(leases, stand, monkeypatch):  # contract T4
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    leases.get = lambda *_: 1 / 0
    party = stand()
    party.election._threads[0].join(PATIENCE)
    assert not party.election.alive()


def reads(leases, seconds):
    """Return how often the lease is read in some time."""
    before = leases.requests.count("get")
    threading.Event().wait(seconds)
    return leases.requests.count("get") - before


def test_who_hears_of_renewals_reads_nothing_and_takes_what_is_released_at_once(leases, stand):  # contract L5
    leader, standby = stand("leader"), None
    assert leader.won.wait(PATIENCE)
    standby = stand("standby")
    standby.watch.open()
    reads(leases, 0.3)
    assert reads(leases, 1.5 * TIMING.lease) == 0
    assert leader.watch.stopped
    began = time.monotonic()
    leader.election.stop()
    assert standby.won.wait(PATIENCE)
    assert time.monotonic() - began < TIMING.retry


def test_who_hears_of_no_renewals_takes_over_when_the_lease_has_run_out(leases, stand):  # contracts L3, L5
    leases.write(holderIdentity="dead", leaseDurationSeconds=1)
    standby = stand()
    standby.watch.open()
    began = time.monotonic()
    assert standby.won.wait(PATIENCE)
    assert 0.9 < time.monotonic() - began < 1.5


def test_lease_is_read_as_often_as_ever_once_the_watch_says_nothing(leases, stand):  # contract L5
    leader = stand("leader")
    assert leader.won.wait(PATIENCE)
    standby = stand("standby")
    standby.watch.open()
    reads(leases, 0.3)
    standby.watch.fall_silent()
    reads(leases, 2 * TIMING.retry * (1 + TIMING.jitter))
    assert reads(leases, 1.0) > 5
    leader.election.stop()
    began = time.monotonic()
    assert standby.won.wait(PATIENCE)
    assert time.monotonic() - began < TIMING.lease / 2


def test_lease_that_was_deleted_is_taken(leases, stand):
    leases.write(holderIdentity="dead", leaseDurationSeconds=60)
    standby = stand()
    standby.watch.open()
    leases.lease = None
    standby.watch.heard({})
    assert standby.won.wait(PATIENCE)


def test_free_lease_that_cannot_be_taken_is_tried_for_no_faster(leases, stand):
    leases.write(holderIdentity="", leaseDurationSeconds=1)
    leases.before_replace = refuse
    standby = stand()
    standby.watch.open()
    before = len(leases.requests)
    threading.Event().wait(0.5)
    assert len(leases.requests) - before < 10
    leases.before_replace = lambda: None
    assert standby.won.wait(PATIENCE)


def refuse():
    raise TransportError("no answer")


def test_each_new_leader_that_is_heard_of_is_logged(leases, stand, caplog):  # contract L11
    caplog.set_level("INFO")
    leases.write(holderIdentity="one", leaseDurationSeconds=60)
    standby = stand()
    standby.watch.open()
    leases.write(holderIdentity="two")
    while [record.leader for record in caplog.records if record.msg == "New leader"] != ["one", "two"]:
        pass
    assert not standby.won.is_set()
