"""Creates, updates, patches and deletes, as a client observes them."""

import pytest
import yaml

from testbed.sandbox.__main__ import ARTIFACTS
from tests.canary_objects import BAD, GOOD

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
LOOSE = "loose.example.com"


def artifact(name, api):
    obj = yaml.safe_load((ARTIFACTS / f"{name}.yaml").read_text())
    obj["metadata"]["namespace"] = api.namespace
    return obj


def here(obj, api):
    return {**obj, "metadata": {**obj["metadata"], "namespace": api.namespace}}


def route(api):
    return {**artifact("workloads/virtual-service", api), "apiVersion": "networking.istio.io/v1"}


def code_and_reason(answer):
    return answer.status_code, answer.json()["reason"]


# --- create ---


def test_same_name_twice(api):
    api.config_map("a")
    again = api("POST", api.config, {"metadata": {"name": "a"}})
    assert code_and_reason(again) == (409, "AlreadyExists")
    assert again.json()["message"] == 'configmaps "a" already exists'


def test_name_is_made_of_a_prefix(api):
    made = api.made(api.config, {"metadata": {"generateName": "a-"}})
    assert made["metadata"]["name"].startswith("a-")
    assert len(made["metadata"]["name"]) == len("a-") + 5


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "-a", "a" * 254])
def test_name_that_cannot_be(api, name):
    refused = api("POST", api.config, {"metadata": {"name": name}})
    assert code_and_reason(refused) == (422, "Invalid")
    assert refused.json()["details"]["causes"][0]["field"] == "metadata.name"


def test_body_must_be_what_the_path_says(api):
    assert code_and_reason(api("POST", api.config, {"kind": "Secret", "metadata": {"name": "a"}})) == (
        400,
        "BadRequest",
    )
    other = api("POST", api.config, {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "a"}})
    assert code_and_reason(other) == (400, "BadRequest")
    old = {**route(api), "apiVersion": "networking.istio.io/v1alpha3"}
    refused = api("POST", api.routes, old)
    assert code_and_reason(refused) == (400, "BadRequest")
    elsewhere = api("POST", api.config, {"metadata": {"name": "a", "namespace": "default"}})
    assert code_and_reason(elsewhere) == (400, "BadRequest")
    api.config_map("a")
    renamed = api("PUT", f"{api.config}/a", {"metadata": {"name": "b"}})
    assert code_and_reason(renamed) == (400, "BadRequest")


def test_body_that_is_no_json(api):
    answer = api.http.post(api.config, content="{", headers={"Content-Type": "application/json"})
    assert code_and_reason(answer) == (400, "BadRequest")


def test_namespace_that_is_not_there(api):
    answer = api("POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}})
    assert code_and_reason(answer) == (404, "NotFound")
    assert answer.json()["message"] == 'namespaces "nowhere" not found'


def test_what_the_server_owns_is_not_taken_from_the_client(api):
    meta = {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7}
    made = api.made(api.canaries, {**artifact("rollouts/podinfo", api), "metadata": meta})
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["creationTimestamp"] > "2020"
    assert made["metadata"]["generation"] == 1
    refused = api("POST", api.config, {"metadata": {"name": "b", "resourceVersion": "1"}})
    assert refused.status_code == 500  # no good code, but the one that clients get
    assert "resourceVersion should not be set on objects to be created" in refused.json()["message"]


def test_dry_run_stores_nothing(api):
    answer = api("POST", api.config, {"metadata": {"name": "a"}}, dryRun="All")
    assert answer.status_code == 201
    assert api("GET", f"{api.config}/a").status_code == 404


# --- versions and generations ---


def test_generation_moves_with_the_spec_alone(api):
    made = api.made(api.canaries, artifact("rollouts/podinfo", api))
    assert made["metadata"]["generation"] == 1
    path = f"{api.canaries}/podinfo"
    labelled = api.merged(path, {"metadata": {"labels": {"x": "y"}}})
    assert labelled["metadata"]["generation"] == 1
    analysis = {"canaryAnalysis": {"threshold": 3}}
    observed = api.merged(f"{path}/status", {"status": {"state": "running"}, "spec": analysis})
    assert observed["status"]["state"] == "running"
    assert observed["spec"]["canaryAnalysis"]["threshold"] == 10
    assert observed["metadata"]["generation"] == 1
    changed = api.merged(path, {"spec": analysis, "status": {"state": "failed"}})
    assert (changed["metadata"]["generation"], changed["status"]["state"]) == (2, "running")


def test_status_is_not_made_with_the_object(api):
    made = api.made(api.canaries, {**artifact("rollouts/podinfo", api), "status": {"state": "failed"}})
    assert "status" not in made


def test_status_may_carry_metadata_but_no_labels(api):
    api.made(api.canaries, artifact("rollouts/podinfo", api))
    changed = api.merged(
        f"{api.canaries}/podinfo/status", {"metadata": {"labels": {"x": "y"}}, "status": {"state": "running"}}
    )
    assert "labels" not in changed["metadata"]


@pytest.mark.parametrize("kind", [MERGE_PATCH, STRATEGIC_PATCH])
def test_patch_that_changes_nothing_moves_no_version(api, kind):
    made = api.config_map("a", x="1")
    same = api("PATCH", f"{api.config}/a", {"data": {"x": "1"}}, kind=kind).json()
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_update_that_changes_nothing_moves_no_version(api):
    made = api.config_map("a", x="1")
    same = api("PUT", f"{api.config}/a", made).json()
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_version_counts_up_for_everything(api):
    first = api.config_map("a")
    second = api.made(api.canaries, artifact("rollouts/podinfo", api))
    third = api.merged(f"{api.config}/a", {"data": {"x": "1"}})
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second, third)]
    assert versions == sorted(set(versions))


