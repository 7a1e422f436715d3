"""What a CustomResourceDefinition lays down beyond shapes: rules in CEL, and lists that are maps."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import cel

Json = dict[str, Any]
Cause = tuple[str, str, str]  # field, reason, message

MISSING = object()


def broken_rules(schema: Json, value: Any, old: Any = MISSING, path: str = "") -> Iterator[Cause]:  # noqa: ANN401  # JSON
    """Yield every rule that a value breaks, its parts included.

    Args:
        schema: OpenAPI schema of the value.
        value: as it would be stored.
        old: as it is stored, if it is; rules about ``oldSelf`` are about changes only.
        path: of the value, for messages.
    """
    yield from _broken_here(schema, value, old, path)
    if isinstance(value, dict):
        for name, field in (schema.get("properties") or {}).items():
            if name in value:
                before = old.get(name, MISSING) if isinstance(old, dict) else MISSING
                yield from broken_rules(field, value[name], before, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and schema.get("items"):
        for index, item in enumerate(value):  # items of lists have no past: lists are replaced
            yield from broken_rules(schema["items"], item, MISSING, f"{path}[{index}]")


def _broken_here(schema: Json, value: Any, old: Any, path: str) -> Iterator[Cause]:  # noqa: ANN401  # JSON
    if schema.get("x-kubernetes-list-type") == "map":
        yield from _twice(value, schema["x-kubernetes-list-map-keys"], path)
    for rule in schema.get("x-kubernetes-validations") or ():
        if "oldSelf" in rule["rule"] and old is MISSING:
            continue
        if not _holds(rule["rule"], value, None if old is MISSING else old):
            yield path, "FieldValueInvalid", f"Invalid value: {rule.get('message') or 'failed rule: ' + rule['rule']}"


def _twice(items: list[Json], names: list[str], path: str) -> Iterator[Cause]:
    seen: list[Json] = []
    for index, item in enumerate(items):
        keys = {name: item.get(name) for name in names}
        if keys in seen:
            yield f"{path}[{index}]", "FieldValueDuplicate", f"Duplicate value: {keys}"
        seen.append(keys)


def _holds(rule: str, value: Any, old: Any) -> bool:  # noqa: ANN401  # JSON
    context = cel.Context()
    context.add_function("sum", sum)  # of Kubernetes' own library for lists
    context.add_variable("self", value)
    context.add_variable("oldSelf", old)
    try:
        return bool(_compiled(rule).execute(context))
    except (RuntimeError, TypeError, ValueError):
        return False  # a rule that cannot be evaluated does not hold


@cache
def _compiled(rule: str) -> cel.Program:
    return cel.compile(rule)
