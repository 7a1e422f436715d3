"""The switches of the sandbox that another process can turn; what its API does is in tests/conformance."""

from datetime import timedelta

import httpx
import pytest

from testbed.sandbox.cluster import Cluster
from testbed.sandbox.faults import Fault

MERGE = {"Content-Type": "application/merge-patch+json"}
CONFIG = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def cluster():
    with Cluster(tick=timedelta(hours=1)) as running:
        yield running


def test_faults_can_be_switched_by_another_process(cluster):
    with httpx.Client(base_url=cluster.admin.url) as admin, httpx.Client(base_url=cluster.api.url) as api:
        assert "POST /faults" in admin.get("/").json()
        admin.post("/faults", json={"verb": "get", "resource": "configmaps", "code": 429, "retry_after": 3})
        api.post(CONFIG, json={"metadata": {"name": "a"}})
        throttled = api.get(f"{CONFIG}/a")
        assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "3")
        assert api.get(f"{CONFIG}/a").status_code == 200
        admin.post("/faults", json={"verb": "get", "resource": "configmaps", "drop": "before"})
        with pytest.raises(httpx.RemoteProtocolError):
            api.get(f"{CONFIG}/a")


def test_mesh_can_be_switched_by_another_process(cluster):
    with httpx.Client(base_url=cluster.admin.url) as admin:
        admin.put("/mesh/test/podinfo-canary", json={"errorRatio": 0.5})
        assert cluster.mesh.behaviours()["test/podinfo-canary"]["errorRatio"] == 0.5
        admin.delete("/mesh/test/podinfo-canary")
        assert cluster.mesh.behaviours() == {}
        admin.put("/mesh/test", json={"requestsPerSecond": 3})
        admin.put("/mesh/test", json={"routeLagSeconds": 2.5})
        assert (cluster.mesh.traffic, cluster.mesh.route_lags) == ({"test": 3.0}, {"test": 2.5})
        misspelt = admin.put("/mesh/test", json={"routeLag": 2})
        assert (misspelt.status_code, "routeLagSeconds" in misspelt.json()["error"]) == (400, True)
        wrong = admin.put("/nonsense", json={})
        assert (wrong.status_code, "GET / shows" in wrong.json()["error"]) == (400, True)


def test_write_is_not_carried_out_for_a_client_that_has_left(cluster):
    with httpx.Client(base_url=cluster.api.url) as api:
        api.post(CONFIG, json={"metadata": {"name": "a"}})
        cluster.api.faults.add(Fault(verb="patch", resource="configmaps", hang=True))
        with pytest.raises(httpx.ReadTimeout):
            api.patch(f"{CONFIG}/a", json={"data": {"left": "yes"}}, headers=MERGE, timeout=0.1)
        cluster.api.faults.clear()
        while not [logged for logged in cluster.api.log.of("") if logged.verb == "patch"]:
            assert api.get(f"{CONFIG}/a").is_success
        assert "data" not in api.get(f"{CONFIG}/a").json()


def test_pages_of_before_a_compaction_are_gone(cluster):
    with httpx.Client(base_url=cluster.api.url) as api:
        for name in "abc":
            api.post(CONFIG, json={"metadata": {"name": name}})
        token = api.get(CONFIG, params={"limit": 1}).json()["metadata"]["continue"]
        assert api.get(CONFIG, params={"limit": 1, "continue": token}).status_code == 200
        api.post(CONFIG, json={"metadata": {"name": "d"}})
        cluster.api.store.compact()
        gone = api.get(CONFIG, params={"limit": 1, "continue": token})
        assert (gone.status_code, gone.json()["reason"]) == (410, "Expired")


def test_a_fault_can_be_confined_to_a_namespace_and_a_review_of_access_agrees(cluster):
    def allowed(namespace):
        asked = {"verb": "get", "resource": "configmaps", "namespace": namespace}
        spec = {"spec": {"resourceAttributes": asked}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return api.post(path, json=spec).json()["status"]["allowed"]

    with httpx.Client(base_url=cluster.admin.url) as admin, httpx.Client(base_url=cluster.api.url) as api:
        fault = {"verb": "get", "resource": "configmaps", "namespace": "default", "code": 403, "count": -1}
        admin.post("/faults", json=fault)
        elsewhere = CONFIG.replace("default", "kube-system")
        assert (api.get(f"{CONFIG}/a").status_code, api.get(f"{elsewhere}/a").status_code) == (403, 404)
        assert (allowed("default"), allowed("kube-system")) == (False, True)


def test_requests_can_be_counted_by_another_process(cluster):
    with httpx.Client(base_url=cluster.admin.url) as admin, httpx.Client(base_url=cluster.api.url) as api:
        for name in "aab":
            api.get(f"{CONFIG}/{name}", headers={"User-Agent": "somebody"})
        (counted,) = admin.get("/requests").json()["requests"]
        what = {"userAgent": "somebody", "namespace": "default", "verb": "get", "resource": "configmaps"}
        assert counted == {**what, "subresource": "", "code": 404, "count": 3, "objects": 2}
