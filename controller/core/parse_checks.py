"""From ``spec.canaryAnalysis.metrics`` to checks. Pure."""

from collections.abc import Mapping
from typing import Any

from controller.core.spec_fields import SpecError, mapping, name, number, text
from informers.interned import interned
from metrics.checks import check_problem
from metrics.types import DEFAULT_QUANTILE, HTTP, AnyCheck, Check, Limits, OwnCheck

DEFAULT_METRIC_INTERVAL = "1m"
MOST_VARIABLES = 16
LONGEST_VALUE = 256

Json = Mapping[str, Any]


def parse_checks(analysis: Json, namespace: str) -> tuple[AnyCheck, ...]:
    """Return the checks of an analysis.

    Args:
        analysis: ``spec.canaryAnalysis``.
        namespace: of the Canary object, the only one whose templates it may name.

    Raises:
        SpecError: one of them cannot be asked, or its limits make no sense.
    """
    where = "spec.canaryAnalysis.metrics"
    metrics = analysis.get("metrics")
    if not isinstance(metrics, list):
        raise SpecError(f"{where} must be a list of checks ([] for pod health only), not {metrics!r}")
    checks = tuple(_check(metric, f"{where}[{index}]", namespace) for index, metric in enumerate(metrics))
    names = [check.name for check in checks]
    twice = next((found for found in names if names.count(found) > 1), None)
    if twice:
        raise SpecError(f"{where} names {twice} twice, each name may be used once")
    return checks


def _check(metric: object, where: str, namespace: str) -> AnyCheck:
    if not isinstance(metric, Mapping):
        raise SpecError(f"{where} must be an object with name and threshold, not {metric!r}")
    own = any(field in metric for field in ("query", "templateRef", "thresholdRange"))
    check = _own_check(metric, f"{where}.", namespace) if own else _known_check(metric, f"{where}.")
    problem = check_problem(check)
    if problem:
        raise SpecError(f"{where}: {problem}")
    return check


def _known_check(metric: Json, prefix: str) -> Check:
    threshold = number(metric, "threshold", prefix)
    if threshold is None:
        raise SpecError(f"{prefix}threshold must be a number, not None")
    quantile = number(metric, "quantile", prefix)
    return Check(
        name=text(metric, "name", prefix),
        threshold=threshold,
        interval=_window(metric),
        quantile=DEFAULT_QUANTILE if quantile is None else quantile,
        protocol=_protocol(metric, prefix),
    )


def _protocol(metric: Json, prefix: str) -> str:
    value = metric.get("protocol")
    if value is not None and not isinstance(value, str):
        raise SpecError(f"{prefix}protocol must be a string, not {value!r}")
    return value or HTTP


def _own_check(metric: Json, prefix: str, namespace: str) -> OwnCheck:
    for field in ("quantile", "protocol"):
        if metric.get(field) is not None:
            raise SpecError(f"{prefix}{field} is for the built-in checks, a query contains what it asks for")
    if metric.get("threshold") is not None:
        raise SpecError(f"{prefix}threshold is for the built-in checks, a query has a thresholdRange: min, max or both")
    limits = mapping(metric, "thresholdRange", prefix)
    within = f"{prefix}thresholdRange."
    template = _template(metric, prefix, namespace)
    query, unit = metric.get("query", "" if template else None), metric.get("unit") or ""
    for field, value in (("query", query), ("unit", unit)):
        if not isinstance(value, str):
            raise SpecError(f"{prefix}{field} must be a string, not {value!r}")
    return OwnCheck(
        name=text(metric, "name", prefix),
        query=str(query),
        limits=Limits(number(limits, "min", within), number(limits, "max", within)),
        interval=_window(metric),
        unit=str(unit),
        template=template,
        variables=_variables(metric, prefix, template),
    )


def _template(metric: Json, prefix: str, namespace: str) -> str:
    """Return the name of the template that holds the query, or "": in the canary's own namespace and no other."""
    if metric.get("templateRef") is None:
        return ""
    if metric.get("query") is not None:
        raise SpecError(f"{prefix}query and {prefix}templateRef exclude each other, keep one of them")
    ref, within = mapping(metric, "templateRef", prefix), f"{prefix}templateRef."
    if ref.get("namespace") not in (None, namespace):
        raise SpecError(
            f"{within}namespace must be {namespace}, the canary's own, or absent, not {ref['namespace']!r}: "
            "copy the template there"
        )
    return name(ref, within)


def _variables(metric: Json, prefix: str, template: str) -> tuple[tuple[str, str], ...]:
    given = metric.get("templateVariables")
    if given is None:
        return ()
    where = f"{prefix}templateVariables"
    if not template:
        raise SpecError(f"{where} is for a templateRef, a query contains what it asks for")
    if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
        raise SpecError(f"{where} must be an object of strings, not {given!r}")
    if len(given) > MOST_VARIABLES or any(len(value) > LONGEST_VALUE for value in given.values()):
        raise SpecError(f"{where} may hold {MOST_VARIABLES} strings of at most {LONGEST_VALUE} characters")
    return tuple(sorted(given.items()))


def _window(metric: Json) -> str:
    return interned(str(metric.get("interval") or DEFAULT_METRIC_INTERVAL))
