"""``flagger check`` against the sandbox: with parts missing, refused, away, or not what they are taken for."""

import copy
import io
import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from controller.check import ask_objects, command
from controller.check.command import USER_AGENT
from controller.lifecycle import utc_now
from controller.resources import APPLY_CRD
from metrics import prometheus
from testbed.sandbox.__main__ import VIRTUAL_SERVICE_CRD
from testbed.sandbox.faults import Fault
from testbed.sandbox.prometheus import PrometheusServer, SampleStore
from tests.fakes.api import FakeApi, refuses, says
from tests.system.harness import CANARY, WRITES, controller, objects, stage

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ("apps", "deployments")
ROUTE = ("networking.istio.io", "virtualservices")
SERVICE = ("", "services")
REQUESTS = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"
MILLISECONDS = "istio_request_duration_milliseconds_bucket"


@pytest.fixture
def measured(on):
    """A cluster with podinfo's workloads and canary object, whose Prometheus has scraped the mesh."""
    on.cluster.prometheus.faults.script = None
    on.add_canary(window="1m")
    on.until(lambda: series(on, REQUESTS) and series(on, MILLISECONDS), every_change=False)
    return on


def series(on, metric):
    return on.cluster.prometheus.store.query(f'{metric}{{destination_workload="podinfo"}}', on.cluster.prometheus.now())


def checked(on, *arguments, metrics_server=None):
    """Return exit code, what is not as it should be as (reason, sentence), and the document."""
    out = io.StringIO()
    flags = ["--kubeconfig", on.kubeconfig, "--metrics-server", metrics_server or on.cluster.prometheus.url]
    code = command.main([*flags, "-o", "json", *arguments], utc_now, out)
    document = json.loads(out.getvalue())
    return code, [(f["reason"], f["what"]) for f in document["findings"] if f["level"] != "ok"], document


def requests(on):
    return on.cluster.api.log.of(USER_AGENT)


def lease(metrics_server):
    """Return the Lease of a controller that has renewed it just now."""
    annotations = {"flagger.app/metrics-server": metrics_server}
    spec = {"holderIdentity": "flagger-1_x", "renewTime": utc_now().isoformat(), "leaseDurationSeconds": 15}
    metadata = {"name": "flagger-leader-election", "namespace": "test", "annotations": annotations}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


LEADING = ("--enable-leader-election", "--leader-election-namespace=test")


def test_nothing_to_fix(measured):
    measured.add(lease(measured.cluster.prometheus.url))
    code, found, document = checked(measured, *LEADING)
    assert (code, found) == (0, [])
    assert document["apiServer"]["user"] == "sandbox"
    assert document["summary"] == {"ok": 11, "warning": 0, "problem": 0}


def test_lease_says_whom_the_controller_asks_and_when_it_has_gone(measured):
    def about_it():
        return [reason for reason, _ in checked(measured, *LEADING)[1] if reason in {"NoLeader", "OtherMetricsServer"}]

    assert about_it() == ["NoLeader"]
    elect = {"leader_election": True, "leader_election_namespace": "test"}
    with controller(measured, **elect):
        measured.until(lambda: about_it() == [], every_change=False)
    assert about_it() == ["NoLeader"]
    with controller(measured, **elect, metrics_server="http://127.0.0.1:9"):
        measured.until(lambda: about_it() == ["OtherMetricsServer"], every_change=False)


def test_malformed_lease_is_no_crash(measured):
    broken = lease("")
    broken["spec"]["renewTime"] = "yesterday"
    measured.add(broken)
    assert [reason for reason, _ in checked(measured, *LEADING)[1]] == ["CannotTell"]


def test_each_kind_is_listed_once_and_nothing_is_written_or_watched(measured):
    before = measured.cluster.api.store.version
    checked(measured)
    seen = requests(measured)
    assert sorted(r.resource for r in seen if r.verb == "list") == [
        "canaries",
        "deployments",
        "services",
        "virtualservices",
    ]
    assert {r.resource for r in seen if r.verb in WRITES} == {"selfsubjectreviews", "selfsubjectaccessreviews"}
    assert [r for r in seen if r.verb == "watch" or r.code >= 400] == []
    assert measured.cluster.api.store.version == before


