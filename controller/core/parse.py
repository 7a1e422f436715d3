"""From the JSON of a Canary object to values. Its fields are read here, and those of its status in ``parse_status``.

The schema in ``artifacts/flagger/crd.yaml`` refuses the same objects; a test feeds both from one table. The checks
stand here as well because a cluster may carry an older schema, or none.
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from controller.core.canary import Canary, CanarySpec, InvalidSpec, Side, Verbs
from controller.core.durations import parse_interval
from controller.core.parse_status import parse_status, parse_time
from controller.core.verbs import ABORT, HOLD, PROMOTE, RETRY
from informers.fields import mapping, texts, whole
from informers.types import FieldError
from metrics.checks import check_problem
from metrics.types import DEFAULT_QUANTILE, DESTINATION, HTTP, REPORTERS, AnyCheck, Check, Limits, OwnCheck

DEFAULT_THRESHOLD = 10
DEFAULT_MAX_WEIGHT = 100
DEFAULT_STEP_WEIGHT = 5
DEFAULT_METRIC_INTERVAL = "1m"
DEFAULT_KIND = "Deployment"
VIRTUAL_SERVICE = "VirtualService"
DEFAULT_DRAIN_SECONDS = 30
LONGEST_DRAIN_SECONDS = 3600
AT_ONCE, STEPPED = "atOnce", "stepped"
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253

_LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")

Json = Mapping[str, Any]


class SpecError(FieldError):
    """A field of the spec is wrong; the message names it, its value, and what would be right."""


def parse_canary(obj: Json, *, kinds: Collection[str], routes: Collection[str]) -> Canary:
    """Return the view of a Canary object.

    Args:
        obj: the object as the API server sent it.
        kinds: supported values of ``spec.targetKind``.
        routes: likewise of ``spec.routeRef.kind``.

    Raises:
        KeyError, TypeError, ValueError: the metadata is not an object's, or the status (``StatusError``) not one that
            the controller wrote. A bad *spec* is a value, ``InvalidSpec``.
    """
    meta = obj["metadata"]
    try:
        spec: CanarySpec | InvalidSpec = _spec(_mapping(obj, "spec", ""), kinds, routes)
    except SpecError as error:
        spec = InvalidSpec(str(error))
    return Canary(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=whole(meta, "generation", "metadata."),
        created=parse_time(meta["creationTimestamp"]),
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=texts(meta, "finalizers", "metadata."),
        spec=spec,
        status=parse_status(obj.get("status")),
        verbs=parse_verbs(mapping(meta, "annotations", "metadata.")),
    )


def parse_verbs(annotations: Json) -> Verbs:
    """Return what the annotations of a Canary object ask for."""
    abort, promote, retry = (str(annotations.get(verb) or "") for verb in (ABORT, PROMOTE, RETRY))
    return Verbs(abort, promote, retry, hold=str(annotations[HOLD] or "") if HOLD in annotations else None)


def _spec(spec: Json, kinds: Collection[str], routes: Collection[str]) -> CanarySpec:
    kind = spec.get("targetKind") or DEFAULT_KIND
    if not isinstance(kind, str) or kind not in kinds:
        raise SpecError(f"spec.targetKind {kind!r} is not supported, use {' or '.join(sorted(kinds))}")
    route_kind, route_name = _route(spec, routes)
    primary = _side(spec, "primary")
    canary = _side(spec, "canary")
    for field in ("name", "host"):
        if getattr(primary, field) == getattr(canary, field):
            raise SpecError(
                f"spec.primary.{field} and spec.canary.{field} must differ, both are {getattr(primary, field)!r}"
            )
    analysis = _mapping(spec, "canaryAnalysis", "spec.")
    threshold = _integer(analysis, "threshold", DEFAULT_THRESHOLD, lowest=1)
    return CanarySpec(
        target_kind=kind,
        route_kind=route_kind,
        route_name=route_name,
        primary=primary,
        canary=canary,
        threshold=threshold,
        max_weight=_integer(analysis, "maxWeight", DEFAULT_MAX_WEIGHT, lowest=1, highest=100),
        step_weight=_integer(analysis, "stepWeight", DEFAULT_STEP_WEIGHT, lowest=1, highest=100),
        interval=_interval(analysis),
        inconclusive_limit=_integer(analysis, "inconclusiveLimit", threshold, lowest=0),
        checks=_checks(analysis),
        drain=timedelta(
            seconds=_integer(analysis, "drainSeconds", DEFAULT_DRAIN_SECONDS, lowest=0, highest=LONGEST_DRAIN_SECONDS)
        ),
        stepped=_stepped(analysis),
        reporter=_reporter(analysis),
    )


def _route(spec: Json, routes: Collection[str]) -> tuple[str, str]:
    """Return kind and name of the route: ``virtualService`` for Istio's kind, or a reference to any."""
    named = [field for field in ("virtualService", "routeRef") if spec.get(field) is not None]
    if not named:
        raise SpecError("spec.virtualService or spec.routeRef is required, which names the route")
    if len(named) > 1:
        raise SpecError("spec.virtualService and spec.routeRef exclude each other, keep the one that is meant")
    if named == ["virtualService"]:
        return VIRTUAL_SERVICE, _name(_mapping(spec, "virtualService", "spec."), "spec.virtualService.")
    ref = _mapping(spec, "routeRef", "spec.")
    kind = ref.get("kind")
    if not isinstance(kind, str) or kind not in routes:
        raise SpecError(f"spec.routeRef.kind {kind!r} is not supported, use {' or '.join(sorted(routes))}")
    return kind, _name(ref, "spec.routeRef.")


def _side(spec: Json, role: str) -> Side:
    side = _mapping(spec, role, "spec.")
    return Side(name=_name(side, f"spec.{role}."), host=_host(side, f"spec.{role}."))


