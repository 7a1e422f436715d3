"""What an API server does to objects on their way in: defaults, pruning, validation."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema

from testbed.sandbox.api.kinds import Kind
from testbed.sandbox.api.rules import MISSING, Cause, broken_rules

Json = dict[str, Any]

_REASONS = {"required": "FieldValueRequired", "enum": "FieldValueNotSupported", "type": "FieldValueTypeInvalid"}
_KEEP = "x-kubernetes-preserve-unknown-fields"
_TOP_LEVEL = frozenset({"apiVersion", "kind", "metadata"})
_DEPLOYMENT_SPEC = {
    *("replicas", "selector", "template", "strategy", "minReadySeconds", "revisionHistoryLimit", "paused"),
    "progressDeadlineSeconds",
}
_STATEFUL_SET_SPEC = {
    *("replicas", "selector", "template", "serviceName", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"),
    *("podManagementPolicy", "volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy", "ordinals"),
}
_DAEMON_SET_SPEC = {"selector", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"}


def defaulted(kind: Kind, version: str, obj: Json) -> Json:
    """Return the object with defaults filled in and unknown fields pruned."""
    if kind.kind == "Deployment":
        return _deployment_defaults(obj)
    if kind.kind == "StatefulSet":
        return _stateful_set_defaults(obj)
    if kind.kind == "DaemonSet":
        return _daemon_set_defaults(obj)
    if kind.kind == "Service" and kind.group == "":
        return _service_defaults(obj)
    schema = kind.schemas.get(version)
    if not schema:
        return obj
    kept = {key: obj[key] for key in _TOP_LEVEL if key in obj}
    rest = _shaped({key: value for key, value in obj.items() if key not in _TOP_LEVEL}, schema)
    return {**kept, **rest}


def problems(kind: Kind, version: str, obj: Json, old: Json | None) -> Sequence[Cause]:
    """Return what does not fit the schema; what fits it, but not its rules."""
    schema = kind.schemas.get(version)
    if not schema:
        return ()
    body = {key: value for key, value in obj.items() if key not in _TOP_LEVEL}
    validator = jsonschema.Draft202012Validator(_plain(schema))
    found = [_cause(error) for error in sorted(validator.iter_errors(body), key=lambda e: e.json_path)]
    return found or list(broken_rules(schema, body, MISSING if old is None else old))


def unknown_fields(kind: Kind, version: str, obj: Json) -> Sequence[str]:
    """Return the paths of the fields that are pruned."""
    schema = kind.schemas.get(version)
    if not schema:
        return ()
    body = {key: value for key, value in obj.items() if key not in _TOP_LEVEL}
    return sorted(_lost(body, _shaped(body, schema), ""))


def _lost(before: Any, after: Any, path: str) -> Iterator[str]:  # noqa: ANN401  # JSON
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            where = f"{path}.{key}".lstrip(".")
            if key not in after:
                if value is not None:
                    yield where
            else:
                yield from _lost(value, after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _lost(old, new, f"{path}[{index}]")


def _cause(error: jsonschema.ValidationError) -> Cause:
    field = error.json_path.removeprefix("$.").removeprefix("$")
    missing = ""
    if error.validator == "required":
        present = error.instance if isinstance(error.instance, dict) else {}
        missing = next((name for name in _schema_of(error)["required"] if name not in present), "")
        field = f"{field}.{missing}".strip(".")
    reason = _REASONS.get(str(error.validator), "FieldValueInvalid")
    return (field, reason, "Required value" if missing else f"Invalid value: {error.message}")


def _schema_of(error: jsonschema.ValidationError) -> Json:
    return dict(error.schema) if isinstance(error.schema, dict) else {}


def _plain(schema: Any) -> Any:  # noqa: ANN401  # JSON schema
    """Return the schema as JSON schema: without formats that no validator knows, ``nullable`` spelt out."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {k: _plain(v) for k, v in schema.items() if not k.startswith("x-") and k not in {"default", "format"}}
    if schema.get("nullable") and "type" in schema:
        plain["type"] = [schema["type"], "null"]
    if isinstance(plain.get("exclusiveMinimum"), bool):
        plain.pop("exclusiveMinimum")
        plain["exclusiveMinimum"] = plain.pop("minimum")
    return plain


def _shaped(value: Any, schema: Json) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, list):
        items = schema.get("items")
        return [_shaped(item, items) for item in value] if items else value
    if not isinstance(value, dict):
        return value
    return _shaped_object(value, schema)


def _shaped_object(value: Json, schema: Json) -> Json:
    fields = schema.get("properties") or {}
    anything = schema.get("additionalProperties")
    shaped: Json = {}
    for key, item in value.items():
        if key in fields:
            if item is None and "default" in fields[key] and not fields[key].get("nullable"):
                continue
            shaped[key] = _shaped(item, fields[key])
        elif anything or schema.get(_KEEP) or not fields:
            shaped[key] = _shaped(item, anything) if isinstance(anything, dict) else item
    for key, field in fields.items():
        if key not in shaped and "default" in field:
            shaped[key] = _shaped(copy.deepcopy(field["default"]), field)
    return shaped


def _deployment_defaults(obj: Json) -> Json:
    """Return a Deployment with the defaults of apps/v1 that show."""
    obj = copy.deepcopy(obj)
    spec = obj["spec"] = {key: value for key, value in (obj.get("spec") or {}).items() if key in _DEPLOYMENT_SPEC}
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    spec["strategy"] = spec.get("strategy") or rolling
    _default_template(spec)
    return obj


def _stateful_set_defaults(obj: Json) -> Json:
    """Return a StatefulSet with the defaults of apps/v1 that show."""
    obj = copy.deepcopy(obj)
    spec = obj["spec"] = {key: value for key, value in (obj.get("spec") or {}).items() if key in _STATEFUL_SET_SPEC}
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        rolling.setdefault("partition", 0)
    _default_template(spec)
    return obj


def _daemon_set_defaults(obj: Json) -> Json:
    """Return a DaemonSet with the defaults of apps/v1 that show."""
    obj = copy.deepcopy(obj)
    spec = obj["spec"] = {key: value for key, value in (obj.get("spec") or {}).items() if key in _DAEMON_SET_SPEC}
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    _default_template(spec)
    if not spec["template"]["spec"].get("nodeSelector"):
        spec["template"]["spec"].pop("nodeSelector", None)
    numbers = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    obj.setdefault("status", dict.fromkeys(numbers, 0))  # none of them can be left out
    return obj


def _default_template(spec: Json) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    pod = template.setdefault("spec", {})
    for key, value in (
        ("restartPolicy", "Always"),
        ("terminationGracePeriodSeconds", 30),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
    ):
        pod.setdefault(key, value)
    pod.setdefault("securityContext", {})
    for container in pod.get("containers") or ():
        container.setdefault("resources", {})
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _service_defaults(obj: Json) -> Json:
    obj = copy.deepcopy(obj)
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    if spec["type"] != "ExternalName":
        digits = sum(obj["metadata"]["name"].encode()) % 250 + 1
        spec.setdefault("clusterIP", f"10.96.0.{digits}")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    return obj
