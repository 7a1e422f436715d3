"""The controller as a process of its own: start, promote, scrape, SIGTERM."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller import __version__
from controller.lead.leases import LEASE_NAME
from controller.resources import LEASES
from testbed.sandbox.faults import Fault
from tests.fakes.raw import RawServer, again_and_again, says_nothing
from tests.system.harness import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
ELECT = ("--enable-leader-election", "--leader-election-namespace=test")
CONTROLLER = [sys.executable, "-m", "controller"]


class Process:
    """A controller process and its log."""

    def __init__(self, *arguments, **environ):
        self._child = subprocess.Popen(
            [*CONTROLLER, *arguments],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

    @property
    def pid(self):
        return self._child.pid

    def until_logged(self, message):
        for line in self._child.stderr:
            self.lines.append(json.loads(line))
            if self.lines[-1]["msg"] == message:
                return self.lines[-1]
        raise AssertionError(f"ended with {self._child.wait()} before {message!r}: {self.lines}")

    def send(self, number):
        self._child.send_signal(number)

    def ended(self, within=PATIENCE_SECONDS):
        out, err = self._child.communicate(timeout=within)
        return self._child.returncode, out, err


def command(on, *more):
    """Return what starts a controller of the cluster, with a round a second."""
    metrics_server = f"-metrics-server={on.cluster.prometheus.url}"
    return [*CONTROLLER, "-kubeconfig", on.kubeconfig, metrics_server, "-port=0", "-control-loop-interval=1s", *more]


def started(on, *more):
    return Process(*command(on, *more)[len(CONTROLLER) :])


def test_start_promote_scrape_stop(on):  # contract T5
    on.add_canary(stepWeight=50, maxWeight=50)
    with started(on) as process:
        port = process.until_logged("Starting")["port"]
        process.until_logged("Promotion completed! Scaling down podinfo-canary.test")
        on.until_state("finished")
        assert on.image("podinfo") == on.image("podinfo-canary")
        on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
        address = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{address}/healthz").text == "ok\n"
        assert httpx.get(f"{address}/readyz").text == "ok\n"
        scraped = httpx.get(f"{address}/metrics").text
        process.send(signal.SIGTERM)
        code, _, rest = process.ended(within=5)
    assert code == 0
    assert [json.loads(line)["msg"] for line in rest.splitlines()][-3:] == ["Signal received", "Stopping", "Stopped"]
    for series in (
        f'flagger_info{{version="{__version__}"}} 1.0',
        'flagger_canary_total{namespace="test"} 1.0',
        'flagger_canary_status{name="podinfo",namespace="test"} 1.0',
        'flagger_canary_weight{namespace="test",workload="podinfo"} 100.0',
        'flagger_rollouts_total{namespace="test",outcome="finished",reason="Promoted"} 1.0',
        'flagger_kubernetes_requests_total{code="200",resource="deployments",verb="get"} 2.0',
        'flagger_prometheus_requests_total{outcome="value"} 2.0',
        'workqueue_depth{name="canaries"} 0.0',
    ):
        assert series in scraped
    assert_documented(scraped)


def assert_documented(scraped):
    """Check what is scraped against docs/metrics.md: names and types, and the labels of what has a sample."""
    documented = documented_metrics()
    ours = [(name, kind) for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", scraped, re.MULTILINE)]
    shown = {name: kind for name, kind in ours if not name.startswith(("process_", "python_"))}
    assert shown == {name: kind for name, (kind, _) in documented.items()}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            name = sample.name if sample.name in documented else family.name
            if name in documented:
                assert set(sample.labels) - {"le"} == documented[name][1], name


def documented_metrics():
    """Return every metric of docs/metrics.md with its type and labels."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (gauge|counter|histogram) \| (.*?) ?\|", page, re.MULTILINE)
    return {name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in rows}


def test_key_in_hand_is_finished_when_stopped(on):  # contract T5
    on.add_canary(stepWeight=50, maxWeight=50)
    on.cluster.api.faults.add(Fault(verb="patch", resource="virtualservices", delay_seconds=0.5))
    with started(on) as process:
        on.until(lambda: on.canary_status().get("canaryWeight") == 50)
        process.send(signal.SIGINT)
        code, *_ = process.ended(within=5)
    assert code == 0
    assert on.weights() == (50, 50)