def _checks(analysis: Json) -> tuple[AnyCheck, ...]:
    where = "spec.canaryAnalysis.metrics"
    metrics = analysis.get("metrics")
    if not isinstance(metrics, list):
        raise SpecError(f"{where} must be a list of checks ([] for pod health only), not {metrics!r}")
    checks = tuple(_check(metric, f"{where}[{index}]") for index, metric in enumerate(metrics))
    names = [check.name for check in checks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise SpecError(f"{where} names {twice} twice, each check may stand once")
    return checks


def _check(metric: object, where: str) -> AnyCheck:
    if not isinstance(metric, Mapping):
        raise SpecError(f"{where} must be an object with name and threshold, not {metric!r}")
    own = "query" in metric or "thresholdRange" in metric
    check = (_own_check if own else _known_check)(metric, f"{where}.")
    problem = check_problem(check)
    if problem:
        raise SpecError(f"{where}: {problem}")
    return check


def _known_check(metric: Json, prefix: str) -> Check:
    threshold = _number(metric, "threshold", prefix)
    if threshold is None:
        raise SpecError(f"{prefix}threshold must be a number, not None")
    quantile = _number(metric, "quantile", prefix)
    return Check(
        name=_text(metric, "name", prefix),
        threshold=threshold,
        interval=_window(metric),
        quantile=DEFAULT_QUANTILE if quantile is None else quantile,
        protocol=_protocol(metric, prefix),
    )


def _protocol(metric: Json, prefix: str) -> str:
    value = metric.get("protocol")
    if value is not None and not isinstance(value, str):
        raise SpecError(f"{prefix}protocol must be a text, not {value!r}")
    return value or HTTP


def _own_check(metric: Json, prefix: str) -> OwnCheck:
    for field in ("quantile", "protocol"):
        if metric.get(field) is not None:
            raise SpecError(f"{prefix}{field} is for the known checks, a query says itself what it asks")
    if metric.get("threshold") is not None:
        raise SpecError(f"{prefix}threshold is for the known checks, a query has a thresholdRange: min, max or both")
    limits = _mapping(metric, "thresholdRange", prefix)
    within = f"{prefix}thresholdRange."
    query, unit = metric.get("query"), metric.get("unit") or ""
    for field, value in (("query", query), ("unit", unit)):
        if not isinstance(value, str):
            raise SpecError(f"{prefix}{field} must be a text, not {value!r}")
    return OwnCheck(
        name=_text(metric, "name", prefix),
        query=str(query),
        limits=Limits(_number(limits, "min", within), _number(limits, "max", within)),
        interval=_window(metric),
        unit=str(unit),
    )


def _window(metric: Json) -> str:
    return str(metric.get("interval") or DEFAULT_METRIC_INTERVAL)


def _number(obj: Json, field: str, prefix: str) -> float | None:
    value = obj.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{prefix}{field} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise SpecError(f"{prefix}{field} must be a number that fits a double") from error


def _interval(analysis: Json) -> timedelta | None:
    value = analysis.get("interval")
    if value is None:
        return None
    try:
        return parse_interval(str(value))
    except ValueError as error:
        raise SpecError(f"spec.canaryAnalysis.interval: {error}") from error


def _stepped(analysis: Json) -> bool:
    value = analysis.get("promotion")
    if value not in (None, AT_ONCE, STEPPED):  # a tuple, for a list has no hash
        raise SpecError(f"spec.canaryAnalysis.promotion must be {AT_ONCE} or {STEPPED}, not {value!r}")
    return bool(value == STEPPED)


def _reporter(analysis: Json) -> str:
    value = analysis.get("reporter")
    if value not in (None, *REPORTERS):  # a tuple, for a list has no hash
        raise SpecError(f"spec.canaryAnalysis.reporter must be {' or '.join(REPORTERS)}, not {value!r}")
    return str(value or DESTINATION)


def _mapping(obj: Json, field: str, prefix: str) -> Json:
    value = obj.get(field)
    if not isinstance(value, Mapping):
        raise SpecError(f"{prefix}{field} must be an object, not {value!r}")
    return value


def _text(obj: Json, field: str, prefix: str) -> str:
    value = obj.get(field)
    if not isinstance(value, str) or not value:
        raise SpecError(f"{prefix}{field} is required and must be a name, not {value!r}")
    return value


def _name(obj: Json, prefix: str) -> str:
    name = _text(obj, "name", prefix)
    if len(name) > _LONGEST_NAME or not _DNS_NAME.fullmatch(name):
        raise SpecError(f"{prefix}name {name!r} cannot be the name of an object: use a-z, 0-9, '-' and '.'")
    return name


def _host(obj: Json, prefix: str) -> str:
    host = _text(obj, "host", prefix)
    if len(host) > _LONGEST_NAME or not _HOST.fullmatch(host):
        raise SpecError(
            f"{prefix}host {host!r} cannot be the name of a service: use a DNS name without a port, "
            "short (podinfo) or full (podinfo.test.svc.cluster.local)"
        )
    return host


def _integer(obj: Json, field: str, default: int, *, lowest: int, highest: int | None = None) -> int:
    value = obj.get(field)
    if value is None:
        return default
    bounds = f"between {lowest} and {highest}" if highest is not None else f"at least {lowest}"
    if isinstance(value, float) and value.is_integer():  # 10.0 is a whole number for JSON schema
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"spec.canaryAnalysis.{field} must be a whole number {bounds}, not {value!r}")
    if value < lowest or (highest is not None and value > highest):
        raise SpecError(f"spec.canaryAnalysis.{field} must be {bounds}, not {value}")
    return value