def test_pages_are_turned(measured, monkeypatch):
    (other,) = objects("rollouts/podinfo")
    other["metadata"]["name"] = "younger"
    measured.add(other)
    monkeypatch.setattr(ask_objects, "PAGE", 1)
    code, found, _ = checked(measured)
    assert (code, [reason for reason, _ in found]) == (1, ["SharedWithOlderCanary"])


def test_pages_that_expire_are_read_at_once(measured, monkeypatch):
    monkeypatch.setattr(ask_objects, "PAGE", 1)
    measured.cluster.api.faults.add(Fault(verb="list", resource="deployments", code=410, skip=1))
    assert checked(measured)[:2] == (0, [])


def test_empty_cluster_names_what_is_to_be_installed(tmp_path):
    with stage(tmp_path, crds=()) as on:
        code, found, answer = checked(on)
    assert code == 1
    assert [reason for reason, _ in found] == ["KindNotServed", "KindNotServed", "NoIstioSeries"]
    assert found[0][1].startswith("canaries.flagger.app is not served by the API server: install")
    fixes = [finding["fix"] for finding in answer["findings"] if finding["reason"] == "KindNotServed"]
    assert fixes == [APPLY_CRD, "Install Istio 1.0 or newer, for example with `istioctl install`."]


def test_schema_of_another_version_is_named(tmp_path):
    with stage(tmp_path, crds=(VIRTUAL_SERVICE_CRD,)) as on:
        (crd,) = objects("flagger/crd")
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["status"]["properties"]["stage"]
        on.add(crd)
        _, found, _ = checked(on)
    assert found[0][0] == "SchemaDiffers"
    assert "status.stage" in found[0][1]


@pytest.mark.parametrize("namespaces", [(), ("test",), ("test", "nowhere")])
def test_namespaces_are_looked_into_and_must_exist(measured, namespaces):
    measured.delete(ROUTE, "podinfo")
    _, found, document = checked(measured, *(f"--namespace={name}" for name in namespaces))
    missing = [("NamespaceNotFound", "Namespace nowhere does not exist")] if "nowhere" in namespaces else []
    assert found[: len(missing)] == missing
    assert [reason for reason, _ in found[len(missing) :]] == ["RouteNotFound"]
    assert document["namespaces"] == list(namespaces)
    assert {r.namespace for r in requests(measured) if r.verb == "list"} == set(namespaces or ("",))


def test_sentences_are_those_of_the_controller(measured):
    measured.delete(SERVICE, "podinfo-canary")
    _, found, _ = checked(measured)
    with controller(measured):
        measured.until_said("Halt podinfo.test advancement ")
    (event,) = measured.events()
    assert [f"Warning  Halt podinfo.test advancement {what}" for _, what in found] == [event]


def test_what_is_not_allowed_is_named_and_not_tried(measured):
    for verb, resource in (("list", "services"), ("patch", "virtualservices")):
        measured.cluster.api.faults.add(Fault(verb=verb, resource=resource, code=403, count=-1))
    code, found, _ = checked(measured)
    assert code == 1
    assert found == [
        ("NotAllowed", "sandbox may not patch virtualservices.networking.istio.io in all namespaces"),
        ("NotAllowed", "sandbox may not list services in all namespaces"),
    ]
    assert [r for r in requests(measured) if r.code == 403] == []


def test_namespace_that_we_may_not_read_is_not_tried(measured):
    measured.cluster.api.faults.add(Fault(verb="get", resource="namespaces", code=403, count=-1))
    assert checked(measured, "--namespace=test")[:2] == (
        1,
        [("NotAllowed", "sandbox may not get namespaces in namespace test")],
    )
    assert [r for r in requests(measured) if r.code == 403] == []


def test_lease_is_checked_in_its_namespace(measured):
    measured.cluster.api.faults.add(Fault(verb="update", resource="leases", code=403, count=-1))
    assert checked(measured)[0] == 0
    _, found, _ = checked(measured, "--enable-leader-election", "--leader-election-namespace=istio-system")
    lease = "leases.coordination.k8s.io flagger-leader-election"
    assert found[0] == ("NotAllowed", f"sandbox may not update {lease} in namespace istio-system")
    assert checked(measured, "--enable-leader-election", "--dry-run")[0] == 0