def test_scale_subresource(api):
    api.made(api.deployments, artifact("workloads/primary-deployment", api))
    path = f"{api.deployments}/podinfo/scale"
    scale = api("GET", path).json()
    assert (scale["kind"], scale["apiVersion"], scale["spec"]["replicas"]) == ("Scale", "autoscaling/v1", 2)
    assert scale["status"]["selector"] == "app=podinfo"
    assert api("PATCH", path, {"spec": {"replicas": 0}}, kind=MERGE_PATCH).json()["spec"] == {}
    assert api("GET", f"{api.deployments}/podinfo").json()["spec"]["replicas"] == 0
    stale = {"metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]}, "spec": {"replicas": 1}}
    assert code_and_reason(api("PATCH", path, stale, kind=MERGE_PATCH)) == (409, "Conflict")
    assert api("PATCH", path, {"spec": {"replicas": -1}}, kind=MERGE_PATCH).status_code == 422


# --- preconditions ---


def test_stale_update_and_merge_patch(api):
    old = api.config_map("a", x="1")
    api.merged(f"{api.config}/a", {"data": {"x": "2"}})
    put = api("PUT", f"{api.config}/a", old)
    assert code_and_reason(put) == (409, "Conflict")
    assert put.json()["details"] == {"name": "a", "kind": "configmaps"}
    assert "the object has been modified" in put.json()["message"]
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"x": "3"}}
    assert code_and_reason(api("PATCH", f"{api.config}/a", stale, kind=MERGE_PATCH)) == (409, "Conflict")
    other = {"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}, "data": {"x": "3"}}
    assert code_and_reason(api("PATCH", f"{api.config}/a", other, kind=MERGE_PATCH)) == (422, "Invalid")
    reborn = {**old, "metadata": {"name": "a", "uid": other["metadata"]["uid"]}}
    assert code_and_reason(api("PUT", f"{api.config}/a", reborn)) == (409, "Conflict")
    assert api("GET", f"{api.config}/a").json()["data"] == {"x": "2"}


def test_json_patch_whose_test_fails(api):
    old = api.config_map("a", x="1")
    api.merged(f"{api.config}/a", {"data": {"x": "2"}})
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": old["metadata"]["resourceVersion"]}
    add = {"op": "add", "path": "/data/y", "value": "3"}
    refused = api("PATCH", f"{api.config}/a", [test, add], kind=JSON_PATCH)
    assert code_and_reason(refused) == (422, "Invalid")
    assert "y" not in api("GET", f"{api.config}/a").json()["data"]
    test["value"] = api("GET", f"{api.config}/a").json()["metadata"]["resourceVersion"]
    assert api("PATCH", f"{api.config}/a", [test, add], kind=JSON_PATCH).json()["data"] == {"x": "2", "y": "3"}


def test_json_patch_of_what_is_not_there(api):
    api.config_map("a", x="1")
    for operation in ({"op": "replace", "path": "/nope/deep", "value": 1}, {"op": "remove", "path": "/data/nope"}):
        assert api("PATCH", f"{api.config}/a", [operation], kind=JSON_PATCH).status_code == 422


def test_patch_in_an_unknown_format(api):
    api.config_map("a")
    assert code_and_reason(api("PATCH", f"{api.config}/a", [], kind="text/plain")) == (415, "UnsupportedMediaType")
    assert api("PATCH", f"{api.config}/a", {"not": "a list"}, kind=JSON_PATCH).status_code == 400
    assert api("PATCH", f"{api.config}/a", ["not an object"], kind=MERGE_PATCH).status_code == 400
    api.made(api.canaries, artifact("rollouts/podinfo", api))
    refused = api("PATCH", f"{api.canaries}/podinfo", {}, kind=STRATEGIC_PATCH)
    assert code_and_reason(refused) == (415, "UnsupportedMediaType")


def test_delete_with_preconditions(api):
    old = api.config_map("a")
    stale = {"preconditions": {"resourceVersion": "1"}}
    assert code_and_reason(api("DELETE", f"{api.config}/a", stale)) == (409, "Conflict")
    other = {"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}
    assert code_and_reason(api("DELETE", f"{api.config}/a", other)) == (409, "Conflict")
    gone = api("DELETE", f"{api.config}/a", {"preconditions": {"uid": old["metadata"]["uid"]}})
    assert gone.status_code == 200
    body = gone.json()
    assert (body["kind"], body["status"]) == ("Status", "Success")
    assert body["details"] == {"name": "a", "kind": "configmaps", "uid": old["metadata"]["uid"]}


# --- deletion ---


def test_finalizers_hold_a_deletion(api):
    api.made(api.config, {"metadata": {"name": "a", "finalizers": ["x.io/y"]}})
    deleted = api("DELETE", f"{api.config}/a").json()
    assert deleted["kind"] == "ConfigMap"
    held = api("GET", f"{api.config}/a").json()
    assert held["metadata"]["deletionTimestamp"]
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    again = api("DELETE", f"{api.config}/a")
    assert again.status_code == 200
    more = api("PATCH", f"{api.config}/a", {"metadata": {"finalizers": ["x.io/y", "x.io/z"]}}, kind=MERGE_PATCH)
    assert code_and_reason(more) == (422, "Invalid")
    assert "no new finalizers can be added if the object is being deleted" in more.json()["message"]
    version = held["metadata"]["resourceVersion"]
    api.merged(f"{api.config}/a", {"metadata": {"finalizers": None}})
    assert api("GET", f"{api.config}/a").status_code == 404
    events = api.watch(api.config, resourceVersion=version, fieldSelector="metadata.name=a")
    assert [event["type"] for event in events] == ["DELETED"]


def test_finalizer_needs_a_qualified_name(api):
    refused = api("POST", api.config, {"metadata": {"name": "a", "finalizers": ["plain"]}})
    assert code_and_reason(refused) == (422, "Invalid")


def test_deleting_a_custom_object_moves_its_generation(api):
    meta = {"name": "podinfo", "finalizers": ["x.io/y"]}
    api.made(api.canaries, {**artifact("rollouts/podinfo", api), "metadata": meta})
    deleted = api("DELETE", f"{api.canaries}/podinfo").json()
    assert deleted["metadata"]["generation"] == 2
    api.merged(f"{api.canaries}/podinfo", {"metadata": {"finalizers": None}})


def test_all_of_a_kind_can_be_deleted(api):
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        api.config_map(name, {"app": app})
    assert api("DELETE", api.config, labelSelector="app=x").status_code == 200
    assert [item["metadata"]["name"] for item in api("GET", api.config, labelSelector="app").json()["items"]] == ["c"]


def test_nothing_new_in_a_namespace_that_ends(api):
    api.made(api.config, {"metadata": {"name": "a", "finalizers": ["x.io/y"]}})
    ended = api("DELETE", f"/api/v1/namespaces/{api.namespace}")
    assert ended.status_code == 200
    assert api("GET", f"/api/v1/namespaces/{api.namespace}").json()["status"]["phase"] == "Terminating"
    refused = api("POST", api.config, {"metadata": {"name": "b"}})
    assert code_and_reason(refused) == (403, "Forbidden")
    causes = refused.json()["details"]["causes"]
    assert (causes[0]["reason"], causes[0]["field"]) == ("NamespaceTerminating", "metadata.namespace")
    api.merged(f"{api.config}/a", {"metadata": {"finalizers": None}})


# --- schemas ---


@pytest.fixture
def loose_kind(api):
    """Serve a kind that keeps fields which nobody declared, and return the path of its objects."""
    names = {"kind": "Loose", "plural": "looses", "singular": "loose", "listKind": "LooseList"}
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"looses.{LOOSE}"},
        "spec": {"group": LOOSE, "scope": "Namespaced", "names": names, "versions": versions},
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.made(definitions, definition)
    path = f"/apis/{LOOSE}/v1/namespaces/{api.namespace}/looses"
    for _ in range(100):  # a new kind is served a moment after its definition is there
        if api("GET", path).is_success:
            break
        api.watch(definitions)  # a second
    yield path
    api("DELETE", f"{definitions}/looses.{LOOSE}")


def test_unknown_fields_are_pruned_or_kept(api, loose_kind):
    canary = artifact("rollouts/podinfo", api)
    canary["spec"]["unknown"] = 1
    assert "unknown" not in api.made(api.canaries, canary)["spec"]
    loose = {"apiVersion": f"{LOOSE}/v1", "kind": "Loose", "metadata": {"name": "any"}, "spec": {"unknown": {"a": [1]}}}
    assert api.made(loose_kind, loose)["spec"]["unknown"] == {"a": [1]}
    deployment = artifact("workloads/primary-deployment", api)
    deployment["spec"]["unknown"] = 1
    assert "unknown" not in api.made(api.deployments, deployment)["spec"]
    canary["metadata"]["name"] = "strict"
    strict = api("POST", api.canaries, canary, fieldValidation="Strict")
    assert code_and_reason(strict) == (400, "BadRequest")
    assert 'unknown field "spec.unknown"' in strict.json()["message"]


def test_defaults_of_custom_objects(api):
    canary = artifact("rollouts/podinfo", api)
    del canary["spec"]["canaryAnalysis"]["threshold"]
    assert api.made(api.canaries, canary)["spec"]["canaryAnalysis"]["threshold"] == 10


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"canaryAnalysis": {"maxWeight": 101}}, "spec.canaryAnalysis.maxWeight"),
        ({"canaryAnalysis": {"stepWeight": "5"}}, "spec.canaryAnalysis.stepWeight"),
        ({"primary": {"name": None}}, "spec.primary.name"),
        ({"targetKind": "pod"}, "spec.targetKind"),
        ({"primary": {"name": "other"}}, "spec"),
    ],
    ids=["too high", "wrong type", "missing", "not supported", "immutable"],
)
def test_object_that_does_not_fit_its_schema(api, patch, field):
    api.made(api.canaries, artifact("rollouts/podinfo", api))
    refused = api("PATCH", f"{api.canaries}/podinfo", {"spec": patch}, kind=MERGE_PATCH)
    assert code_and_reason(refused) == (422, "Invalid")
    assert field in [cause["field"] for cause in refused.json()["details"]["causes"]]
    assert refused.json()["message"].startswith('Canary.flagger.app "podinfo" is invalid: ')


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.id)
def test_good_canary_is_taken(api, case):
    api.made(api.canaries, here(case.object(), api))


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_bad_canary_is_refused(api, case):
    assert code_and_reason(api("POST", api.canaries, here(case.object(), api))) == (422, "Invalid")


