"""Several replicas: one leads, the others stand by."""

import signal

from controller.resources import LEASES
from tests.system.harness import controller, page
from tests.system.test_process import started

LEASE = (LEASES.group, LEASES.plural)
ELECT = ("--enable-leader-election", "--leader-election-namespace=test")


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
