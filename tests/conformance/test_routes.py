"""What a VirtualService may hold, by the sandbox's small definition, by Istio's own, and by istiod's webhook."""

import os

import pytest
import yaml

from testbed.sandbox.__main__ import ARTIFACTS

by_webhook = pytest.mark.skipif(
    "CLUSTER" in os.environ, reason="Istio's definition allows what istiod's webhook refuses, and no istiod runs here"
)


def route(api, version="v1"):
    obj = yaml.safe_load((ARTIFACTS / "workloads/virtual-service.yaml").read_text())
    obj["metadata"]["namespace"] = api.namespace
    return {**obj, "apiVersion": f"networking.istio.io/{version}"}


def weighted(api, primary, canary):
    obj = route(api)
    for destination, weight in zip(obj["spec"]["http"][0]["route"], (primary, canary), strict=True):
        destination.pop("weight", None)
        destination.update({} if weight is None else {"weight": weight})
    return obj


def weights_of(obj):
    return tuple(to.get("weight") for to in obj["spec"]["http"][0]["route"])


@pytest.mark.parametrize("weights", [(9, 1), (50, 40), (150, 0), (100, None)])
def test_weights_are_shares_of_any_sum(api, weights):
    assert weights_of(api.made(api.routes, weighted(api, *weights))) == weights


@by_webhook
@pytest.mark.parametrize(
    ("weights", "said"),
    [
        pytest.param((0, 0), "total destination weight = 0", id="nothing to share"),
        pytest.param((110, -10), "-10", id="below zero"),
    ],
)
def test_weights_that_are_no_shares_are_refused(api, weights, said):
    for answer in (
        api("POST", api.routes, weighted(api, *weights)),
        api("POST", api.routes, weighted(api, *weights), dryRun="All"),
    ):
        assert answer.status_code in {400, 422}
        assert said in answer.json()["message"]
    assert api("GET", f"{api.routes}/podinfo").status_code == 404


def test_weights_are_patched_in_any_version(api):
    api.made(api.routes, route(api))
    for version, canary in (("v1", 5), ("v1beta1", 10), ("v1alpha3", 15)):
        path = f"{api.routes.replace('/v1/', f'/{version}/')}/podinfo"
        obj = weighted(api, 100 - canary, canary)
        merged = api.merged(path, {"spec": {"http": obj["spec"]["http"]}})
        assert weights_of(merged) == (100 - canary, canary)
        assert weights_of(api("GET", f"{api.routes}/podinfo").json()) == (100 - canary, canary)


def test_every_version_of_a_kind_shows_the_same_object(api):
    made = api.made(api.routes, route(api))
    for version in ("v1", "v1beta1", "v1alpha3"):
        shown = api("GET", f"{api.routes.replace('/v1/', f'/{version}/')}/podinfo").json()
        assert shown["apiVersion"] == f"networking.istio.io/{version}"
        assert (shown["spec"], shown["metadata"]["uid"]) == (made["spec"], made["metadata"]["uid"])


def test_fields_that_the_controller_does_not_know_stay(api):
    obj = route(api)
    obj["spec"]["http"][0]["retries"] = {"attempts": 3, "perTryTimeout": "2s"}
    obj["spec"]["http"][0]["route"][0]["headers"] = {"request": {"set": {"x-side": "primary"}}}
    made = api.made(api.routes, obj)
    assert made["spec"] == obj["spec"]
    weight = [{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 7}]
    patched = api("PATCH", f"{api.routes}/podinfo", weight, kind="application/json-patch+json").json()
    obj["spec"]["http"][0]["route"][1]["weight"] = 7
    assert patched["spec"] == obj["spec"]
    assert api.merged(f"{api.routes}/podinfo", {"metadata": {"labels": {"a": "b"}}})["spec"] == obj["spec"]