def test_dry_run_needs_no_right_to_write(measured):
    measured.cluster.api.faults.add(Fault(verb="patch", resource="deployments", code=403, count=-1))
    assert checked(measured)[0] == 1
    assert checked(measured, "--dry-run")[0] == 0


def test_server_that_does_not_say_what_is_allowed(measured):
    measured.cluster.api.faults.add(Fault(verb="create", resource="selfsubjectaccessreviews", code=500, count=-1))
    measured.cluster.api.faults.add(Fault(verb="create", resource="selfsubjectreviews", code=500, count=-1))
    code, found, document = checked(measured)
    assert (code, [reason for reason, _ in found]) == (0, ["CannotTell"])
    assert [r.resource for r in requests(measured)].count("selfsubjectaccessreviews") == 1
    assert document["apiServer"]["user"] is None


def test_list_that_fails_is_no_missing_part(measured):
    measured.cluster.api.faults.add(Fault(verb="list", resource="deployments", code=500, count=-1))
    code, found, _ = checked(measured)
    assert code == 0
    ((reason, what),) = found
    assert (reason, "deployments cannot be listed" in what) == ("CannotTell", True)


def test_server_that_falls_silent_is_said_once(measured):
    measured.cluster.api.faults.add(Fault(verb="list", resource="deployments", drop="before", count=-1))
    code, found, _ = checked(measured)
    assert (code, [reason for reason, _ in found]) == (1, ["ApiServerUnreachable"])


def test_server_that_hangs_is_given_up(measured, monkeypatch):
    monkeypatch.setattr(command, "_REQUEST_SECONDS", 0.2)
    measured.cluster.api.faults.add(Fault(verb="create", resource="selfsubjectaccessreviews", hang=True, count=-1))
    code, found, _ = checked(measured)
    measured.cluster.api.faults.clear()
    assert (code, [reason for reason, _ in found]) == (1, ["ApiServerUnreachable"])


def test_api_server_that_is_away_does_not_keep_prometheus_from_being_checked(measured):
    measured.cluster.prometheus.faults.answer = "html"
    code, found, _ = checked(measured, "--master=http://127.0.0.1:1")
    assert (code, [reason for reason, _ in found]) == (1, ["ApiServerUnreachable", "PrometheusUnusable"])
    assert "is the address right?" in found[1][1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuses(401, "Unauthorized"), "NotAuthenticated"),
        (says(b"<html>", 200), "ApiServerUnreachable"),
        (says(b"not found", 404), "ApiServerUnreachable"),
        (says({"gitVersion": "?"}), "CannotTell"),
    ],
    ids=["401", "html", "404", "no version"],
)
def test_server_that_is_no_api_server_or_not_for_us(on, tmp_path, answer, reason):
    with FakeApi() as api:
        api.default = answer
        _, found, _ = checked(on, "--kubeconfig", str(api.kubeconfig(tmp_path)))
    assert found[0][0] == reason


def test_nobody_is_told_to_log_in(on, tmp_path):
    text = 'selfsubjectreviews is forbidden: User "system:anonymous" cannot create resource'
    with FakeApi() as api:
        api.answers = [says({"major": "1", "minor": "32+", "gitVersion": "v1.32.0-gke"})]
        api.default = refuses(403, "Forbidden", message=text)
        _, found, document = checked(on, "--kubeconfig", str(api.kubeconfig(tmp_path)))
    assert found[0][0] == "NotAuthenticated"
    assert document["apiServer"]["version"] == "v1.32.0-gke"
    assert "NotAllowed" not in {reason for reason, _ in found}


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"down": True}, "Prometheus cannot be used: http://127.0.0.1:"),
        ({"answer": "html"}, "is the address right?"),
        ({"answer": "error"}, "answered timeout"),
        ({"answer": "huge"}, "is it Prometheus?"),
        ({"answer": "empty"}, f"Prometheus has no {REQUESTS}"),
        ({"delay_seconds": 0.5}, "did not answer within 0.1s"),
    ],
    ids=["down", "html", "error", "huge", "empty", "slow"],
)
def test_prometheus_that_cannot_judge(measured, monkeypatch, fault, text):
    if "delay_seconds" in fault:
        monkeypatch.setattr(prometheus, "TIMEOUT_SECONDS", 0.1)
    for name, value in fault.items():
        setattr(measured.cluster.prometheus.faults, name, value)
    code, found, _ = checked(measured)
    assert code == 1
    assert text in found[0][1]
    assert [reason for reason, _ in found] in (["PrometheusUnusable"], ["NoIstioSeries"])


