"""Other checks than HTTP's success rate and the 99th percentile, by the numbers of real proxies.

Each lets pass what the two would not, or stops what they would let pass.
"""

from contextlib import ExitStack

import pytest

from tests.mesh.story import GRPC_PORT, serve_grpc

SUCCESS = {"name": "istio_requests_total", "threshold": 99}
SHARE_OF = """\
100 * (sum(rate(istio_requests_total{destination_workload="{{ target }}",
          destination_workload_namespace="{{ namespace }}", response_code=~"{{ variables.code }}"}[{{ interval }}]))
        or vector(0))
    / sum(rate(istio_requests_total{destination_workload="{{ target }}",
          destination_workload_namespace="{{ namespace }}"}[{{ interval }}]))
"""


def grpc_status(story, stack):
    """Most errors of gRPC come with 200: a method that nobody has implemented, for example."""
    story.add_workloads(serve_grpc)
    service = f"podinfo-canary:{GRPC_PORT}/env.EnvService"
    stack.enter_context(story.call(10, f"grpc://podinfo:{GRPC_PORT}/env.EnvService/Env"))
    return [{**SUCCESS, "protocol": "grpc"}], (5, f"grpc://{service}/Missing"), "gRPC success rate"


def quantile(story, stack):
    """Some requests are slow: the 99th percentile is, and the median is not until most of them are."""
    story.add_workloads()
    stack.enter_context(story.call(50))
    slow = "http://podinfo-canary:9898/delay/1"
    stack.enter_context(story.disturb(2, slow))
    limit = {"name": "istio_request_duration_milliseconds_bucket", "threshold": 500, "quantile": 0.5}
    return [SUCCESS, limit], (60, slow), "P50 request duration"


def template(story, stack):
    """A query that canaries share counts what is no failure to the success rate."""
    story.add_workloads()
    kind = {"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate", "metadata": {"name": "share-of"}}
    story.add({**kind, "spec": {"provider": {"type": "prometheus"}, "query": SHARE_OF}})
    limit = {"name": "client errors", "thresholdRange": {"max": 10}, "unit": "%"}
    query = {"templateRef": {"name": "share-of"}, "templateVariables": {"code": "4.."}}
    stack.enter_context(story.call(50))
    return [SUCCESS, {**limit, **query}], (20, "http://podinfo-canary:9898/status/404"), "client errors"


@pytest.mark.parametrize("check", [grpc_status, quantile, template])
def test_check_promotes_and_rolls_back(new_story, record_property, check):
    story = new_story(check.__name__.replace("_", "-"))
    with ExitStack() as stack:
        metrics, bad, words = check(story, stack)
        story.add_canary(window="10s", interval="4s", stepWeight=25, threshold=2, metrics=metrics, drainSeconds=5)
        story.until_state("finished")
        story.until_gone()
        promoted = story.events()
        story.release("1.4.0")
        story.until(lambda: story.status().get("canaryWeight") == 25, "25 %")
        with story.disturb(*bad):
            story.until_state("failed")
    halts = [said for said in story.events() if said.startswith("Halt ") and words in said]
    record_property("halts", halts)
    assert [said for said in promoted if words in said] == []
    assert halts
    assert f"Rolling back podinfo-canary.{story.namespace} failed checks threshold reached 2" in story.events()
