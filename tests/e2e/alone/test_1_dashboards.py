"""Every query of the dashboards, asked of the real Prometheus while a rollout runs, when it has ended, and at rest."""

import copy
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from hack.dashboards.__main__ import CHOICE, DIRECTORY
from hack.dashboards.reading import Period, Reader
from hack.dashboards.story import User, run_controller, wait_until
from testbed.processes import pause
from testbed.sandbox.cluster import wall_clock

ANALYSIS, CONTROLLER = (
    json.loads((DIRECTORY / f"{name}.json").read_text()) for name in ("canary-analysis", "controller")
)
SCRAPE_SECONDS = 1.0
LONGEST_STEP_SECONDS = 60.0  # that a panel asks for
EXPECTED_AT_REST = {"no traffic", "no pods"}
ENDED = "Last rollouts"  # the panel that is empty until one has ended
METRICS = [
    {"name": "istio_requests_total", "threshold": 99},
    {"name": "istio_request_duration_milliseconds_bucket", "threshold": 500},
    {"name": "scrapes", "query": "vector(5)", "thresholdRange": {"min": 1, "max": 9}},
]


class Watched:
    """A namespace whose rollout Prometheus watches."""

    def __init__(self, stack, cluster, user, namespace) -> None:
        self._stack = stack
        self.user = user
        self.namespace = namespace
        self._url = cluster.places["prometheus"]
        self._began = wall_clock().timestamp()

    def reader(self, *, seconds: float = 0.0) -> Reader:
        """Return what asks for the time since the beginning, at least two minutes, or for the last seconds."""
        now = wall_clock().timestamp()
        start = now - seconds if seconds else min(self._began, now - LONGEST_STEP_SECONDS * 2)
        period = Period(start, now, SCRAPE_SECONDS, SCRAPE_SECONDS)
        reader = Reader(self._url, period, {**CHOICE, "namespace": self.namespace})
        return self._stack.enter_context(reader)


@pytest.fixture
def watched(cluster, tmp_path) -> Iterator[Watched]:
    namespace = f"watched-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        switches = stack.enter_context(httpx.Client(base_url=cluster.places["admin"], timeout=10))
        user = User(cluster.api, switches)
        run_controller(stack, cluster.places, tmp_path, "watched")
        user.settle(namespace)
        canary = f"/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/podinfo"
        stack.callback(wait_until, lambda: cluster.api.get(canary).status_code == httpx.codes.NOT_FOUND)
        stack.callback(cluster.api.delete, f"/api/v1/namespaces/{namespace}")  # while its controller can let it go
        yield Watched(stack, cluster, user, namespace)


def silent(dashboard, reader) -> list[str]:
    """Return which queries answer nothing."""
    return [
        f"{panel['title']}: {reader.filled(target['expr'], reader.period.of_panel(panel))}"
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if not reader.target(target, reader.period.of_panel(panel))
    ]


def without_zeros(dashboard):
    """Return the dashboard without what its queries say when they have nothing to say: that would hide a wrong name."""
    found = copy.deepcopy(dashboard)
    for target in (target for panel in found["panels"] for target in panel.get("targets", ())):
        target["expr"] = target["expr"].partition(" or on () label_replace")[0].replace(" or vector(0)", "")
    return found


def words_of_empty_panels(dashboard, reader) -> set[str]:
    """Return what panels without any data say."""
    return {
        panel["fieldConfig"]["defaults"]["noValue"]
        for panel in dashboard["panels"]
        if panel["type"] != "row" and not any(reader.panel(panel))
    }


def options(variable, reader) -> list[str]:
    """Return what a variable can be chosen from, as Grafana finds it out."""
    query = reader.filled(variable["query"]["query"])
    inner, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    found = reader.target({"expr": inner, "instant": True}, reader.period)
    return sorted({series.labels[label] for series in found})


def test_every_panel_has_data(watched):
    user, namespace = watched.user, watched.namespace
    user.release(namespace, stepWeight=25, metrics=METRICS)
    wait_until(lambda: any("weight 50" in text for _, text in user.events(namespace)))
    user.behave("podinfo", error_ratio=0.05, namespace=namespace)
    user.behave("podinfo-canary", error_ratio=0.5, namespace=namespace)
    wait_until(lambda: any("Halt" in text for _, text in user.events(namespace)))
    pause(2 * SCRAPE_SECONDS)
    during = watched.reader()
    assert {line.partition(":")[0] for line in silent(without_zeros(ANALYSIS), during)} <= {ENDED}
    user.behave("podinfo-canary", namespace=namespace)
    wait_until(lambda: user.state(namespace) == "finished")
    pause(4 * SCRAPE_SECONDS)
    after = watched.reader()
    assert silent(CONTROLLER, after) == []
    assert ENDED not in {line.partition(":")[0] for line in silent(ANALYSIS, after)}

    started, finished, failed = (after.marks(one) for one in ANALYSIS["annotations"]["list"])
    assert len(started) == len(finished) == 1
    assert started < finished
    assert failed == []

    found = {one["name"]: options(one, after) for one in ANALYSIS["templating"]["list"][1:]}
    assert namespace in found.pop("namespace")
    assert found == {"object": ["podinfo"], "primary": ["podinfo"], "canary": ["podinfo-canary"]}
    (_, job) = CONTROLLER["templating"]["list"]
    assert options(job, after) == ["flagger"]

    pause(6 * SCRAPE_SECONDS)
    rest = watched.reader(seconds=SCRAPE_SECONDS)
    assert words_of_empty_panels(ANALYSIS, rest) <= EXPECTED_AT_REST
    glance = [panel for panel in ANALYSIS["panels"] if panel["type"] == "stat"]
    assert all(rest.panel(panel)[0] for panel in glance)


def test_chart_installs_and_keeps_its_password(cluster):
    namespace = f"watched-{uuid.uuid4().hex[:8]}"
    install = f"helm upgrade -i flagger-grafana charts/grafana --namespace {namespace} --create-namespace"
    install += " --set url=http://prometheus.istio-system:9090"
    read = f"kubectl -n {namespace} get secret flagger-grafana -o jsonpath='{{.data.admin-password}}'"
    assert "flagger-canary-analysis" in cluster.run(install)
    first = cluster.run(read)
    cluster.run(f"{install} --set anonymous.enabled=true")
    assert cluster.run(read) == first != ""
    cluster.run(f"kubectl -n {namespace} rollout status deployment/flagger-grafana --timeout=60s")
    cluster.run(f"kubectl delete namespace {namespace} --wait=false")