def test_defaults_of_workloads_and_services(api):
    deployment = api.made(api.deployments, artifact("workloads/canary-deployment", api))
    bare = artifact("workloads/canary-deployment", api)
    assert deployment["spec"]["revisionHistoryLimit"] == 10
    assert deployment["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert container["image"] == bare["spec"]["template"]["spec"]["containers"][0]["image"]
    service = api.made(api.services, artifact("workloads/canary-service", api))
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["clusterIP"]
    assert service["spec"]["ports"][0]["protocol"] == "TCP"


# --- events and leases ---


def event(api, name="a.1", **changes):
    about = {"kind": "Canary", "namespace": api.namespace, "name": "a", "apiVersion": "flagger.app/v1beta1"}
    body = {"metadata": {"name": name}, "involvedObject": about, "reason": "Synced", "message": "x", "type": "Normal"}
    return {**body, **changes}


def test_events_are_made_counted_and_found(api):
    stamps = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}
    made = api.made(api.events, event(api, count=1, **stamps))
    counted = api.merged(f"{api.events}/a.1", {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"})
    assert (counted["count"], counted["firstTimestamp"]) == (2, made["firstTimestamp"])
    api.made(api.events, event(api, "b.1", type="Warning"))
    found = api("GET", api.events, fieldSelector="involvedObject.name=a,type=Warning").json()["items"]
    assert [item["metadata"]["name"] for item in found] == ["b.1"]
    assert api("PATCH", f"{api.events}/gone", {"count": 2}, kind=MERGE_PATCH).status_code == 404


def test_event_belongs_to_the_namespace_of_its_object(api):
    elsewhere = event(api)
    elsewhere["involvedObject"]["namespace"] = "default"
    assert code_and_reason(api("POST", api.events, elsewhere)) == (422, "Invalid")


def test_leases_are_replaced_under_a_version(api):
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.123456Z"}
    made = api.made(api.leases, {"metadata": {"name": "l"}, "spec": spec})
    assert made["spec"] == spec
    taken = api("PUT", f"{api.leases}/l", {**made, "spec": {**spec, "holderIdentity": "b"}})
    assert taken.json()["spec"]["holderIdentity"] == "b"
    assert code_and_reason(api("PUT", f"{api.leases}/l", made)) == (409, "Conflict")
