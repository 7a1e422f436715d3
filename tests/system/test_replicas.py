"""Several replicas: one leads, the others stand by."""

import signal
import time

from controller.resources import LEASES
from testbed.sandbox.faults import Fault
from tests.system.harness import controller, page
from tests.system.test_process import ELECT, started

LEASE = (LEASES.group, LEASES.plural)


def lease(on):
    return (on.get(LEASE, "flagger-leader-election") or {}).get("spec") or {}


def test_standby_takes_over_with_warm_caches_when_the_leader_stops(on):  # contracts L10, L12
    with controller(on, leader_election=True, leader_election_namespace="test") as leader:
        on.until(lambda: lease(on).get("holderIdentity"))
        with started(on, *ELECT) as standby:
            port = standby.until_logged("Starting")["port"]
            assert standby.until_logged("New leader")["leader"] == lease(on)["holderIdentity"]
            assert page(port, "readyz") == page(port, "healthz") == "ok\n"
            assert 'leader_election_master_status{name="flagger-leader-election"} 0.0' in page(port)
            assert 'leader_election_master_status{name="flagger-leader-election"} 1.0' in page(leader.port)
            on.add_canary(stepWeight=50, maxWeight=50)
            on.until_state("finished")
            assert 'flagger_canary_total{namespace="test"}' not in page(port)
            leader.stop()
            assert standby.until_logged("Started")["canaries"] == 1
            assert lease(on)["leaseTransitions"] == 1
            standby.send(signal.SIGTERM)
            assert standby.ended(within=5)[0] == 0
    assert lease(on)["holderIdentity"] == ""


def asked(on, verb):
    """Return how often the Lease was asked for with a verb."""
    return sum(request.verb == verb and request.resource == LEASES.plural for request in on.requests())


def test_standby_reads_nothing_while_the_leader_renews_and_takes_over_at_once(on):  # contract L5
    with started(on, *ELECT) as leader:
        leader.until_logged("Started")
        with started(on, *ELECT) as standby:
            standby.until_logged("New leader")
            on.until(lambda: asked(on, "watch"), every_change=False)
            renewals = asked(on, "update")
            on.until(lambda: asked(on, "update") > renewals, every_change=False)  # and it has heard of one
            before, renewals = asked(on, "get"), asked(on, "update")
            on.until(lambda: asked(on, "update") >= renewals + 4, every_change=False)
            assert asked(on, "get") == before
            leader.send(signal.SIGTERM)
            leader.ended(within=5)
            released = time.monotonic()
            standby.until_logged("Started")
            assert time.monotonic() - released < 1


def test_standby_that_may_not_watch_the_lease_says_so_and_reads_it(on):  # contract L5
    on.cluster.api.faults.add(Fault(verb="watch", resource="leases", code=403, count=-1))
    with started(on, *ELECT) as leader:
        leader.until_logged("Started")
        with started(on, *ELECT) as standby:
            told = standby.until_logged("Lease cannot be watched, it is read every few seconds")
            assert "403 Forbidden" in told["error"]
            before = asked(on, "get")
            on.until(lambda: asked(on, "get") >= before + 2, every_change=False)
            leader.send(signal.SIGTERM)
            leader.ended(within=5)
            standby.until_logged("Started")


def test_leader_whose_lease_is_taken_ends_to_be_restarted(on):  # contract L9
    with started(on, *ELECT) as process:
        process.until_logged("Started")
        on.change(LEASE, "flagger-leader-election", lambda obj: obj["spec"].update(holderIdentity="another"))
        process.until_logged("Lost the lead")
        code, _, _ = process.ended(within=10)
    assert code == 4
    assert lease(on)["holderIdentity"] == "another"


def test_dry_run_holds_no_lease(on):
    with controller(on, leader_election=True, dry_run=True) as looking:
        on.until(lambda: "workqueue_adds_total" in page(looking.port), every_change=False)
    assert lease(on) == {}
