"""How many connections Prometheus sees."""

import threading
from contextlib import closing

from metrics.prometheus import PrometheusObserver
from metrics.types import Check, Target
from tests.fakes.api import FakeApi, says

CHECKS = (Check("istio_requests_total", 99.0, "1m"), Check("istio_request_duration_milliseconds_bucket", 500.0, "1m"))
ANSWER = {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "0.5"]}]}}


def test_queries_share_the_connections_of_one_client():  # contract P12
    ports, both = set(), threading.Barrier(2)

    def together(handler):
        ports.add(handler.client_address[1])
        both.wait(10)
        says(ANSWER)(handler)

    with FakeApi() as api, closing(PrometheusObserver(api.url, threads=2, environ={})) as observer:
        api.default = together
        for _ in range(5):
            observer.observe(Target("test", "podinfo-canary"), CHECKS)
    assert (len(api.requests), len(ports)) == (10, 2)