def test_canary_that_asks_for_the_metric_of_another_istio_is_told_which_to_ask_for(measured):
    def answer(query):
        return None if MILLISECONDS in query else 10.0

    measured.cluster.prometheus.faults.script = answer
    code, found, document = checked(measured)
    assert (code, [reason for reason, _ in found]) == (1, ["WrongDurationMetric"])
    (fix,) = [f["fix"] for f in document["findings"] if f["level"] == "problem"]
    assert fix.startswith(f"Set spec.canaryAnalysis.metrics[1].name to {SECONDS}")


def test_service_without_traffic_is_a_warning(measured):
    other = copy.deepcopy(measured.get(CANARY, "podinfo"))
    other["metadata"].update(name="quiet", uid="quiet-uid", namespace="quiet")
    measured.cluster.api.store.put(CANARY, ("quiet", "quiet"), other)
    _, found, _ = checked(measured, "--namespace=test", "--namespace=quiet")
    assert [what for reason, what in found if reason == "NoSeriesOfWorkloads"] == [
        f"Prometheus has no {metric} of podinfo or podinfo-canary in namespace quiet"
        for metric in (REQUESTS, MILLISECONDS)
    ]


@contextmanager
def scraped_every(on, seconds):
    """Serve what the mesh has counted, as a Prometheus holds it that scrapes at this pace."""
    now, store = utc_now(), SampleStore()
    for back in range(5, -1, -1):
        store.take(on.cluster.mesh.series(), now - timedelta(seconds=back * seconds))
    server = PrometheusServer(store, now=lambda: now)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.mark.parametrize(("seconds", "reasons"), [(15, []), (30, []), (60, ["WindowTooShort", "WindowTooShort"])])
def test_window_must_hold_two_scrapes(measured, seconds, reasons):
    with scraped_every(measured, seconds) as url:
        code, found, document = checked(measured, metrics_server=url)
    assert (code, [reason for reason, _ in found]) == (1 if reasons else 0, reasons)
    assert [f["fix"].split(",")[0] for f in document["findings"] if f["level"] == "problem"] == [
        f"Set spec.canaryAnalysis.metrics[{index}].interval to 4m" for index in range(len(reasons))
    ]


@pytest.mark.parametrize(("limit", "reasons"), [(10_000, []), (15_000, ["LimitBeyondBuckets"])])
def test_limit_must_lie_within_the_buckets(measured, limit, reasons):
    analysis = {"metrics": [{"name": MILLISECONDS, "threshold": limit}]}
    measured.change(CANARY, "podinfo", lambda obj: obj["spec"]["canaryAnalysis"].update(analysis))
    code, found, _ = checked(measured)
    assert (code, [reason for reason, _ in found]) == (0, reasons)


@pytest.mark.parametrize("spec", [None, [], "text", {"primary": None}], ids=["null", "list", "text", "null inside"])
def test_malformed_object_is_named_and_others_are_judged(measured, spec):
    broken = copy.deepcopy(measured.get(CANARY, "podinfo"))
    broken["metadata"].update(name="broken", uid="broken-uid")
    broken["spec"] = spec
    measured.cluster.api.store.put(CANARY, ("test", "broken"), broken)
    code, found, document = checked(measured)
    assert (code, [reason for reason, _ in found]) == (1, ["InvalidSpec"])
    assert {f["canary"] for f in document["findings"] if f["reason"] == "Passed"} >= {"test/podinfo"}


def status(**fields):
    return lambda obj: obj.update(status=fields)


