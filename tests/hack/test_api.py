"""What a client can observe of the sandbox's API server, over HTTP."""

import json
import threading
from datetime import timedelta

import httpx
import pytest
import yaml

from hack.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from hack.sandbox.cluster import Cluster

CONFIG = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"
CANARIES = "/apis/flagger.app/v1beta1/namespaces/test/canaries"
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


class Client:
    def __init__(self, cluster):
        self.cluster = cluster
        self.http = httpx.Client(base_url=cluster.api.url, timeout=10)

    def __call__(self, method, path, body=None, *, kind="application/json", **query):
        content = None if body is None else json.dumps(body)
        return self.http.request(method, path, content=content, headers={"Content-Type": kind}, params=query)

    def config(self, name, **data):
        return self("POST", CONFIG, {"metadata": {"name": name, "labels": data.pop("labels", {})}, "data": data}).json()

    def watch(self, path, **query):
        with self.http.stream("GET", path, params={"watch": "true", "timeoutSeconds": "1", **query}) as response:
            return [json.loads(line) for line in response.iter_lines()]


@pytest.fixture(scope="module")
def shared():
    with Cluster(tick=timedelta(hours=1)) as cluster:
        cluster.add_files(
            [VIRTUAL_SERVICE_CRD, ARTIFACTS / "flagger" / "crd.yaml", ARTIFACTS / "namespaces" / "test.yaml"]
        )
        yield cluster


@pytest.fixture
def api(shared):
    client = Client(shared)
    yield client
    shared.api.faults.clear()
    client("DELETE", CONFIG)
    for path in (DEPLOYMENTS, CANARIES):
        client("DELETE", path)
    client.http.close()


def artifact(name):
    return yaml.safe_load((ARTIFACTS / f"{name}.yaml").read_text())


def test_create_get_and_not_found(api):
    made = api.config("a", x="1")
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    assert api("GET", f"{CONFIG}/a").json() == made
    missing = api("GET", f"{CONFIG}/b")
    assert missing.status_code == 404
    assert missing.json()["reason"] == "NotFound"
    assert missing.json()["message"] == 'configmaps "b" not found'
    assert missing.json()["details"]["name"] == "b"


def test_same_name_twice_and_no_such_path(api):
    api.config("a")
    again = api("POST", CONFIG, {"metadata": {"name": "a"}})
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")
    assert api("GET", "/apis/nothing.here/v1/things").status_code == 404
    assert api("POST", CONFIG, {"metadata": {}}).status_code == 422
    assert api("POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}}).status_code == 404


def test_lists_come_in_pages(api):
    for number in range(7):
        api.config(f"c{number}")
    page = api("GET", CONFIG, limit=3).json()
    names = [item["metadata"]["name"] for item in page["items"]]
    assert page["metadata"]["remainingItemCount"] == 4
    api.config("c9")  # later than the list
    while token := page["metadata"].get("continue"):
        page = api("GET", CONFIG, limit=3, **{"continue": token}).json()
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names[:7] == [f"c{number}" for number in range(7)]


def test_selectors(api):
    api.config("a", labels={"app": "x", "tier": "web"})
    api.config("b", labels={"app": "y"})

    def names(**query):
        return [item["metadata"]["name"] for item in api("GET", CONFIG, **query).json()["items"]]

    assert names(labelSelector="app=x") == ["a"]
    assert names(labelSelector="app!=x") == ["b"]
    assert names(labelSelector="app in (x,y),tier") == ["a"]
    assert names(labelSelector="!tier") == ["b"]
    assert names(fieldSelector="metadata.name=b") == ["b"]


def test_watch_tells_what_happened_since_a_version(api):
    version = api.config("a")["metadata"]["resourceVersion"]
    api("PATCH", f"{CONFIG}/a", {"data": {"x": "2"}}, kind=MERGE_PATCH)
    api("DELETE", f"{CONFIG}/a")
    events = api.watch(CONFIG, resourceVersion=version, allowWatchBookmarks="true")
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED", "BOOKMARK"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)
    assert set(events[2]["object"]) == {"kind", "apiVersion", "metadata"}


def test_watch_sees_what_crosses_its_selector(api):
    made = api.config("a", labels={"app": "x"})
    version = made["metadata"]["resourceVersion"]
    for app in ("y", "x"):
        api("PATCH", f"{CONFIG}/a", {"metadata": {"labels": {"app": app}}}, kind=MERGE_PATCH)
    events = api.watch(CONFIG, resourceVersion=version, labelSelector="app=x")
    assert [event["type"] for event in events] == ["DELETED", "ADDED"]


def test_watch_delivers_at_once(api):
    version = api.config("a")["metadata"]["resourceVersion"]
    query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "30"}
    with api.http.stream("GET", CONFIG, params=query) as response:
        lines = response.iter_lines()
        other = threading.Thread(target=api.config, args=("b",))
        other.start()
        assert json.loads(next(lines))["object"]["metadata"]["name"] == "b"
        other.join()


def test_version_that_is_too_old_or_too_new(api):
    expired = api.watch(CONFIG, resourceVersion="1")
    if expired:  # the history may still reach back that far in a young cluster
        assert expired[0]["type"] in {"ERROR", "ADDED"}
    answer = api("GET", CONFIG, resourceVersion="99999999")
    assert answer.status_code == 504
    assert answer.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_generation_moves_with_the_spec_alone(api):
    made = api("POST", DEPLOYMENTS, artifact("workloads/primary-deployment")).json()
    assert made["metadata"]["generation"] == 1
    path = f"{DEPLOYMENTS}/podinfo"
    labelled = api("PATCH", path, {"metadata": {"labels": {"x": "y"}}}, kind=MERGE_PATCH).json()
    assert labelled["metadata"]["generation"] == 1
    observed = api(
        "PATCH", f"{path}/status", {"status": {"replicas": 7}, "spec": {"replicas": 9}}, kind=MERGE_PATCH
    ).json()
    assert (observed["status"]["replicas"], observed["spec"]["replicas"]) == (7, 2)
    changed = api("PATCH", path, {"spec": {"replicas": 3}, "status": {"replicas": 0}}, kind=MERGE_PATCH).json()
    assert (changed["metadata"]["generation"], changed["status"]["replicas"]) == (2, 7)


