"""What a rollout costs the API server, counted by its own audit log."""

WRITES = {"create", "update", "patch", "delete"}
STREAMS = {"list", "watch"}


def test_full_promotion_costs_no_more_than_31_writes_and_2_reads_and_nothing_at_rest(on):
    def requests():
        return [
            r
            for r in on.requests()
            if r.verb not in STREAMS
            and not r.resource.startswith("/")
            and r.resource != "namespaces"  # read at the start
        ]

    on.add_canary()
    with on.controller():
        on.until_state("finished")
        on.until_said("Promotion completed!")
        of_the_rollout = requests()
        for replicas in (3, 2):
            on.patch("deployments", "podinfo", {"spec": {"replicas": replicas}})
            on.until(lambda: on.available("podinfo"))
        assert requests() == of_the_rollout
    assert {request.code for request in of_the_rollout} <= {200, 201}
    writes = [request for request in of_the_rollout if request.verb in WRITES and request.resource != "events"]
    reads = [request for request in of_the_rollout if request.verb == "get"]
    assert 25 <= len(writes) <= 31
    assert 1 <= len(reads) <= 2