def meta(**fields):
    return lambda obj: obj["metadata"].update(fields)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(status(state="odd"), "CanaryUnreadable", id="state"),
        pytest.param(status(canaryWeight=101), "CanaryUnreadable", id="weight"),
        pytest.param(status(canaryWeight="15"), "CanaryUnreadable", id="text for a number"),
        pytest.param(status(lastCheckTime="9999-12-31T23:59:59-01:00"), "CanaryUnreadable", id="beyond the calendar"),
        pytest.param(status(startTime="0001-01-01T00:00:00+01:00"), "CanaryUnreadable", id="before the calendar"),
        pytest.param(status(checks=[None]), "CanaryUnreadable", id="null for a check"),
        pytest.param(status(conditions=7), "CanaryUnreadable", id="number for conditions"),
        pytest.param(lambda obj: obj.update(status=[]), "CanaryUnreadable", id="list for a status"),
        pytest.param(meta(creationTimestamp="9999-12-31T23:59:59-01:00"), "CanaryUnreadable", id="made after all time"),
        pytest.param(meta(creationTimestamp=None), "CanaryUnreadable", id="no time of creation"),
        pytest.param(meta(annotations=[7]), "CanaryUnreadable", id="list of annotations"),
        pytest.param(lambda obj: obj.pop("metadata"), None, id="metadata"),
    ],
)
def test_object_that_cannot_be_read_is_a_finding(measured, spoil, reason):
    broken = copy.deepcopy(measured.get(CANARY, "podinfo"))
    broken["metadata"].update(name="broken", uid="broken-uid")
    measured.cluster.api.store.put(CANARY, ("test", "broken"), broken)
    spoil(measured.get(CANARY, "broken"))
    _, found, document = checked(measured)
    assert [r for r, _ in found] == ([reason] if reason else [])
    assert "test/podinfo" in {f["canary"] for f in document["findings"] if f["reason"] == "Passed"}


def process(*arguments):
    command_line = [sys.executable, "-m", "controller", "check", *arguments]
    return subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def test_as_a_process(measured):
    done = process("-kubeconfig", measured.kubeconfig, f"-metrics-server={measured.cluster.prometheus.url}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"API server   {measured.cluster.api.url}, Kubernetes v1.32.0+sandbox\nUser ")
    assert done.stdout.endswith("\nNothing to fix: all 9 checks passed.\n")


def test_what_the_parts_log_is_not_mixed_into_the_findings(measured):
    broken = copy.deepcopy(measured.get(CANARY, "podinfo"))
    broken.update(status={"state": "odd"})
    measured.cluster.api.store.put(CANARY, ("test", "podinfo"), broken)
    done = process("-kubeconfig", measured.kubeconfig, f"-metrics-server={measured.cluster.prometheus.url}")
    assert (done.returncode, done.stderr) == (1, "")
    assert (
        "PROBLEM  canary podinfo.test: It cannot be read: "
        "status.state must be running or finished or failed, not 'odd'\n"
    ) in done.stdout


def test_what_somebody_wrote_into_the_cluster_does_nothing_to_the_terminal(measured):
    evil = "\x1b[2J\x1b[1;1HNothing to fix\n\u202e"
    broken = copy.deepcopy(measured.get(CANARY, "podinfo"))
    broken["metadata"].setdefault("annotations", {})["flagger.app/hold"] = evil
    measured.cluster.api.store.put(CANARY, ("test", "podinfo"), broken)
    done = process("-kubeconfig", measured.kubeconfig, f"-metrics-server={measured.cluster.prometheus.url}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "(\\x1b[2J\\x1b[1;1HNothing to fix\\n\\u202e)" in done.stdout
    assert all(line.isprintable() for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--kubeconfig=/nowhere/kubeconfig"], "flagger check: kubeconfig /nowhere/kubeconfig cannot be read: "),
        (["--metrics-server=prometheus"], "is not an address such as http://prometheus:9090"),
    ],
)
def test_what_cannot_even_be_asked_ends_with_2(arguments, text):
    done = process(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_interrupted(measured, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "ask_cluster", interrupted)
    assert command.main(["--kubeconfig", measured.kubeconfig], utc_now) == 130
    assert capsys.readouterr().out == ""


def test_credentials_of_prometheus_are_used_and_not_shown(measured):
    address = measured.cluster.prometheus.url.replace("http://", "http://user:secret@")
    code, found, document = checked(measured, metrics_server=address)
    assert (code, found) == (0, [])
    assert "secret" not in json.dumps(document)
