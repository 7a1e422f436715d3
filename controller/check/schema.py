"""Whether the served schema of Canary is the one that this version knows. Pure.

The API server drops fields that a schema lacks, without a word: a status that is dropped is a rollout that forgets
where it was. An older CRD does that, and so does that of another operator of the same name and version.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from controller.resources import CANARIES

_SPEC = ("targetKind", "virtualService", "routeRef", "primary", "canary", "canaryAnalysis")
_ANALYSIS = (
    *("threshold", "maxWeight", "stepWeight", "interval", "inconclusiveLimit", "drainSeconds", "promotion"),
    *("reporter", "metrics"),
)
_METRICS = (
    *("name", "threshold", "quantile", "protocol", "query", "templateRef", "templateVariables", "thresholdRange"),
    *("unit", "interval"),
)
_STATUS = (
    *("state", "stage", "phase", "canaryRevision", "canaryGeneration", "canaryUID", "canaryReplicas", "failedChecks"),
    *("inconclusiveChecks", "canaryWeight", "previousWeight", "startTime", "trafficStartTime", "drainStartTime"),
    *("lastCheckTime", "lastTransitionTime", "observedGeneration", "conditions", "checks"),
    *("failedRevisions", "obeyed", "fenceOwed", "version", "reason", "message", "nextCheckTime", "history"),
)
FIELDS: Mapping[str, tuple[str, ...]] = {
    "spec": _SPEC,
    "spec.canaryAnalysis": _ANALYSIS,
    "spec.canaryAnalysis.metrics": _METRICS,  # of each item
    "status": _STATUS,
}

Json = Mapping[str, Any]


def missing_fields(openapi: Json) -> tuple[str, ...]:
    """Return which fields the Canary of an OpenAPI document lacks; none if it does not describe it.

    Args:
        openapi: what stands at ``/openapi/v3/apis/flagger.app/v1beta1``.
    """
    schemas = (openapi.get("components") or {}).get("schemas") or {}
    gvk = {"group": CANARIES.group, "version": CANARIES.version, "kind": CANARIES.kind}
    for schema in schemas.values():
        if gvk in (schema.get("x-kubernetes-group-version-kind") or ()):
            return tuple(_missing(schema))
    return ()


def _missing(schema: Json) -> Iterator[str]:
    for path, fields in FIELDS.items():
        inner = _at(schema, path)
        if inner.get("x-kubernetes-preserve-unknown-fields"):
            continue
        known = inner.get("properties") or {}
        yield from (f"{path}.{field}" for field in fields if field not in known)


def _at(schema: Json, path: str) -> Json:
    """Return the schema of a field, or of the items of a list."""
    for step in path.split("."):
        schema = (schema.get("properties") or {}).get(step) or {}
        schema = schema.get("items") or schema
    return schema
