"""Readings of many workloads from one query are those of each alone, asked of a real Prometheus at one instant."""

import math
import threading
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from random import Random

import httpx

from hack.cluster.control_plane import wait_until
from hack.cluster.monitoring import Prometheus
from hack.sandbox.cluster import wall_clock
from hack.sandbox.loopback import Handler, Loopback
from metrics.promql import WORKLOAD_LABELS
from metrics.queries import QUERIES
from metrics.types import Check, Target

BUCKET = "istio_request_duration_milliseconds_bucket"
BOUNDS = ("1", "5", "25", "100", "+Inf")
TARGETS = [Target(f"team-{n % 7}", f"podinfo.{n}") for n in range(50)]
CHECKS = (
    Check("istio_requests_total", 99.0, "10s"),
    Check("istio_requests_total", 99.0, "10s", protocol="grpc"),
    Check(BUCKET, 500.0, "10s"),
    Check(BUCKET, 500.0, "10s", quantile=0.5),
)
SCRAPE = timedelta(milliseconds=500)
SCRAPES = 12


class Workloads:
    """Serves the counters of many workloads: some without requests, some with nothing but errors, some that restart."""

    def __init__(self) -> None:
        self._random = Random(17)  # any numbers, the same each time
        self._counts: dict[str, float] = {}
        self.scrapes = 0

    def page(self) -> bytes:
        self.scrapes += 1
        for number, target in enumerate(TARGETS):
            self._serve(number, target)
        return "".join(f"{series} {count:g}\n" for series, count in self._counts.items()).encode()

    def _serve(self, number: int, target: Target) -> None:
        codes = {0: (), 1: ("503",), 2: ("200",)}.get(number % 10, ("200", "404", "503"))
        own = f'reporter="destination",destination_workload_namespace="{target.namespace}",'
        own += f'destination_workload="{target.workload}"'
        if number % 10 == 3 and self.scrapes == SCRAPES // 2:
            self._counts = {series: 0 if own in series else count for series, count in self._counts.items()}
        for code in codes:
            for status in ("0", "13"):
                labels = f'{own},response_code="{code}",request_protocol="grpc",grpc_response_status="{status}"'
                self._add(f"istio_requests_total{{{labels}}}", self._random.randrange(50))
        reached = 0
        for bound in BOUNDS if codes else ():
            reached += self._random.randrange(20)
            self._add(f'{BUCKET}{{{own},le="{bound}"}}', reached)

    def _add(self, series: str, by: float) -> None:
        self._counts[series] = self._counts.get(series, 0.0) + by


def serve(workloads: Workloads) -> Loopback:
    class Metrics(Handler):
        def do_GET(self) -> None:  # noqa: N802  # the name is inherited
            with lock:
                self.send(HTTPStatus.OK, workloads.page(), "text/plain")

    lock = threading.Lock()
    return Loopback(Metrics, port=0, name="workloads")


def answers(url: str, query: str, at: float) -> dict[tuple[str, ...], float]:
    """Return the numbers that a query is answered with, by workload; () for the only one."""
    answer = httpx.post(f"{url}/api/v1/query", data={"query": query, "time": f"{at:.3f}"}, timeout=10).json()
    assert answer["status"] == "success", answer
    return {
        tuple(one["metric"][label] for label in WORKLOAD_LABELS if one["metric"]): float(one["value"][1])
        for one in answer["data"]["result"]
    }


def compared(binaries: Path, directory: Path) -> int:
    """Compare every number, and return how many there were."""
    workloads = Workloads()
    server = serve(workloads)
    server.start()
    prometheus = Prometheus(binaries, directory, server.url.removeprefix("http://"), scrape=SCRAPE)
    numbers = 0
    try:
        running = prometheus.start()
        wait_until(lambda: workloads.scrapes >= SCRAPES, [running], "Prometheus has scraped a dozen times")
        at = wall_clock().timestamp()
        for check in CHECKS:
            ask = QUERIES[check.name].queries
            for way, query in enumerate(ask(TARGETS, check)):
                many = answers(prometheus.url, query, at)
                for target in TARGETS:
                    alone = answers(prometheus.url, [*ask(target, check)][way], at).get((), math.nan)
                    among = many.get((target.namespace, target.workload), math.nan)
                    assert math.isclose(alone, among, rel_tol=1e-12) or (math.isnan(alone) and math.isnan(among))
                    numbers += not math.isnan(alone)
    finally:
        prometheus.stop()
        server.stop()
    return numbers


def test_readings_of_many_are_those_of_each_alone(cluster, tmp_path):
    assert compared(Path(cluster.places["binaries"]), tmp_path) > 200
