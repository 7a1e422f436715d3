"""Routes of every kind. What is not a weight of the two hosts is never touched."""

import copy

from tests.e2e.stage import QUICK, artifact

RETRIES = {"attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx,connect-failure"}


def with_everything(obj):
    """Add routes, matches, timeouts and retries to podinfo's route."""
    if obj["kind"] != "VirtualService":
        return
    spec = obj["spec"]
    (route,) = spec["http"]
    route.update(name="shifted", timeout="10s", retries=RETRIES, headers={"request": {"add": {"x-by": "mesh"}}})
    internal = {
        "match": [{"uri": {"prefix": "/internal"}, "headers": {"x-team": {"exact": "a"}}}],
        "route": [{"destination": {"host": "podinfo"}}],
    }
    beta = {**copy.deepcopy(route), "name": "beta", "match": [{"uri": {"regex": "/beta/.*"}}]}
    spec["http"] = [internal, beta, route, {"redirect": {"uri": "/old", "authority": "elsewhere.example.com"}}]
    spec.update(gateways=["mesh", "public"], exportTo=["*"])


def full_names(obj):
    if obj["kind"] == "VirtualService":
        for destination in obj["spec"]["http"][0]["route"]:
            destination["destination"]["host"] += ".test.svc.cluster.local"


def third_destination(obj):
    if obj["kind"] == "VirtualService":
        obj["spec"]["http"][0]["route"].append({"destination": {"host": "third"}, "weight": 0})


def test_everything_else_in_a_route_is_kept(stage):
    stage.add_workloads(with_everything)
    before = stage.get("virtualservices", "podinfo")["spec"]
    stage.add_canary(**QUICK)
    with stage.controller():
        stage.until_said("Advance podinfo.test canary weight 25")
        stage.until(lambda: stage.weights(2) == (75, 25))
        assert stage.weights(1) == (75, 25)
        during = stage.routes()
        for route in during[1:3]:
            route["route"][0]["weight"], route["route"][1]["weight"] = 100, 0
        assert during == before["http"]
        stage.until_state("finished")
    assert stage.get("virtualservices", "podinfo")["spec"] == before
    stage.tells("quick")


def test_hosts_may_be_full_names(stage):
    stage.add_workloads(full_names)
    stage.add_canary(**QUICK)
    with stage.controller():
        stage.until_state("finished")
    stage.tells("quick")


def test_missing_route_is_named_and_waited_for(on):
    on.delete("virtualservices", "podinfo")
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Halt podinfo.test advancement virtual service")
        on.add(artifact("workloads/virtual-service"))
        on.until_state("finished")
    on.tells("missing-route")


def test_third_destination_is_in_the_way(stage):
    stage.add_workloads(third_destination)
    stage.add_canary(**QUICK)
    with stage.controller():
        stage.until_said("Halt podinfo.test advancement virtual service")
        assert stage.weights() == (100, 0, 0)
        stage.patch("virtualservices", "podinfo", [{"op": "remove", "path": "/spec/http/0/route/2"}])
        stage.until_state("finished")
    stage.tells("third-destination")
