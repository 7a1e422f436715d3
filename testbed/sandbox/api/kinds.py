"""Which kinds are served. Built-in ones stand here; a CustomResourceDefinition adds its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CRD_GROUP = "apiextensions.k8s.io"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind, in all its versions."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False  # has a status subresource
    scale: bool = False  # has a scale subresource
    generation: bool = False  # counts generations of its spec
    immutable: tuple[str, ...] = ()  # fields of its spec
    schemas: Mapping[str, Json] = field(default_factory=dict)  # custom kinds: OpenAPI schema by version
    columns: Mapping[str, Sequence[Json]] = field(default_factory=dict)  # custom kinds: printer columns by version
    fields: frozenset[str] = frozenset()  # that can be selected by, besides name and namespace
    since: int = 0  # custom kinds: the version at which they came, before which nothing is remembered

    @property
    def selectable(self) -> frozenset[str]:
        """Fields that can be selected by."""
        return self.fields | {"metadata.name", "metadata.namespace"}

    @property
    def singular(self) -> str:
        """Lower-case kind, as kubectl takes it."""
        return self.kind.lower()

    def api_version(self, version: str) -> str:
        """``group/version``, or ``version`` in the core group."""
        return f"{self.group}/{version}" if self.group else version


def _core(  # what kinds differ in
    kind: str,
    plural: str,
    short: str = "",
    *,
    namespaced: bool = True,
    status: bool = False,
    fields: Sequence[str] = (),
) -> Kind:
    names = (short,) if short else ()
    return Kind("", ("v1",), kind, plural, namespaced, names, status=status, fields=frozenset(fields))


def _rbac(kind: str, plural: str, *, namespaced: bool) -> Kind:
    return Kind("rbac.authorization.k8s.io", ("v1",), kind, plural, namespaced)


_EVENT_FIELDS = [
    *(f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
    *("reason", "reportingComponent", "source", "type"),
]

BUILT_IN: tuple[Kind, ...] = (
    _core("Namespace", "namespaces", "ns", namespaced=False, status=True),
    _core("Node", "nodes", "no", namespaced=False, status=True),
    _core("Pod", "pods", "po", status=True, fields=["spec.nodeName", "status.phase"]),
    _core("Service", "services", "svc", status=True),
    _core("Event", "events", "ev", fields=_EVENT_FIELDS),
    _core("ConfigMap", "configmaps", "cm"),
    _core("Secret", "secrets"),
    _core("ServiceAccount", "serviceaccounts", "sa"),
    _core("ResourceQuota", "resourcequotas", "quota", status=True),
    Kind(
        "apps",
        ("v1",),
        "Deployment",
        "deployments",
        short_names=("deploy",),
        categories=("all",),
        status=True,
        scale=True,
        generation=True,
    ),
    Kind(
        "apps",
        ("v1",),
        "StatefulSet",
        "statefulsets",
        short_names=("sts",),
        categories=("all",),
        immutable=("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
        status=True,
        scale=True,
        generation=True,
    ),
    Kind(
        "apps",
        ("v1",),
        "DaemonSet",
        "daemonsets",
        short_names=("ds",),
        categories=("all",),
        immutable=("selector",),
        status=True,
        generation=True,
    ),
    Kind(
        "autoscaling",
        ("v2", "v1", "v2beta1"),
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short_names=("hpa",),
        status=True,
    ),
    Kind("coordination.k8s.io", ("v1",), "Lease", "leases"),
    _rbac("Role", "roles", namespaced=True),
    _rbac("RoleBinding", "rolebindings", namespaced=True),
    _rbac("ClusterRole", "clusterroles", namespaced=False),
    _rbac("ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind(
        CRD_GROUP,
        ("v1",),
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
        short_names=("crd",),
        status=True,
        generation=True,
    ),
)


def from_crd(crd: Json, since: int = 0) -> Kind:
    """Return the kind that a CustomResourceDefinition describes; KeyError if it lacks what is required."""
    spec = crd["spec"]
    names = spec["names"]
    served = [version for version in spec["versions"] if version.get("served")]
    return Kind(
        group=spec["group"],
        versions=tuple(version["name"] for version in served),
        kind=names["kind"],
        plural=names["plural"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status=any("status" in (version.get("subresources") or {}) for version in served),
        generation=True,
        schemas={v["name"]: (v.get("schema") or {}).get("openAPIV3Schema") or {} for v in served},
        since=since,
        columns={v["name"]: v.get("additionalPrinterColumns") or () for v in served},
    )


def built_in(kind: str) -> Kind:
    """Return a kind that every API server has."""
    return next(known for known in BUILT_IN if known.kind == kind)
