"""The API reference: from the CustomResourceDefinition to Markdown. Pure.

Field names, types, bounds, defaults and rules are the schema's; only the conditions stand here, since a schema has no
place for them. A test holds them against the code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

HEAD = """\
# The Canary object

<!-- Made by `python -m hack.docs` from artifacts/flagger/crd.yaml and hack/docs/api.py. Do not edit. -->

`{group}/{version}`, kind `{kind}`, namespaced. `kubectl get {plural}`, short name `{short}`; it is also part of
`kubectl get all`. `kubectl explain canary.spec.canaryAnalysis` shows the same texts on your cluster.

A field in **bold** is required. `kubectl apply` refuses unknown fields; for other clients the API server drops them.

The annotations `flagger.app/abort`, `promote`, `retry` and `hold` control a rollout
([abort, retry, promote, go back](abort-retry-promote.md)).
"""

EXAMPLE = """\
## Example

```yaml
{example}```

Since Istio 1.5 the duration is `istio_request_duration_milliseconds_bucket`. Both thresholds are in milliseconds.
"""

CONDITIONS_HEAD = """\
`Promoted` says how the last rollout ended, or what a running one is doing. `Ready` says whether something needs fixing.
During a rollback and its drain, `Promoted` is `Unknown` and already has the reason of the end.
[Every gate and its reason](gates.md)."""

_WIDEST = 70  # characters that a cell with the values of a field may take


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition says, by its status and reason."""

    type: str
    status: str
    reason: str
    meaning: str


CONDITIONS: Sequence[Condition] = (
    Condition("Promoted", "Unknown", "RolloutRunning", "a rollout is running"),
    Condition("Promoted", "Unknown", "PrimaryPaused", "it waits: the primary Deployment is paused"),
    Condition("Promoted", "Unknown", "PrimaryScaledToZero", "it waits: the primary Deployment is scaled to 0"),
    Condition("Promoted", "Unknown", "CanaryPaused", "it waits: the canary Deployment is paused"),
    Condition("Promoted", "Unknown", "Held", "it waits: somebody holds it (`flagger hold`)"),
    Condition("Promoted", "True", "Promoted", "the primary runs the revision"),
    Condition("Promoted", "True", "NothingToRollOut", "the primary already ran that template"),
    Condition("Promoted", "False", "FailedChecks", "rolled back: `threshold` checks have failed"),
    Condition("Promoted", "False", "NoEvidence", "rolled back: not enough data in `inconclusiveLimit` rounds in a row"),
    Condition("Promoted", "False", "ProgressDeadlineExceeded", "rolled back: no pod became available in time"),
    Condition("Promoted", "False", "WorkloadDeleted", "rolled back: the canary Deployment was deleted"),
    Condition("Promoted", "False", "Aborted", "rolled back: somebody asked for it (`flagger abort`)"),
    Condition("Promoted", "False", "FailedBefore", "rolled back: this revision failed before and was not retried"),
    Condition("Ready", "True", "PartsFound", "route, services and Deployments are in order"),
    Condition("Ready", "False", "InvalidSpec", "the spec is invalid; nothing else is done until it is fixed"),
    Condition("Ready", "False", "CanaryUnreadable", "the object cannot be read, its status for example"),
    Condition("Ready", "False", "KindNotServed", "the cluster lacks the kind of the route or of the workloads"),
    Condition("Ready", "False", "KindForbidden", "the controller may not list a kind that the object names"),
    Condition("Ready", "False", "SharedWithOlderCanary", "an older canary object names the same Deployment or route"),
    Condition("Ready", "False", "WorkloadNotFound", "a Deployment is missing"),
    Condition("Ready", "False", "WorkloadUnreadable", "a Deployment is malformed"),
    Condition("Ready", "False", "RouteNotFound", "the VirtualService or HTTPRoute is missing"),
    Condition(
        "Ready", "False", "RouteNotUsable", "no HTTP route holds both hosts and nothing else, or it cannot be read"
    ),
    Condition("Ready", "False", "ServiceNotUsable", "a service is missing, has no HTTP port, or selects other pods"),
    Condition("Ready", "False", "MetricTemplateNotUsable", "a MetricTemplate is missing, or its query cannot be asked"),
    Condition(
        "Ready", "False", "PrimaryNotServing", "the end of a rollout waits for the primary to take the traffic back"
    ),
    Condition(
        "Ready", "False", "WriteRefused", "a permission, policy, webhook or quota refuses what the controller writes"
    ),
    Condition("Ready", "False", "TrafficToNothing", "at rest: the route sends requests to a side without pods"),
)