def test_patch_that_changes_nothing_moves_no_version(api):
    made = api.config("a", x="1")
    same = api("PATCH", f"{CONFIG}/a", {"data": {"x": "1"}}, kind=MERGE_PATCH).json()
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_scale_subresource(api):
    api("POST", DEPLOYMENTS, artifact("workloads/primary-deployment"))
    path = f"{DEPLOYMENTS}/podinfo/scale"
    scale = api("GET", path).json()
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    patch = {"metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]}, "spec": {"replicas": 0}}
    assert api("PATCH", path, patch, kind=MERGE_PATCH).status_code == 200
    assert api("GET", f"{DEPLOYMENTS}/podinfo").json()["spec"]["replicas"] == 0
    stale = api("PATCH", path, patch, kind=MERGE_PATCH)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")


def test_preconditions(api):
    old = api.config("a", x="1")
    api("PATCH", f"{CONFIG}/a", {"data": {"x": "2"}}, kind=MERGE_PATCH)
    put = api("PUT", f"{CONFIG}/a", old)
    assert (put.status_code, put.json()["reason"]) == (409, "Conflict")
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": old["metadata"]["resourceVersion"]}
    add = {"op": "add", "path": "/data/y", "value": "3"}
    refused = api("PATCH", f"{CONFIG}/a", [test, add], kind=JSON_PATCH)
    assert refused.status_code == 422
    assert "y" not in api("GET", f"{CONFIG}/a").json()["data"]
    test["value"] = api("GET", f"{CONFIG}/a").json()["metadata"]["resourceVersion"]
    assert api("PATCH", f"{CONFIG}/a", [test, add], kind=JSON_PATCH).json()["data"] == {"x": "2", "y": "3"}
    assert api("PATCH", f"{CONFIG}/a", [], kind="text/plain").status_code == 415
    assert api("PATCH", f"{CONFIG}/a", {"not": "a list"}, kind=JSON_PATCH).status_code == 400


def test_finalizers_hold_a_deletion(api):
    api("POST", CONFIG, {"metadata": {"name": "a", "finalizers": ["x/y"]}})
    api("DELETE", f"{CONFIG}/a")
    held = api("GET", f"{CONFIG}/a").json()
    assert held["metadata"]["deletionTimestamp"]
    api("PATCH", f"{CONFIG}/a", {"metadata": {"finalizers": None}}, kind=MERGE_PATCH)
    assert api("GET", f"{CONFIG}/a").status_code == 404


def test_custom_resources_are_defaulted_pruned_and_validated(api):
    canary = artifact("rollouts/podinfo")
    canary["spec"]["unknown"] = 1
    del canary["spec"]["canaryAnalysis"]["threshold"]
    made = api("POST", CANARIES, canary).json()
    assert made["spec"]["canaryAnalysis"]["threshold"] == 10
    assert "unknown" not in made["spec"]
    assert "status" not in made
    bad = api("PATCH", f"{CANARIES}/podinfo", {"spec": {"canaryAnalysis": {"maxWeight": 101}}}, kind=MERGE_PATCH)
    assert (bad.status_code, bad.json()["reason"]) == (422, "Invalid")
    assert bad.json()["details"]["causes"][0]["field"] == "spec.canaryAnalysis.maxWeight"


def test_istio_refuses_weights_that_do_not_add_up(api):
    obj = artifact("workloads/virtual-service")
    obj["spec"]["http"][0]["route"][0]["weight"] = 99
    refused = api("POST", "/apis/networking.istio.io/v1/namespaces/test/virtualservices", obj)
    assert refused.status_code == 422
    assert "the weights of the destinations must add up to 100" in refused.text


def test_discovery_names_what_is_served(api):
    groups = [group["name"] for group in api("GET", "/apis").json()["groups"]]
    assert {"apps", "flagger.app", "networking.istio.io"} <= set(groups)
    (canaries, *_) = [r for r in api("GET", "/apis/flagger.app/v1beta1").json()["resources"] if r["name"] == "canaries"]
    assert (canaries["kind"], canaries["shortNames"], canaries["categories"]) == ("Canary", ["cn"], ["all"])
    assert api("GET", "/readyz").status_code == 200


def test_faults_can_be_switched_by_another_process(api):
    admin = httpx.Client(base_url=api.cluster.admin.url)
    assert "POST /faults" in admin.get("/").json()
    admin.post("/faults", json={"verb": "get", "resource": "configmaps", "code": 429, "retry_after": 3})
    api.config("a")
    throttled = api("GET", f"{CONFIG}/a")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "3")
    assert api("GET", f"{CONFIG}/a").status_code == 200
    admin.post("/faults", json={"verb": "get", "resource": "configmaps", "drop": "before"})
    with pytest.raises(httpx.RemoteProtocolError):
        api("GET", f"{CONFIG}/a")
    admin.put("/mesh/test/podinfo-canary", json={"errorRatio": 0.5})
    assert api.cluster.mesh.behaviours()["test/podinfo-canary"]["errorRatio"] == 0.5
    admin.delete("/mesh/test/podinfo-canary")
    assert api.cluster.mesh.behaviours() == {}
    wrong = admin.put("/nonsense", json={})
    assert (wrong.status_code, "GET / shows" in wrong.json()["error"]) == (400, True)
    admin.close()
