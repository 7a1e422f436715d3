"""The API server that the suite looks at: that of CLUSTER (a control plane) or MESH (with istiod), or a sandbox."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.cluster.access import Access
from testbed.sandbox.__main__ import ARTIFACTS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import Cluster

Json = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
PATIENCE_SECONDS = 30


class Api:
    """Requests to the API server, most of them about one namespace."""

    def __init__(self, http: httpx.Client, namespace: str) -> None:
        self.http = http
        self.namespace = namespace
        namespaced = f"namespaces/{namespace}"
        self.config = f"/api/v1/{namespaced}/configmaps"
        self.events = f"/api/v1/{namespaced}/events"
        self.services = f"/api/v1/{namespaced}/services"
        self.deployments = f"/apis/apps/v1/{namespaced}/deployments"
        self.stateful_sets = f"/apis/apps/v1/{namespaced}/statefulsets"
        self.daemon_sets = f"/apis/apps/v1/{namespaced}/daemonsets"
        self.canaries = f"/apis/flagger.app/v1beta1/{namespaced}/canaries"
        self.routes = f"/apis/networking.istio.io/v1/{namespaced}/virtualservices"
        self.leases = f"/apis/coordination.k8s.io/v1/{namespaced}/leases"
        self.quotas = f"/api/v1/{namespaced}/resourcequotas"

    def __call__(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: object
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        return self.http.request(method, path, content=content, headers={"Content-Type": kind}, params=query)

    def made(self, path: str, obj: Json) -> Json:
        """Create an object, which must be possible."""
        answer = self("POST", path, obj)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def config_map(self, name: str, labels: Json | None = None, **data: str) -> Json:
        return self.made(self.config, {"metadata": {"name": name, "labels": labels or {}}, "data": data})

    def merged(self, path: str, patch: Json) -> Json:
        """Apply a merge patch, which must be possible."""
        answer = self("PATCH", path, patch, kind=MERGE_PATCH)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def watch(self, path: str, **query: object) -> list[Json]:
        """Return the events of a watch of a second."""
        form = {"watch": "true", "timeoutSeconds": "1", **query}
        with self.http.stream("GET", path, params=form) as response:
            return [json.loads(line) for line in response.iter_lines()]

    def shown(self, path: str, name: str, *, seconds: int = PATIENCE_SECONDS, since: str = "") -> Iterator[Json]:
        """Yield an object as a watch shows it for some seconds, from now on or since a version."""
        form = {"watch": "true", "timeoutSeconds": str(seconds), "fieldSelector": f"metadata.name={name}"}
        version = {"resourceVersion": since} if since else {}
        with self.http.stream("GET", path, params=form | version, timeout=seconds + 10) as response:
            for line in response.iter_lines():
                yield json.loads(line)["object"]

    def until(self, path: str, name: str, holds: Callable[[Json], object]) -> Json:
        """Return an object as soon as something holds of it."""
        seen: list[Json] = []
        for obj in self.shown(path, name):
            seen.append(obj)
            if holds(obj):
                return obj
        raise AssertionError(f"waited in vain; {name} was last {seen[-1:]}")


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    state = os.environ.get("CLUSTER") or os.environ.get("MESH")
    if state:
        places = json.loads(Path(state).read_text())
        with Access.of(Path(places["directory"]) / "access", places["server"]).client("admin") as client:
            yield client
        return
    with Cluster(pod_delay=timedelta(milliseconds=800), tick=timedelta(milliseconds=50)) as cluster:  # as there
        cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, ARTIFACTS / "flagger" / "crd.yaml"])
        with httpx.Client(base_url=cluster.api.url, timeout=10) as client:
            yield client


@pytest.fixture
def api(http) -> Iterator[Api]:
    found = Api(http, f"conformance-{uuid.uuid4().hex[:8]}")
    found.made("/api/v1/namespaces", {"metadata": {"name": found.namespace}})
    yield found
    found("DELETE", f"/api/v1/namespaces/{found.namespace}")
