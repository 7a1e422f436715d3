"""Whole rollouts of canaries whose queries stand in a MetricTemplate."""

import pytest

from testbed.sandbox.__main__ import ARTIFACTS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.faults import Fault
from testbed.sandbox.prometheus import PrometheusServer, SampleStore
from tests.system.harness import CANARY, controller, objects, page, stage
from tests.system.test_check import checked

TEMPLATES = ("flagger.app", "metrictemplates")
QUICK = {"stepWeight": 50, "maxWeight": 50}
ALL = 'sum(rate(istio_requests_total{destination_workload="{{ target }}"}[{{ interval }}]))'
FAILED = ALL.replace("}[", ',response_code=~"{{ variables.code }}"}[')
ERRORS = f"100 * ({FAILED} or vector(0)) / {ALL}"


def template(query=ERRORS, name="errors", **provider):
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {"provider": {"type": "prometheus", **provider}, "query": query},
    }


def add_canary(on, *, limit=1, **analysis):
    """Add a canary that is judged by a template and nothing else."""
    (canary,) = objects("rollouts/podinfo")
    canary["spec"]["canaryAnalysis"] |= {
        "drainSeconds": 0,
        "metrics": [
            {
                "name": "errors",
                "templateRef": {"name": "errors"},
                "templateVariables": {"code": "5.."},
                "thresholdRange": {"max": limit},
                "unit": "%",
                "interval": "1s",
            }
        ],
        **QUICK,
        **analysis,
    }
    on.add(canary)


def is_unusable(on):
    return on.condition("Ready").get("reason") == "MetricTemplateNotUsable"


@pytest.fixture
def measured(on):
    """A cluster with podinfo's workloads, whose mesh is measured."""
    on.cluster.prometheus.faults.script = None
    return on


def test_template_promotes_and_rolls_back(measured):
    on = measured
    on.add(template())
    with controller(on):
        add_canary(on, threshold=1)
        on.until_state("finished")
        on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
        on.push("quay.io/stefanprodan/podinfo:next")
        on.until_state("failed")
        on.until(lambda: on.said("% > 1%"))
    assert not on.said("unknown")


def test_template_that_comes_later_starts_the_rollout_at_once(measured):
    on = measured
    with controller(on):
        add_canary(on)
        on.until(lambda: is_unusable(on))
        on.until_said("metric template errors.test: not found, create it or correct templateRef.name")
        assert on.canary_status()["state"] == "blocked"
        on.add(template())
        on.until_state("finished")
        assert on.condition("Ready")["status"] == "True"


def test_template_that_breaks_at_rest_is_said_and_taken_back(measured):
    on = measured
    on.add(template())
    with controller(on):
        add_canary(on)
        on.until_state("finished")
        on.change(TEMPLATES, "errors", lambda obj: obj["spec"].update(query='x{a="{{ pod }}"}'))
        on.until(lambda: is_unusable(on))
        assert "unknown variable {{ pod }}" in on.condition("Ready")["message"]
        on.change(TEMPLATES, "errors", lambda obj: obj["spec"].update(query=ERRORS))
        on.until(lambda: on.condition("Ready")["status"] == "True")


def test_template_that_goes_mid_rollout_is_no_evidence(measured):
    on = measured
    on.add(template())
    with controller(on):
        add_canary(on, stepWeight=5, maxWeight=100, inconclusiveLimit=2)
        on.until(lambda: on.weights()[1] > 0)
        on.delete(TEMPLATES, "errors")
        on.until_state("failed")
    assert on.said("errors unknown, metric template errors.test: not found")
    assert on.said("not enough data, inconclusive checks limit reached 2")
    assert on.weights() == (100, 0)


@pytest.mark.parametrize(
    "lacking", [None, "metrictemplates.flagger.app is not served by the API server"], ids=["not granted", "not served"]
)
def test_kind_that_cannot_be_seen_is_its_canarys_condition_and_holds_up_nobody(tmp_path, lacking):  # behaviour 19
    crds = (VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, ARTIFACTS / "flagger" / "crd.yaml")
    definition = ARTIFACTS / "flagger" / "metrictemplates.yaml"
    with stage(tmp_path, crds=crds if lacking else (*crds, definition)) as on, controller(on) as running:
        on.add_workloads()
        if not lacking:
            on.cluster.api.faults.add(Fault(verb="list", resource="metrictemplates", code=403, count=-1))
        on.until(lambda: page(running.port, "readyz") == "ok\n", every_change=False)
        assert "metrictemplates" not in {request.resource for request in on.requests()}
        add_canary(on)
        on.until(lambda: is_unusable(on))
        said = lacking or "may not list and watch metrictemplates.flagger.app, grant it (the chart does with kinds."
        assert said in on.condition("Ready")["message"]
        assert page(running.port, "readyz") == "ok\n"
        on.delete(CANARY, "podinfo")
        on.until(lambda: on.canary_object() is None)
        on.add_canary(**QUICK)
        on.until_state("finished")


def test_address_is_asked_only_if_it_is_allowed(measured):
    on = measured
    other = PrometheusServer(SampleStore(), now=wall_clock)
    other.faults.script = lambda _query: 0.25
    other.start()
    try:
        on.add(template(address=other.url))
        with controller(on):
            add_canary(on)
            on.until(lambda: is_unusable(on))
            assert "is not an allowed address" in on.condition("Ready")["message"]
        assert other.queries == []
        with controller(on, allowed_metrics_servers=(other.url,)):
            on.until_state("finished")
        assert set(other.queries) == {
            ERRORS.replace("{{ target }}", "podinfo-canary")
            .replace("{{ interval }}", "1s")
            .replace("{{ variables.code }}", "5..")
        }
    finally:
        other.stop()


def test_check_asks_the_query_of_a_template_or_says_why_it_cannot(measured):
    on = measured
    add_canary(on)
    found = dict(checked(on)[1])
    assert (
        found["MetricTemplateNotUsable"]
        == "metric template errors.test: not found, create it or correct templateRef.name"
    )
    on.add(template("vector(0.25)"))
    (finding,) = [f for f in checked(on)[2]["findings"] if f["reason"] == "QueryAnswered"]
    assert finding["what"] == "Its query for errors answers 0.25% (at most 1%): it passes now"
    assert finding["query"] == "vector(0.25)"
    on.cluster.api.faults.add(Fault(verb="list", resource="metrictemplates", code=403, count=-1))
    found = dict(checked(on)[1])
    assert "may not list metrictemplates.flagger.app" in found["NotAllowed"]
    assert "MetricTemplateNotUsable" not in found