def reference(crd: Json, example: str) -> str:
    """Return the page.

    Args:
        crd: the CustomResourceDefinition.
        example: a Canary object as YAML.
    """
    names = crd["spec"]["names"]
    version = crd["spec"]["versions"][0]
    fields = version["schema"]["openAPIV3Schema"]["properties"]
    head = HEAD.format(
        group=crd["spec"]["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        short=names["shortNames"][0],
    )
    parts = [
        head,
        EXAMPLE.format(example=example),
        _section("spec", fields["spec"]),
        _rules(fields["spec"]),
        _section("status", fields["status"]),
        _conditions(),
        _columns(version["additionalPrinterColumns"]),
    ]
    return "\n".join(parts)


def _section(name: str, schema: Json) -> str:
    rows = [f"## {name}", "", schema["description"], "", "| field | type | what it is |", "|---|---|---|"]
    must = name == "spec"  # nobody but the controller writes the status
    rows += [_row(path, field, required=must and required) for path, field, required in _fields(schema)]
    return "\n".join([*rows, ""])


def _fields(schema: Json, prefix: str = "") -> Iterator[tuple[str, Json, bool]]:
    """Yield every field below a schema with its path and whether it must be there."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():  # none: a list of strings
        path = f"{prefix}{name}"
        yield path, field, name in required
        if field["type"] == "object":
            yield from _fields(field, f"{path}.")
        elif field["type"] == "array":
            yield from _fields(field["items"], f"{path}[].")


def _row(path: str, field: Json, *, required: bool) -> str:
    shown = f"**`{path}`**" if required else f"`{path}`"
    default = f"; by default `{field['default']}`" if "default" in field else ""
    text = field["description"]
    if len(_choices(field)) > _WIDEST:
        text = f"{text} One of {_choices(field)}."
    return f"| {shown} | {_type(field)}{default} | {text} |"


def _type(field: Json) -> str:
    """Return the type with its bounds."""
    if "enum" in field and len(_choices(field)) <= _WIDEST:
        return _choices(field)
    kind = {"array": "list", "date-time": "time"}.get(field.get("format") or field["type"]) or str(field["type"])
    bounds = [
        f"at least {field['minimum']}" if "minimum" in field else "",
        f"at most {field['maximum']}" if "maximum" in field else "",
        f"at most {field['maxItems']} entries" if "maxItems" in field else "",
        f"at most {field['maxLength']} characters" if "maxLength" in field else "",
    ]
    return ", ".join([kind, *filter(None, bounds)])


def _choices(field: Json) -> str:
    return " or ".join(f"`{value}`" for value in field.get("enum", ()))


def _rules(spec: Json) -> str:
    lines = [
        "### Rules",
        "",
        "The API server checks them, so an object that cannot work is refused when it is applied:",
        "",
        "| where | rule | message |",
        "|---|---|---|",
    ]
    for path, schema in _objects(spec, "spec"):
        if "pattern" in schema:
            lines.append(f"| `{path}` | `{_escaped(schema['pattern'])}` | must match |")
        lines += [
            f"| `{path}` | `{_escaped(rule['rule'])}` | {rule['message']} |"
            for rule in schema.get("x-kubernetes-validations", ())
        ]
    lines += ["", "A name may stand only once in `spec.canaryAnalysis.metrics`.", ""]
    return "\n".join(lines)


def _escaped(code: str) -> str:
    """Return code as it may stand in a table."""
    return code.replace("|", "\\|")


def _objects(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        if field["type"] == "array":
            yield from _objects(field["items"], f"{path}.{name}[]")
        else:
            yield from _objects(field, f"{path}.{name}")


def _conditions() -> str:
    lines = ["### Conditions", "", CONDITIONS_HEAD, "", "| type | status | reason | meaning |", "|---|---|---|---|"]
    lines += [f"| {c.type} | {c.status} | `{c.reason}` | {c.meaning} |" for c in CONDITIONS]
    return "\n".join([*lines, ""])


def _columns(columns: Sequence[Json]) -> str:
    lines = ["## Columns of `kubectl get`", "", "| column | shows | |", "|---|---|---|"]
    for column in columns:
        wide = "with `-o wide`" if column.get("priority") else ""
        lines.append(f"| {column['name'].upper()} | `{column['jsonPath']}` | {wide} |")
    return "\n".join([*lines, ""])
