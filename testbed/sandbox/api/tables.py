"""Tables, as ``kubectl get`` asks for them."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from testbed.sandbox.api.kinds import Kind

Json = dict[str, Any]
Cell = Callable[[Json], Any]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def table(kind: Kind, version: str, items: Sequence[Json], now: datetime, meta: Json) -> Json:
    """Return a Table of objects."""
    columns = _columns(kind, version, now)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": [definition for definition, _ in columns],
        "rows": [
            {
                "cells": [cell(item) for _, cell in columns],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": item["metadata"],
                },
            }
            for item in items
        ],
    }


def _columns(kind: Kind, version: str, now: datetime) -> Sequence[tuple[Json, Cell]]:
    def age(obj: Json) -> str:
        return ago(obj["metadata"].get("creationTimestamp"), now)

    name = (_column("Name", "name"), lambda obj: obj["metadata"]["name"])
    if kind.schemas:
        custom = [_custom(column, now) for column in kind.columns.get(version) or ()]
        return [name, *custom] if custom else [name, (_column("Age"), age)]
    own = _BUILT_IN.get((kind.group, kind.kind))
    if own is None:
        return [name, (_column("Age"), age)]
    if kind.kind == "Event":
        seen = (_column("Last Seen"), lambda obj: ago(obj.get("lastTimestamp"), now))
        return [seen, *[(_column(title), cell) for title, cell in own]]
    return [name, *[(_column(title), cell) for title, cell in own], (_column("Age"), age)]


def _column(title: str, form: str = "", priority: int = 0) -> Json:
    return {"name": title, "type": "string", "format": form, "description": title, "priority": priority}


def _custom(column: Json, now: datetime) -> tuple[Json, Cell]:
    path = [part for part in re.split(r"\.", column["jsonPath"]) if part]

    def cell(obj: Json) -> Any:  # noqa: ANN401  # JSON
        value: Any = obj
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return ago(value, now) if column["type"] == "date" else value

    definition = {
        **_column(column["name"], column.get("format", ""), column.get("priority", 0)),
        "type": column["type"],
    }
    return definition, cell


def ago(stamp: str | None, now: datetime) -> str:
    """Return the time since then as kubectl prints it."""
    if not stamp:
        return "<unknown>"
    seconds = max(0, int((now - datetime.fromisoformat(stamp).astimezone(UTC)).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    minutes = seconds // _MINUTE
    if minutes < 10:  # noqa: PLR2004
        return f"{minutes}m{seconds % _MINUTE}s" if seconds % _MINUTE else f"{minutes}m"
    if seconds < 3 * _HOUR:
        return f"{minutes}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return f"{seconds // _DAY}d"


def _status(field: str) -> Cell:
    return lambda obj: (obj.get("status") or {}).get(field, 0)


def _ready(obj: Json) -> str:
    return f"{_status('readyReplicas')(obj)}/{obj['spec'].get('replicas', 1)}"


def _node_selector(obj: Json) -> str:
    selector = obj["spec"]["template"]["spec"].get("nodeSelector") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or "<none>"


_BUILT_IN: dict[tuple[str, str], Sequence[tuple[str, Cell]]] = {
    ("apps", "Deployment"): (
        ("Ready", _ready),
        ("Up-to-date", _status("updatedReplicas")),
        ("Available", _status("availableReplicas")),
    ),
    ("apps", "StatefulSet"): (("Ready", _ready),),
    ("apps", "DaemonSet"): (
        ("Desired", _status("desiredNumberScheduled")),
        ("Current", _status("currentNumberScheduled")),
        ("Ready", _status("numberReady")),
        ("Up-to-date", _status("updatedNumberScheduled")),
        ("Available", _status("numberAvailable")),
        ("Node Selector", _node_selector),
    ),
    ("", "Pod"): (
        ("Ready", lambda obj: f"{int((obj.get('status') or {}).get('ready', False))}/1"),
        ("Status", lambda obj: (obj.get("status") or {}).get("phase", "")),
        ("Restarts", lambda _: 0),
    ),
    ("", "Service"): (
        ("Type", lambda obj: obj["spec"].get("type")),
        ("Cluster-IP", lambda obj: obj["spec"].get("clusterIP", "<none>")),
        ("External-IP", lambda obj: obj["spec"].get("externalName", "<none>")),
        (
            "Port(s)",
            lambda obj: ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in obj["spec"].get("ports") or ()),
        ),
    ),
    ("", "Namespace"): (("Status", lambda _: "Active"),),
    ("", "Event"): (
        ("Type", lambda obj: obj.get("type")),
        ("Reason", lambda obj: obj.get("reason")),
        ("Object", lambda obj: f"{obj['involvedObject']['kind'].lower()}/{obj['involvedObject']['name']}"),
        ("Message", lambda obj: obj.get("message")),
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        ("Reference", lambda obj: "{kind}/{name}".format(**obj["spec"]["scaleTargetRef"])),
        ("MinPods", lambda obj: obj["spec"].get("minReplicas", 1)),
        ("MaxPods", lambda obj: obj["spec"].get("maxReplicas")),
        ("Replicas", _status("currentReplicas")),
    ),
}
