"""Queries of the user's own."""

from tests.e2e.stage import QUICK, WINDOW

_OF = 'reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload="{{ workload }}"'
_ERRORS = f'sum(rate(istio_requests_total{{{_OF},response_code=~"5.."}}[{{{{ interval }}}}])) or vector(0)'
_REQUESTS = f"sum(rate(istio_requests_total{{{_OF}}}[{{{{ interval }}}}]))"


def asking(name, query, **more):
    def change(canary):
        canary["spec"]["canaryAnalysis"]["metrics"] = [{"name": name, "query": query, "interval": WINDOW, **more}]

    return change


def test_query_halts_and_recovers(on):
    on.add_canary(
        asking("checkout errors", f"100 * ({_ERRORS}) / {_REQUESTS}", thresholdRange={"max": 1}, unit="%"), **QUICK
    )
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(rate=90)
        on.until_failed_checks(1)
        assert on.weights() == (75, 25)
        on.behave()
        on.until_state("finished")
    on.tells("own-query")
    (check,) = on.status()["checks"]
    assert (check["name"], check["verdict"], check["thresholdRange"]) == ("checkout errors", "pass", {"max": 1})


def test_query_below_its_limit_rolls_back(on):
    limits = {"min": 1000, "max": 2000}
    on.add_canary(
        asking("requests", f"{_REQUESTS} * 0 + 5", thresholdRange=limits, unit="requests/s"),
        **QUICK,
        threshold=1,
    )
    with on.controller():
        on.until_state("failed")
    on.tells("own-query-rolls-back", requests="5.00")
    assert on.weights() == (100, 0)


def test_query_that_prometheus_refuses_is_no_evidence(on):
    on.add_canary(asking("nonsense", "sum(", thresholdRange={"max": 1}), **QUICK, inconclusiveLimit=1)
    with on.controller():
        on.until_state("failed")
    assert any("Halt podinfo.test advancement nonsense unknown, http" in event for event in on.events())


def test_template_of_the_namespace_holds_the_query(on):
    spec = {
        "provider": {"type": "prometheus"},
        "query": f"100 * ({_ERRORS}) / {_REQUESTS}".replace("{{ workload }}", "{{ target }}"),
    }
    on.add(
        {"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate", "metadata": {"name": "errors"}, "spec": spec}
    )

    def naming(canary):
        check = {
            "name": "checkout errors",
            "templateRef": {"name": "errors"},
            "thresholdRange": {"max": 1},
            "unit": "%",
        }
        canary["spec"]["canaryAnalysis"]["metrics"] = [{**check, "interval": WINDOW}]

    on.add_canary(naming, **QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(rate=90)
        on.until_failed_checks(1)
        on.behave()
        on.until_state("finished")
    on.tells("own-query")
