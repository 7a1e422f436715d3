"""What an HTTPRoute may hold, by the sandbox's small definition and by the Gateway API's own."""

import pytest

ROOT = "/apis/gateway.networking.k8s.io/v1"


@pytest.fixture
def routes(api):
    return f"{ROOT}/namespaces/{api.namespace}/httproutes"


def route(api, primary, canary, **rule):
    refs = [
        {"name": name, "port": 9898, **({} if weight is None else {"weight": weight})}
        for name, weight in (("podinfo", primary), ("podinfo-canary", canary))
    ]
    parent = {"group": "", "kind": "Service", "name": "podinfo", "port": 9898}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "podinfo", "namespace": api.namespace},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": refs, **rule}]},
    }


def weights_of(obj):
    return tuple(ref["weight"] for ref in obj["spec"]["rules"][0]["backendRefs"])


@pytest.mark.parametrize(
    ("weights", "stored"), [((9, 1), (9, 1)), ((0, 0), (0, 0)), ((150, 0), (150, 0)), ((100, None), (100, 1))]
)
def test_weights_are_shares_of_any_sum_and_1_if_missing(api, routes, weights, stored):
    assert weights_of(api.made(routes, route(api, *weights))) == stored


@pytest.mark.parametrize("weight", [-1, 1_000_001])
def test_weights_out_of_bounds_are_refused(api, routes, weight):
    answer = api("POST", routes, route(api, 100, weight))
    assert answer.status_code == 422
    assert "spec.rules[0].backendRefs[1].weight" in answer.json()["message"]


def test_fields_that_the_controller_does_not_know_stay(api, routes):
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/api"}, "headers": [{"name": "a", "value": "b"}]}],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}],
        "timeouts": {"request": "3s"},
    }
    made = api.made(routes, route(api, 100, 0, **rule))
    patch = [{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 7}]
    patched = api("PATCH", f"{routes}/podinfo", patch, kind="application/json-patch+json").json()
    made["spec"]["rules"][0]["backendRefs"][1]["weight"] = 7
    assert patched["spec"] == made["spec"]
    assert patched["spec"]["rules"][0]["filters"] == rule["filters"]
    assert patched["spec"]["rules"][0]["timeouts"] == rule["timeouts"]


def test_every_version_of_a_kind_shows_the_same_object(api, routes):
    made = api.made(routes, route(api, 100, 0))
    for version in ("v1", "v1beta1"):
        shown = api("GET", f"{routes.replace('/v1/', f'/{version}/')}/podinfo").json()
        assert shown["apiVersion"] == f"gateway.networking.k8s.io/{version}"
        assert (shown["spec"], shown["metadata"]["uid"]) == (made["spec"], made["metadata"]["uid"])
