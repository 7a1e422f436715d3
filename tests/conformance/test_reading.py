"""Gets, lists, pages, selectors and watches, as a client observes them."""

import json
import threading

import pytest


def names(answer):
    return [item["metadata"]["name"] for item in answer.json()["items"]]


def types(events):
    return [event["type"] for event in events]


def test_get_and_not_found(api):
    made = api.config_map("a", x="1")
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    got = api("GET", f"{api.config}/a").json()
    made["metadata"].pop("managedFields", None)
    got["metadata"].pop("managedFields", None)
    assert got == made
    missing = api("GET", f"{api.config}/b")
    assert missing.status_code == 404
    assert missing.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "b" not found',
        "reason": "NotFound",
        "details": {"name": "b", "kind": "configmaps"},
        "code": 404,
    }
    missing = api("GET", f"{api.canaries}/b").json()
    assert missing["message"] == 'canaries.flagger.app "b" not found'
    assert missing["details"] == {"name": "b", "group": "flagger.app", "kind": "canaries"}


@pytest.mark.parametrize("path", ["/apis/nothing.here/v1/things", "/apis/flagger.app/v7/canaries"])
def test_path_that_is_not_served(api, path):
    answer = api("GET", path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_resource_that_is_not_served(api):
    answer = api("GET", f"/apis/apps/v1/namespaces/{api.namespace}/things")
    assert answer.status_code == 404


def test_list_says_what_it_is(api):
    api.config_map("a")
    found = api("GET", api.config).json()
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(found["metadata"]["resourceVersion"]) > 0
    found = api("GET", api.canaries).json()
    assert (found["kind"], found["apiVersion"], found["items"]) == ("CanaryList", "flagger.app/v1beta1", [])


def test_pages_are_of_one_moment(api):
    for number in range(7):
        api.config_map(f"c{number}")
    mine = {"labelSelector": "!kubernetes.io/metadata.name", "fieldSelector": "metadata.name!=kube-root-ca.crt"}
    first = api("GET", api.config, limit=3).json()
    token = first["metadata"]["continue"]
    found = [item["metadata"]["name"] for item in first["items"]]
    assert len(found) == 3
    assert first["metadata"]["remainingItemCount"] >= 4
    api.config_map("c9")
    api("DELETE", f"{api.config}/c6")
    versions = {first["metadata"]["resourceVersion"]}
    while token:
        page = api("GET", api.config, limit=3, **{"continue": token}).json()
        found += [item["metadata"]["name"] for item in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        token = page["metadata"].get("continue")
    assert [name for name in found if name.startswith("c")] == [f"c{number}" for number in range(7)]
    assert len(versions) == 1
    assert "remainingItemCount" not in api("GET", api.config, limit=3, **mine).json()["metadata"]


def test_continue_token_that_is_none(api):
    answer = api("GET", api.config, limit=3, **{"continue": "nonsense"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


def test_label_selectors(api):
    api.config_map("a", {"app": "x", "tier": "web"})
    api.config_map("b", {"app": "y"})
    assert names(api("GET", api.config, labelSelector="app=x")) == ["a"]
    assert names(api("GET", api.config, labelSelector="app!=x,app")) == ["b"]
    assert names(api("GET", api.config, labelSelector="app in (x,y),tier")) == ["a"]
    assert names(api("GET", api.config, labelSelector="!tier,app")) == ["b"]
    assert names(api("GET", api.config, labelSelector="app notin (x),app")) == ["b"]
    assert api("GET", api.config, labelSelector="app in").status_code == 400


def test_field_selectors(api):
    api.config_map("a")
    api.config_map("b")
    assert names(api("GET", api.config, fieldSelector="metadata.name=b")) == ["b"]
    refused = api("GET", api.config, fieldSelector="data.x=1")
    assert refused.status_code == 400
    assert "data.x" in refused.json()["message"]


def test_watch_tells_what_happened_since_a_version(api):
    version = api.config_map("a")["metadata"]["resourceVersion"]
    api.merged(f"{api.config}/a", {"data": {"x": "2"}})
    api("DELETE", f"{api.config}/a")
    events = api.watch(api.config, resourceVersion=version, fieldSelector="metadata.name=a")
    assert types(events) == ["MODIFIED", "DELETED"]
    assert events[0]["object"]["kind"] == "ConfigMap"
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_watch_without_a_version_begins_with_what_there_is(api):
    api.config_map("a")
    for query in ({}, {"resourceVersion": "0"}):
        events = api.watch(api.config, fieldSelector="metadata.name=a", **query)
        assert types(events) == ["ADDED"]


def test_bookmark_tells_of_what_a_watch_does_not_show(api):
    version = api.config_map("a")["metadata"]["resourceVersion"]
    other = threading.Timer(0.5, api.config_map, args=("b",))
    other.start()
    query = {"fieldSelector": "metadata.name=a", "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    events = api.watch(api.config, resourceVersion=version, **query)
    other.join()
    assert {event["type"] for event in events} == {"BOOKMARK"}
    bookmark = events[0]["object"]
    assert int(bookmark["metadata"]["resourceVersion"]) > int(version)
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("ConfigMap", "v1")
    assert "name" not in bookmark["metadata"]


def test_watch_sees_what_crosses_its_selector(api):
    version = api.config_map("a", {"app": "x"})["metadata"]["resourceVersion"]
    for app in ("y", "x"):
        api.merged(f"{api.config}/a", {"metadata": {"labels": {"app": app}}})
    events = api.watch(api.config, resourceVersion=version, labelSelector="app=x")
    assert types(events) == ["DELETED", "ADDED"]
    assert events[0]["object"]["metadata"]["labels"] == {"app": "x"}
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) > int(version)


def test_watch_delivers_at_once(api):
    version = api.config_map("a")["metadata"]["resourceVersion"]
    query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "30", "fieldSelector": "metadata.name=b"}
    with api.http.stream("GET", api.config, params=query) as response:
        lines = response.iter_lines()
        other = threading.Thread(target=api.config_map, args=("b",))
        other.start()
        assert json.loads(next(lines))["object"]["metadata"]["name"] == "b"
        other.join()


def test_watch_of_a_version_that_is_forgotten(api):
    assert api("GET", api.canaries).status_code == 200
    (event,) = api.watch(api.canaries, resourceVersion="1")
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


def test_version_that_is_still_to_come(api):
    answer = api("GET", api.config, resourceVersion="99999999999")
    assert answer.status_code == 504
    status = answer.json()
    assert status["reason"] == "Timeout"
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("query", [{}, {"allowWatchBookmarks": "true"}], ids=["plain", "bookmarks"])
def test_watch_of_a_version_that_is_still_to_come_is_silent(api, query):
    # Also right before its end, when a bookmark would be due.
    assert api.watch(api.config, resourceVersion="99999999999", timeoutSeconds="4", **query) == []


def test_watch_of_a_version_that_is_still_to_come_tells_what_comes_after_it(api):
    version = int(api.config_map("a")["metadata"]["resourceVersion"])
    later = version + 5
    stored = []

    def change():
        while not stored or stored[-1] <= later + 2:
            obj = api.merged(f"{api.config}/a", {"data": {"x": str(len(stored))}})
            stored.append(int(obj["metadata"]["resourceVersion"]))

    other = threading.Timer(0.5, change)
    other.start()
    events = api.watch(api.config, resourceVersion=str(later), fieldSelector="metadata.name=a", timeoutSeconds="4")
    other.join()
    told = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert told == [each for each in stored if each > later]


def test_bookmark_never_repeats_the_version_that_a_watch_began_at(api):
    obj = api.config_map("a")
    for number in range(3):
        obj = api.merged(f"{api.config}/a", {"data": {"x": str(number)}})
    version = int(obj["metadata"]["resourceVersion"])
    query = {"fieldSelector": "metadata.name=a", "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    events = api.watch(api.config, resourceVersion=str(version), **query)
    assert all(int(event["object"]["metadata"]["resourceVersion"]) > version for event in events)


def test_version_that_is_no_number(api):
    assert api("GET", api.config, resourceVersion="nonsense").status_code == 400


def test_discovery_names_what_is_served(api):
    groups = [group["name"] for group in api("GET", "/apis").json()["groups"]]
    assert {"apps", "flagger.app", "networking.istio.io"} <= set(groups)
    resources = {r["name"]: r for r in api("GET", "/apis/flagger.app/v1beta1").json()["resources"]}
    canaries = resources["canaries"]
    assert (canaries["kind"], canaries["shortNames"], canaries["categories"]) == ("Canary", ["cn"], ["all"])
    assert resources["canaries/status"]["verbs"] == ["get", "patch", "update"]
    versions = api("GET", "/apis/networking.istio.io").json()["versions"]
    assert [version["version"] for version in versions] == ["v1", "v1beta1", "v1alpha3"]
    assert api("GET", "/readyz").status_code == 200
