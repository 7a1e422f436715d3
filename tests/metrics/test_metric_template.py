"""MetricTemplates: what is seen of one, what a check makes of it, and that the schema refuses the same."""

from pathlib import Path

import pytest
import yaml

from informers.types import Unreadable
from metrics.metric_template import METRIC_TEMPLATES, MetricTemplate, resolved, view
from metrics.types import Limits, OwnCheck
from testbed.sandbox.api.kinds import from_crd
from testbed.sandbox.api.schema import defaulted, problems, unknown_fields

CRD = Path(__file__).parents[2] / "artifacts" / "flagger" / "metrictemplates.yaml"
META = {"namespace": "test", "name": "checkout", "uid": "u", "resourceVersion": "7"}
CHECK = OwnCheck("checkout errors", "", Limits(high=1.0), "1m", "%", "checkout", (("code", "5.."),))
SERVERS = frozenset({"http://prometheus:9090", "http://thanos:9090/query"})


def template(provider=None, **spec):
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": META,
        "spec": {"provider": {"type": "prometheus", **(provider or {})}, "query": "vector(1)", **spec},
    }


def refusals(obj):
    kind = from_crd(yaml.safe_load(CRD.read_text()))
    assert (kind.group, kind.plural, kind.kind) == (
        METRIC_TEMPLATES.group,
        METRIC_TEMPLATES.plural,
        METRIC_TEMPLATES.kind,
    )
    return problems(kind, "v1beta1", defaulted(kind, "v1beta1", obj), None) or unknown_fields(kind, "v1beta1", obj)


@pytest.mark.parametrize(
    ("obj", "query", "address"),
    [
        (template(), "vector(1)", ""),
        (template({"address": "http://prometheus:9090"}), "vector(1)", "http://prometheus:9090"),
        (template({"address": "https://thanos/query/"}, query="up"), "up", "https://thanos/query"),
        (template({"insecureSkipVerify": False}), "vector(1)", ""),
    ],
)
def test_good_template_is_accepted_by_code_and_schema(obj, query, address):
    assert view(obj, None) == MetricTemplate("test", "checkout", "u", "7", query, address)
    assert not refusals(obj)


@pytest.mark.parametrize(
    ("obj", "problem"),
    [
        *(
            (template({"type": name}), f"spec.provider.type {name!r} is not supported, use prometheus")
            for name in (
                *("datadog", "cloudwatch", "newrelic", "graphite", "influxdb", "stackdriver", "dynatrace"),
                *("keptn", "splunk", "externalmetrics", None, ["prometheus"]),
            )
        ),
        (
            template({"secretRef": {"name": "prometheus"}}),
            (
                "spec.provider.secretRef is not supported, the controller reads no Secrets, credentials of Prometheus "
                "are set in its environment"
            ),
        ),
        (
            template({"insecureSkipVerify": True}),
            (
                "spec.provider.insecureSkipVerify is not supported, name the certificate authority in the controller's "
                "SSL_CERT_FILE"
            ),
        ),
        (
            template({"headers": {"X-Scope-OrgID": ["a"]}}),
            "spec.provider.headers is not supported, set them in the controller's PROMETHEUS_HEADERS",
        ),
        (template({"region": "eu-west-1"}), "spec.provider.region is not supported"),
        (template({"tenant": "a"}), "spec.provider.tenant is not supported"),
        (template({"address": "http://u:secret@p"}), "spec.provider.address must not hold credentials"),
        (
            template({"address": "prometheus:9090"}),
            "spec.provider.address: 'prometheus:9090' is not an address such as http://prometheus:9090",
        ),
        (template({"address": 9090}), "spec.provider.address must be a string, not 9090"),
        (template(query=7), "spec.query must be a string, not 7"),
        ({**template(), "spec": {"provider": "prometheus", "query": "up"}}, "spec.provider must be an object"),
        ({**template(), "spec": "up"}, "spec must be an object"),
    ],
    ids=str,
)
def test_bad_template_is_refused_by_code_and_schema_and_says_what_would_be_right(obj, problem):
    assert view(obj, None).problem.startswith(problem)
    assert refusals(obj)


def found(**changes):
    return MetricTemplate("test", "checkout", "u", "7", **{"query": "vector(1)", **changes})


def test_check_takes_query_and_address_of_its_template():
    check = resolved(
        CHECK, found(query='x{c="{{ variables.code }}"}', address="http://thanos:9090/query"), "test", SERVERS
    )
    assert (check.query, check.address, check.problem) == (
        'x{c="{{ variables.code }}"}',
        "http://thanos:9090/query",
        "",
    )


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (None, "not found, create it or correct templateRef.name"),
        (Unreadable("test", "checkout", "u", "7", "metadata is odd"), "cannot be read: metadata is odd"),
        (found(problem="spec.provider.type None is not supported"), "spec.provider.type None is not supported"),
        (found(query=" "), "query is empty"),
        (found(query='x{c="{{ variables.a }}"}'), "query has {{ variables.a }}, and templateVariables has no a"),
        (
            found(address="http://169.254.169.254"),
            (
                "spec.provider.address http://169.254.169.254 is not an allowed address: omit it, or "
                "allow it with --allow-metrics-server"
            ),
        ),
    ],
)
def test_template_that_cannot_be_asked_is_named_with_what_would_be_right(template, problem):
    check = resolved(CHECK, template, "test", SERVERS)
    assert (check.query, check.address) == ("", "")
    assert check.problem == f"metric template checkout.test: {problem}"