@pytest.mark.parametrize(
    "speak",
    [says_nothing, again_and_again(b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["says nothing", "says to go on for ever"],
)
def test_prometheus_that_hangs_holds_up_no_end_and_the_round_does_not_count(on, speak):
    on.add_canary(inconclusiveLimit=1)
    with (
        RawServer(speak) as prometheus,
        started(on, f"-metrics-server={prometheus.url}", "-log-level=debug", *ELECT) as process,
    ):
        on.until(prometheus.spoken_to.is_set, every_change=False)
        process.send(signal.SIGTERM)
        code, _, rest = process.ended(within=4)
        assert code == 0, rest
    assert on.get((LEASES.group, LEASES.plural), LEASE_NAME)["spec"]["holderIdentity"] == ""
    assert on.canary_status()["state"] == "running"
    assert on.canary_status().get("inconclusiveChecks", 0) == 0


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"PROMETHEUS_TOKEN": "abc\ndef"}, "PROMETHEUS_TOKEN must be one word of visible ASCII characters"),
        ({"PROMETHEUS_TOKEN_FILE": "/nowhere/token"}, "/nowhere/token cannot be read: No such file or directory"),
        ({"PROMETHEUS_HEADERS": "team-a"}, "PROMETHEUS_HEADERS, line 1, is not a header"),
        (
            {"HTTP_PROXY": "socks5://proxy:1080", "NO_PROXY": "127.0.0.1"},
            "the environment variable HTTP_PROXY names a SOCKS proxy, which is not supported",
        ),
    ],
    ids=["token", "token file", "headers", "proxy"],
)
@pytest.mark.parametrize("command", [(), ("check",)], ids=["controller", "check"])
def test_settings_of_prometheus_that_cannot_be_used_are_one_line_and_exit_2(on, environ, text, command):
    arguments = [*command, "-kubeconfig", on.kubeconfig, "-metrics-server=http://prometheus:9090"]
    with Process(*arguments, **environ) as process:
        code, out, err = process.ended()
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert "abc" not in err


def test_second_signal_cuts_off(on):  # contract T5
    on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", hang=True))
    on.add_canary()
    with started(on) as process:
        process.until_logged("Started")
        on.until(lambda: on.cluster.api.faults.hanging, every_change=False)
        process.send(signal.SIGTERM)
        process.until_logged("Stopping")
        process.send(signal.SIGTERM)
        code, _, rest = process.ended(within=5)
        on.cluster.api.faults.clear()
    assert code == 3
    assert json.loads(rest.splitlines()[-1])["msg"] == "Shutdown timed out"


def test_stopped_before_its_caches_have_synced(on):  # contracts T2, T5
    on.cluster.api.faults.add(Fault(verb="list", resource="canaries", hang=True, count=-1))
    with started(on) as process:
        process.until_logged("Starting")
        on.until(lambda: on.cluster.api.faults.hanging, every_change=False)
        process.send(signal.SIGTERM)
        code, *_ = process.ended(within=5)
        on.cluster.api.faults.clear()
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--kubeconfig", "/nowhere/kubeconfig"], "Cannot start: kubeconfig /nowhere/kubeconfig cannot be read: "),
        (["--kubeconfig", __file__], "Cannot start: kubeconfig"),
    ],
    ids=["missing", "not one"],
)
def test_kubeconfig_that_cannot_be_used_ends_the_start(arguments, text):
    with Process(*arguments) as process:
        code, _, err = process.ended()
    assert code == 2
    (line,) = err.splitlines()
    assert text in json.loads(line)["msg"]


def test_port_that_is_taken_ends_the_start(on):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Process("--kubeconfig", on.kubeconfig, f"--port={port}") as process:
            code, _, err = process.ended()
    assert code == 2
    assert f"cannot listen on port {port}" in json.loads(err.splitlines()[-1])["msg"]
