"""What the user of the demonstration does to the cluster, and what they see of it: plain HTTP, as kubectl would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import yaml

Json = dict[str, Any]

NAMESPACE = "test"
_PATHS = MappingProxyType(
    {
        "Namespace": "/api/v1/namespaces",
        "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
        "Deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
        "HorizontalPodAutoscaler": f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers",
        "VirtualService": f"/apis/networking.istio.io/v1alpha3/namespaces/{NAMESPACE}/virtualservices",
        "Canary": f"/apis/flagger.app/v1beta1/namespaces/{NAMESPACE}/canaries",
        "Event": f"/api/v1/namespaces/{NAMESPACE}/events",
    }
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The canary and its parts at one moment, as the API server holds them."""

    canary: Json
    primary: Json
    workload: Json
    weights: tuple[int, int]  # percent: primary, canary
    events: tuple[Json, ...]  # in the order of their last change

    @property
    def status(self) -> Json:
        """Status of the canary object."""
        return self.canary.get("status") or {}


class User:
    """A person with a kubeconfig and the sandbox's switches."""

    def __init__(self, api: str, admin: str) -> None:
        self._http = httpx.Client(base_url=api, timeout=10)
        self._admin = httpx.Client(base_url=admin, timeout=10)

    def create(self, path: Path, change: Callable[[Json], None] = lambda _: None) -> None:
        """Create the objects of a file, each changed."""
        for obj in yaml.safe_load_all(path.read_text()):
            change(obj)
            self._checked(self._http.post(_PATHS[obj["kind"]], json=obj))

    def set_image(self, deployment: str, image: str) -> None:
        """Push a version: kubectl set image."""
        path = f"{_PATHS['Deployment']}/{deployment}"
        found = self._checked(self._http.get(path))
        containers = found["spec"]["template"]["spec"]["containers"]
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
        assert len(containers) == 1, "podinfo's workloads have one container"
        headers = {"Content-Type": "application/json-patch+json"}
        self._checked(self._http.patch(path, json=patch, headers=headers))

    def behave(self, workload: str, *, error_ratio: float = 0.0, latency_ms: float = 20.0) -> None:
        """Make a workload answer with errors or late, as a user would with a tester pod."""
        path = f"/mesh/{NAMESPACE}/{workload}"
        self._checked(self._admin.put(path, json={"errorRatio": error_ratio, "latencyMs": latency_ms}))

    def look(self) -> Snapshot:
        """Return how things stand."""
        routes = self._get("VirtualService", "podinfo")["spec"]["http"][0]["route"]
        return Snapshot(
            canary=self._get("Canary", "podinfo"),
            primary=self._get("Deployment", "podinfo"),
            workload=self._get("Deployment", "podinfo-canary"),
            weights=(routes[0].get("weight", 0), routes[1].get("weight", 0)),
            events=tuple(self.events()),
        )

    def events(self) -> Sequence[Json]:
        """Return all events in the order of their last change."""
        return sorted(self._checked(self._http.get(_PATHS["Event"]))["items"], key=version_of)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._admin.close()

    def _get(self, kind: str, name: str) -> Json:
        return self._checked(self._http.get(f"{_PATHS[kind]}/{name}"))

    def _checked(self, response: httpx.Response) -> Json:
        response.raise_for_status()
        answer: Json = response.json()
        return answer


def version_of(obj: Mapping[str, Any]) -> int:
    """Return the resource version of an object of the sandbox, where it is a number that only grows."""
    return int(obj["metadata"]["resourceVersion"])
