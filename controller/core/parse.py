"""From the JSON of a Canary object to values. Its checks are read in ``parse_checks``, its status in ``parse_status``.

The schema in ``artifacts/flagger/crd.yaml`` refuses the same objects; a test feeds both from one table. The checks
stand here as well because a cluster may carry an older schema, or none.
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from controller.core.canary import Canary, CanarySpec, InvalidSpec, Side
from controller.core.durations import parse_interval
from controller.core.parse_checks import parse_checks
from controller.core.parse_status import parse_status, parse_time
from controller.core.spec_fields import LONGEST_NAME, SpecError, mapping, name, text
from controller.core.verbs import parse_verbs
from informers import fields
from informers.interned import interned
from metrics.types import DESTINATION, REPORTERS

DEFAULT_THRESHOLD = 10
DEFAULT_MAX_WEIGHT = 100
DEFAULT_STEP_WEIGHT = 5
DEFAULT_KIND = "Deployment"
VIRTUAL_SERVICE = "VirtualService"
DEFAULT_DRAIN_SECONDS = 30
LONGEST_DRAIN_SECONDS = 3600
AT_ONCE, STEPPED = "atOnce", "stepped"
_KIND = re.compile("[A-Z][A-Za-z0-9]{0,62}")

_LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")

Json = Mapping[str, Any]


def parse_canary(obj: Json, *, kinds: Collection[str] | None, routes: Collection[str]) -> Canary:
    """Return the view of a Canary object.

    Args:
        obj: the object as the API server sent it.
        kinds: supported values of ``spec.targetKind``; None: any name of a kind.
        routes: likewise of ``spec.routeRef.kind``.

    Raises:
        KeyError, TypeError, ValueError: the metadata is not an object's, or the status (``StatusError``) not one that
            the controller wrote. A bad *spec* is a value, ``InvalidSpec``.
    """
    meta = obj["metadata"]
    try:
        spec: CanarySpec | InvalidSpec = _spec(mapping(obj, "spec", ""), kinds, routes, meta["namespace"])
    except SpecError as error:
        spec = InvalidSpec(str(error))
    return Canary(
        namespace=interned(meta["namespace"]),
        name=interned(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=fields.whole(meta, "generation", "metadata."),
        created=parse_time(meta["creationTimestamp"]),
        deleting=bool(meta.get("deletionTimestamp")),
        finalizers=fields.texts(meta, "finalizers", "metadata."),
        spec=spec,
        status=parse_status(obj.get("status")),
        verbs=parse_verbs(fields.mapping(meta, "annotations", "metadata.")),
    )


def _spec(spec: Json, kinds: Collection[str] | None, routes: Collection[str], namespace: str) -> CanarySpec:
    kind = _target_kind(spec, kinds)
    route_kind, route_name = _route(spec, routes)
    primary = _side(spec, "primary")
    canary = _side(spec, "canary")
    for field in ("name", "host"):
        if getattr(primary, field) == getattr(canary, field):
            raise SpecError(
                f"spec.primary.{field} and spec.canary.{field} must differ, both are {getattr(primary, field)!r}"
            )
    analysis = mapping(spec, "canaryAnalysis", "spec.")
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
        checks=parse_checks(analysis, namespace),
        drain=timedelta(
            seconds=_integer(analysis, "drainSeconds", DEFAULT_DRAIN_SECONDS, lowest=0, highest=LONGEST_DRAIN_SECONDS)
        ),
        stepped=_stepped(analysis),
        reporter=_reporter(analysis),
    )


def _target_kind(spec: Json, kinds: Collection[str] | None) -> str:
    kind = spec.get("targetKind") or DEFAULT_KIND
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise SpecError(f"spec.targetKind must be a kind such as {DEFAULT_KIND}, not {kind!r:.80}")
    if kinds is not None and kind not in kinds:
        known = " or ".join(sorted(kinds))
        raise SpecError(f"spec.targetKind {kind!r} is not supported, use {known}, or declare it in the file of --kinds")
    return interned(kind)


def _route(spec: Json, routes: Collection[str]) -> tuple[str, str]:
    """Return kind and name of the route: ``virtualService`` for Istio's kind, or a reference to any."""
    named = [field for field in ("virtualService", "routeRef") if spec.get(field) is not None]
    if not named:
        raise SpecError("spec.virtualService or spec.routeRef is required, to name the route")
    if len(named) > 1:
        raise SpecError("spec.virtualService and spec.routeRef exclude each other, keep one of them")
    if named == ["virtualService"]:
        return VIRTUAL_SERVICE, name(mapping(spec, "virtualService", "spec."), "spec.virtualService.")
    ref = mapping(spec, "routeRef", "spec.")
    kind = ref.get("kind")
    if not isinstance(kind, str) or kind not in routes:
        raise SpecError(f"spec.routeRef.kind {kind!r} is not supported, use {' or '.join(sorted(routes))}")
    return kind, name(ref, "spec.routeRef.")


def _side(spec: Json, role: str) -> Side:
    side = mapping(spec, role, "spec.")
    return Side(name=name(side, f"spec.{role}."), host=_host(side, f"spec.{role}."))


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


def _host(obj: Json, prefix: str) -> str:
    host = text(obj, "host", prefix)
    if len(host) > LONGEST_NAME or not _HOST.fullmatch(host):
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
