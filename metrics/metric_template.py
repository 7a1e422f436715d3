"""MetricTemplate: a query that canaries of a namespace share. How it is seen, and what a check makes of it. Pure.

Its shape is Flagger's, so that templates can be brought along. What is not supported is refused by name, by the schema
and here, since a field that is passed over in silence (credentials, another provider) changes what is measured.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from informers.fields import mapping, text
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.types import FieldError, Unreadable
from metrics.address import MetricsServerError, validate_url
from metrics.templates import template_problem
from metrics.types import OwnCheck

METRIC_TEMPLATES = ApiKind("flagger.app", ("v1beta1",), "metrictemplates", "MetricTemplate")
PROVIDER = "prometheus"
_REFUSED = {
    "secretRef": "the controller reads no Secrets, credentials of Prometheus are set in its environment",
    "insecureSkipVerify": "name the certificate authority in the controller's SSL_CERT_FILE",
    "headers": "set them in the controller's PROMETHEUS_HEADERS",
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MetricTemplate:
    """View of a MetricTemplate."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    query: str = ""
    address: str = ""  # base address of the Prometheus that is asked, without a slash at its end; "": the usual one
    problem: str = ""  # what is wrong with it and what would be right


def view(obj: Json, _previous: MetricTemplate | None) -> MetricTemplate:
    """Return the cached view of a MetricTemplate; KeyError if it has no metadata."""
    meta = obj["metadata"]
    found = MetricTemplate(meta["namespace"], meta["name"], meta["uid"], meta["resourceVersion"])
    try:
        spec = mapping(obj, "spec", "")
        return replace(found, query=text(spec, "query", "spec."), address=_address(mapping(spec, "provider", "spec.")))
    except FieldError as error:
        return replace(found, problem=str(error))


METRIC_TEMPLATE: WatchedKind[MetricTemplate] = WatchedKind(
    METRIC_TEMPLATES,
    view,
    verbs={"": READ},
    grant="metricTemplates",
    install="kubectl apply --server-side -f artifacts/flagger/metrictemplates.yaml",
)


def resolved(
    check: OwnCheck, found: MetricTemplate | Unreadable | None, namespace: str, servers: Collection[str]
) -> OwnCheck:
    """Return a check with the query of the template that it names, or with what is in the way.

    Args:
        check: one that names a template.
        found: that template; None if there is none.
        namespace: where it was looked for.
        servers: addresses that may be asked.
    """
    match found:
        case None:
            return unusable(check, namespace, "not found, create it or correct templateRef.name")
        case Unreadable(reason=reason):
            return unusable(check, namespace, f"cannot be read: {reason}")
        case MetricTemplate(query=query, address=address):
            problem = found.problem or template_problem(query, dict(check.variables)) or _refusal(address, servers)
            return unusable(check, namespace, problem) if problem else replace(check, query=query, address=address)
        case _:
            assert_never(found)


def unusable(check: OwnCheck, namespace: str, why: str) -> OwnCheck:
    """Return a check that cannot be asked, with the reason as the end of a sentence about its template."""
    return replace(check, problem=f"metric template {check.template}.{namespace}: {why}")


def _address(provider: Json) -> str:
    kind = provider.get("type")
    if kind != PROVIDER:
        raise FieldError(f"spec.provider.type {kind!r} is not supported, use {PROVIDER}")
    for field, value in provider.items():
        if field not in {"type", "address"} and value:
            why = f", {_REFUSED[field]}" if field in _REFUSED else ""
            raise FieldError(f"spec.provider.{field} is not supported{why}")
    address = text(provider, "address", "spec.provider.")
    if "@" in address:
        raise FieldError("spec.provider.address must not hold credentials")
    if address:
        try:
            validate_url(address)
        except MetricsServerError as error:
            raise FieldError(f"spec.provider.address: {error}") from error
    return address.rstrip("/")


def _refusal(address: str, servers: Collection[str]) -> str | None:
    if not address or address in servers:
        return None
    return (
        f"spec.provider.address {address} is not an allowed address: omit it, or allow it with --allow-metrics-server"
    )
