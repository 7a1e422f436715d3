"""Istio takes every write of the controller, and every field of a route but its weights stays as it was."""

from copy import deepcopy
from pathlib import Path

import yaml

from tests.e2e.environments import audited
from tests.mesh.story import MERGE

EVERYTHING = Path(__file__).parent / "everything.yaml"
VERSIONS = ("v1", "v1beta1", "v1alpha3")
CONTROLLER = "system:serviceaccount:istio-system:flagger"


def specs(story):
    """Return the route as each served version has it."""
    path = f"namespaces/{story.namespace}/virtualservices/podinfo"
    found = [story.api.get(f"/apis/networking.istio.io/{version}/{path}").json() for version in VERSIONS]
    metas = [{key: obj["metadata"].get(key) for key in ("labels", "annotations")} for obj in found]
    return [obj["spec"] for obj in found], metas


def managed(spec):
    """Return the weights of both managed routes, of primary and canary."""
    listed = []
    for route in spec["http"]:
        weights = {to["destination"]["host"]: to.get("weight", 0) for to in route.get("route", ())}
        if len(weights) > 1:
            listed.append((weights["podinfo"], weights["podinfo-canary"]))
    return listed


def without_weights(spec):
    spec = deepcopy(spec)
    for route in spec["http"]:
        for to in route.get("route", ()):
            to.pop("weight", None)
    return spec


def test_route_keeps_every_field_but_its_weights(new_story, mesh):
    story = new_story("fields")
    subset = {"host": "podinfo", "subsets": [{"name": "all", "labels": {"app": "podinfo"}}]}
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "podinfo"}}
    story.add({**rule, "spec": subset})
    route = yaml.safe_load(EVERYTHING.read_text())
    story.add_workloads(lambda obj: obj.update(route) if obj["kind"] == "VirtualService" else None)
    before, labels = specs(story)
    story.add_canary(interval="2s", stepWeight=7, maxWeight=21, metrics=[], drainSeconds=1)
    story.until(lambda: story.status().get("canaryWeight") == 7, "7 %")
    story.until(lambda: managed(specs(story)[0][0]) == [(86, 14), (86, 14)], "14 % on both routes")
    between, _ = specs(story)
    story.until_state("finished")
    after, labels_after = specs(story)
    assert [without_weights(spec) for spec in between] == [without_weights(spec) for spec in before]
    assert after == before
    assert labels_after == labels
    refused = [
        request
        for user, request in audited(Path(mesh.places["auditLog"]))
        if user == CONTROLLER and request.verb == "patch" and request.code >= 400 and request.code != 409
    ]
    assert refused == []


def test_route_whose_weights_add_up_to_something_else_is_put_right(new_story):
    story = new_story("uneven")
    path = f"/apis/networking.istio.io/v1/namespaces/{story.namespace}/virtualservices/podinfo"

    def shares(obj, weights):
        if obj["kind"] == "VirtualService":
            for to, weight in zip(obj["spec"]["http"][0]["route"], weights, strict=True):
                to["weight"] = weight

    story.add_workloads(lambda obj: shares(obj, (9, 1)))  # which istiod's webhook accepts
    story.add_canary(interval="2s", stepWeight=25, metrics=[], drainSeconds=1)
    story.until(lambda: managed(story.get("virtualservices", "podinfo")["spec"]) == [(75, 25)], "25 %")
    route = story.get("virtualservices", "podinfo")
    shares(route, (50, 40))
    http = {"spec": {"http": route["spec"]["http"]}}
    story.api.patch(path, json=http, headers=MERGE).raise_for_status()
    story.until_state("finished")
    assert managed(story.get("virtualservices", "podinfo")["spec"]) == [(100, 0)]
    corrected = [said for said in story.events() if said.startswith("Correcting ")]
    assert corrected[-1] == f"Correcting podinfo.{story.namespace} canary weight uneven to 25"
