"""From a request to an answer: which verb on which resource, and what it does."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from functools import partial
from http import HTTPStatus
from typing import Any

import yaml

from testbed.sandbox.api import discovery, errors, schema
from testbed.sandbox.api.kinds import Kind
from testbed.sandbox.api.objects import Change, Objects, as_version, scale_of, scaled
from testbed.sandbox.api.patches import apply_json_patch, apply_merge_patch, apply_strategic_patch
from testbed.sandbox.api.selectors import Matcher, field_matcher, label_matcher
from testbed.sandbox.api.tables import table
from testbed.sandbox.api.watch import Watch

Json = dict[str, Any]

_LONGEST_WATCH_SECONDS = 1800.0
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request, taken apart."""

    verb: str
    path: str
    group: str
    version: str
    plural: str
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    accept: str
    content_type: str
    body: bytes

    @classmethod
    def of(cls, method: str, path: str, query: Mapping[str, str], headers: Message, body: bytes) -> "Request":
        """Take a request apart; a path that is no resource's has an empty ``plural``."""
        parts = [part for part in path.split("/") if part]
        group = version = ""
        rest: list[str] = []
        if parts[:1] == ["api"] and len(parts) > 2:  # noqa: PLR2004
            version, rest = parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) > 3:  # noqa: PLR2004
            group, version, rest = parts[1], parts[2], parts[3:]
        watched = rest[:1] == ["watch"]  # the old path of a watch, the only one that a Role can grant on a namespace
        if watched:
            query = {**query, "watch": "true", "fieldSelector": f"metadata.name={rest[-1]}"}
            rest = rest[1:-1]
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004
            namespace, rest = rest[1], rest[2:]
        plural, name, subresource = (*rest, "", "", "")[:3]
        watching = query.get("watch", "").lower() in {"true", "1"}
        reading = "get" if name or not plural else ("watch" if watching else "list")
        return cls(
            verb=_VERBS.get(method, reading),
            path=path,
            group=group,
            version=version,
            plural=plural,
            namespace=namespace,
            name=name,
            subresource=subresource,
            query=query,
            accept=headers.get("Accept", ""),
            content_type=headers.get("Content-Type", "").split(";")[0],
            body=body,
        )

    @property
    def wants_table(self) -> bool:
        """Whether kubectl asks for a table."""
        return "as=Table" in self.accept

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return self.query.get("dryRun") == "All"

    def json(self) -> Any:  # noqa: ANN401  # JSON
        """Return the body; ApiError 415 if it is protobuf, 400 if it is no JSON either."""
        if self.content_type == "application/vnd.kubernetes.protobuf":
            raise errors.no_protobuf()
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise errors.bad_request(f"the body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a body, or a stream of events."""

    code: int
    body: Json = field(default_factory=dict)
    events: Iterator[Json] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(  # noqa: PLR0911  # one case per verb
    objects: Objects, request: Request, now: datetime, closed: Callable[[], bool]
) -> Answer:
    """Carry out a request; ApiError if it cannot be."""
    if not request.plural:
        return Answer(HTTPStatus.OK, _page(objects.kinds(), request.path))
    kind = objects.kind(request.group, request.version, request.plural)
    match request.verb:
        case "list":
            return _list(objects, kind, request, now)
        case "watch":
            return _watch(objects, kind, request, now, closed)
        case "get":
            return _get(objects, kind, request, now)
        case "create":
            _check_fields(kind, request)
            obj = objects.create(kind, request.version, request.namespace, request.json(), dry_run=request.dry_run)
            return Answer(HTTPStatus.CREATED, as_version(kind, request.version, obj))
        case "delete" if request.name:
            return _delete(objects, kind, request)
        case "delete":
            return _delete_all(objects, kind, request)
        case _:
            return _change(objects, kind, request)


def _page(kinds: Sequence[Kind], path: str) -> Json:  # noqa: C901  # one case per path
    """Return what stands at a path that is no resource's."""
    parts = [part for part in path.split("/") if part]
    page: Json | None = None
    match parts:
        case ["api"]:
            page = discovery.core_versions()
        case ["api", version]:
            page = discovery.resources(kinds, "", version)
        case ["apis"]:
            page = discovery.groups(kinds)
        case ["apis", group]:
            page = discovery.group(kinds, group)
        case ["apis", group, version]:
            page = discovery.resources(kinds, group, version)
        case ["openapi", "v3"]:
            page = discovery.openapi_index(kinds)
        case ["openapi", "v3", *rest]:
            page = discovery.openapi(kinds, "/".join(rest))
        case ["version"]:
            page = discovery.VERSION
        case ["healthz" | "readyz" | "livez"]:
            page = {"status": "ok"}
    if page is None:
        raise errors.no_such_path()
    return page


def _check_fields(kind: Kind, request: Request) -> None:
    """Refuse fields that would be pruned, if the client wants that."""
    if request.query.get("fieldValidation") == "Strict":
        unknown = schema.unknown_fields(kind, request.version, request.json())
        if unknown:
            said = ", ".join(f'unknown field "{field}"' for field in unknown)
            raise errors.bad_request(f"strict decoding error: {said}")


def _matcher(kind: Kind, request: Request) -> Matcher:
    labels = label_matcher(request.query.get("labelSelector", ""))
    fields = field_matcher(request.query.get("fieldSelector", ""), kind.selectable)
    return lambda obj: labels(obj) and fields(obj)


def _list(objects: Objects, kind: Kind, request: Request, now: datetime) -> Answer:
    wanted = request.query.get("resourceVersion", "")
    current = objects.store.version
    if wanted not in {"", "0"} and _number(wanted) > current:
        raise errors.too_large(_number(wanted), current)
    token = request.query.get("continue", "")
    if token:
        items, version = objects.pages.turn(token)
    else:
        found, version = objects.store.list((kind.group, kind.plural), request.namespace)
        matches = _matcher(kind, request)
        items = [as_version(kind, request.version, item) for item in found if matches(item)]
    meta: Json = {"resourceVersion": str(version)}
    limit = int(request.query.get("limit") or 0)
    # At version 0 the watch cache answers, which knows no limits.
    if limit and wanted != "0" and len(items) > limit:
        items, rest = items[:limit], items[limit:]
        meta["continue"] = objects.pages.keep(rest, version)
        if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
            meta["remainingItemCount"] = len(rest)
    if request.wants_table:
        return Answer(HTTPStatus.OK, table(kind, request.version, items, now, meta))
    body = {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version(request.version),
        "metadata": meta,
        "items": items,
    }
    return Answer(HTTPStatus.OK, body)


def _number(version: str) -> int:
    if not version.isdecimal():
        raise errors.bad_request(f"resourceVersion: Invalid value: {version!r}: must be a number")
    return int(version)


def _watch(objects: Objects, kind: Kind, request: Request, now: datetime, closed: Callable[[], bool]) -> Answer:
    wanted = request.query.get("resourceVersion", "")
    since = 0 if wanted in {"", "0"} else _number(wanted)
    if since and since < kind.since:
        forgotten = errors.expired(f"too old resource version: {since} ({kind.since})")
        return Answer(HTTPStatus.OK, events=iter([{"type": "ERROR", "object": forgotten.status()}]))
    watch = Watch(
        objects.store,
        kind,
        request.version,
        namespace=request.namespace,
        matches=_matcher(kind, request),
        since=since,
        with_state=wanted in {"", "0"},
        bookmarks=request.query.get("allowWatchBookmarks", "").lower() in {"true", "1"},
        seconds=float(request.query.get("timeoutSeconds") or _LONGEST_WATCH_SECONDS),
        closed=closed,
    )
    events: Iterator[Json] = iter(watch)
    if request.wants_table:
        events = (_in_table(kind, request.version, event, now) for event in events)
    return Answer(HTTPStatus.OK, events=events)


def _in_table(kind: Kind, version: str, event: Json, now: datetime) -> Json:
    if event["type"] in {"ERROR", "BOOKMARK"}:
        return event
    return {"type": event["type"], "object": table(kind, version, [event["object"]], now, {})}


def _get(objects: Objects, kind: Kind, request: Request, now: datetime) -> Answer:
    obj = as_version(kind, request.version, objects.get(kind, request.namespace, request.name))
    if request.subresource == "scale":
        obj = scale_of(obj)
    elif request.wants_table:
        meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        obj = table(kind, request.version, [obj], now, meta)
    return Answer(HTTPStatus.OK, obj)


def _change(objects: Objects, kind: Kind, request: Request) -> Answer:
    if request.subresource not in {"", "status", "scale"} or (request.subresource == "scale" and not kind.scale):
        raise errors.no_such_path()
    create = request.content_type == "application/apply-patch+yaml"
    try:
        objects.get(kind, request.namespace, request.name)
    except errors.ApiError:
        if not create:
            raise
        body = yaml.safe_load(request.body)
        obj = objects.create(kind, request.version, request.namespace, body, dry_run=request.dry_run)
        return Answer(HTTPStatus.CREATED, as_version(kind, request.version, obj))
    change = _change_of(kind, request)
    if request.subresource == "scale":
        change = scaled(change)
    obj = objects.change(
        kind,
        request.version,
        request.namespace,
        request.name,
        change,
        subresource="" if request.subresource == "scale" else request.subresource,
        dry_run=request.dry_run,
    )
    shown = as_version(kind, request.version, obj)
    return Answer(HTTPStatus.OK, scale_of(shown) if request.subresource == "scale" else shown)


def _change_of(kind: Kind, request: Request) -> Change:
    match request.content_type:
        case "application/json-patch+json":
            return lambda obj: apply_json_patch(obj, request.json())
        case "application/merge-patch+json":
            return partial(_merged, apply_merge_patch, request.json())
        case "application/strategic-merge-patch+json" if not kind.schemas:
            return partial(_merged, apply_strategic_patch, request.json())
        case "application/apply-patch+yaml":
            return partial(_merged, apply_strategic_patch, yaml.safe_load(request.body))
        case _ if request.verb == "update":
            return partial(_replaced, kind, request)
        case other:
            raise errors.unsupported_format(other)


def _replaced(kind: Kind, request: Request, old: Json) -> Json:
    new: Json = request.json()
    uid = (new.get("metadata") or {}).get("uid")
    if uid and uid != old["metadata"]["uid"]:
        raise errors.conflict(kind.plural, kind.group, request.name)
    return new


def _merged(merge: Callable[[Any, Any], Any], patch: Any, obj: Json) -> Json:  # noqa: ANN401  # JSON
    if not isinstance(patch, dict):
        raise errors.bad_request("a merge patch is an object")
    merged: Json = merge(obj, patch)
    return merged


def _delete(objects: Objects, kind: Kind, request: Request) -> Answer:
    options = request.json() if request.body else {}
    obj, gone = objects.delete(kind, request.namespace, request.name, options.get("preconditions"))
    if not gone:
        return Answer(HTTPStatus.OK, as_version(kind, request.version, obj))
    details = {"name": request.name, "kind": kind.plural, "uid": obj["metadata"]["uid"]}
    if kind.group:
        details["group"] = kind.group
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return Answer(HTTPStatus.OK, body)


def _delete_all(objects: Objects, kind: Kind, request: Request) -> Answer:
    matches = _matcher(kind, request)
    found, version = objects.store.list((kind.group, kind.plural), request.namespace)
    items = [item for item in found if matches(item)]
    for item in items:
        objects.delete(kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
    meta = {"resourceVersion": str(version)}
    body = {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version(request.version),
        "metadata": meta,
        "items": items,
    }
    return Answer(HTTPStatus.OK, body)
