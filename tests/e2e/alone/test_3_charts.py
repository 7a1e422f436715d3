"""The charts on the real control plane: a real helm installs, upgrades and uninstalls, and what it installed works.

The releases have names of their own, so that nothing of the plain manifests' account is mixed up with theirs.
"""

import json
import re
from contextlib import contextmanager

import httpx
import pytest
import yaml

from testbed.cluster.control_plane import free_port
from testbed.processes import pause
from tests.e2e.environments import audited, is_refused

QUICK = "canaryAnalysis.stepWeight=25,canaryAnalysis.successRate.interval=2s,canaryAnalysis.duration.interval=2s"


class Installed:
    """A release of charts/flagger, with rounds that nobody has to wait for."""

    def __init__(self, cluster, release, namespace, *arguments):
        self._cluster = cluster
        self._release = release
        self._namespace = namespace
        self.name = f"{release}-flagger"
        self.account = f"system:serviceaccount:{namespace}:{self.name}"
        values = f"--set metricsServer={cluster.places['prometheus']},controlLoopInterval=2s {' '.join(arguments)}"
        said = cluster.run(f"helm upgrade --install {self._in(release)} {values}")
        assert f"exec deployment/{self.name} -- flagger check" in said

    def _in(self, release):
        return f"{release} charts/flagger --namespace {self._namespace}"

    def upgrade(self, *arguments):
        self._cluster.run(f"helm upgrade {self._in(self._release)} {' '.join(arguments)}")

    def deployment(self):
        """Return the Deployment as the API server has it."""
        return json.loads(self._cluster.run(f"kubectl -n {self._namespace} get deployment {self.name} -o json"))

    def nodes(self):
        """Return where its pods are; those that are on their way out don't count."""
        selector = f"app.kubernetes.io/instance={self._release}"
        pods = json.loads(self._cluster.run(f"kubectl -n {self._namespace} get pods --selector {selector} -o json"))
        return [pod["spec"]["nodeName"] for pod in pods["items"] if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, name, port=0):
        return self._cluster.pod(name, self.deployment(), f"--port={port}")

    def uninstall(self):
        """Uninstall it; return what is left of it."""
        manifest = self._cluster.run(f"helm get manifest {self._release} --namespace {self._namespace}")
        kinds = {obj["kind"] for obj in yaml.safe_load_all(manifest) if obj}
        assert {"Deployment", "ServiceAccount", "Role", "RoleBinding"} <= kinds
        self._cluster.run(f"helm uninstall {self._release} --namespace {self._namespace} --wait")
        labelled = f"--all-namespaces --selector app.kubernetes.io/instance={self._release} -o name"
        return self._cluster.run(f"kubectl get {','.join(sorted(kinds))} {labelled}")

    def refusals(self):
        """Return what the API server has not let it do, after making sure that it let it do something."""
        requests = [request for user, request in audited(self._cluster.audit_log) if user == self.account]
        assert {("patch", "deployments"), ("patch", "virtualservices"), ("update", "leases")} <= {
            (request.verb, request.resource) for request in requests
        }
        return [request for request in requests if is_refused(request)]


@contextmanager
def without_the_first_one(cluster):
    """Hide the release that testbed.cluster has installed: its account is used, no controller of it runs."""
    bindings = ("clusterrolebinding flagger", "--namespace istio-system rolebinding flagger-leader-election")
    chart = cluster.run("kubectl get clusterrolebinding flagger -o jsonpath='{.metadata.labels.helm\\.sh/chart}'")
    for binding in bindings:
        cluster.run(f"kubectl label {binding} helm.sh/chart-")
    try:
        yield
    finally:
        for binding in bindings:
            cluster.run(f"kubectl label {binding} helm.sh/chart={chart}")


def refused(cluster, command):
    """Return what a command says that must not work."""
    return cluster.run(f"! {command} 2>&1")


def seen(cluster, namespace):
    """Return what a rollout changes: image of the primary, weights, replicas of the canary, times of a rollout."""

    def get(what):
        return json.loads(cluster.run(f"kubectl -n {namespace} get {what} -o json"))

    primary, canary = get("deployment podinfo"), get("deployment podinfo-canary")
    (route,) = get("virtualservice podinfo")["spec"]["http"]
    image = primary["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
    weights = [destination["weight"] for destination in route["route"]]
    return image, weights, canary["spec"]["replicas"], primary["metadata"]["generation"]


def says(url):
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def probes_answer(deployment, port):
    """Look at what the kubelet would look at until it is content."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    paths = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
    for _ in range(200):
        answers = [says(f"http://127.0.0.1:{port}{path}") for path in paths]
        if answers == [httpx.codes.OK] * 2:
            return True
        pause(0.1)
    raise AssertionError(f"{paths} say {answers}")


def test_second_one_for_all_namespaces_is_refused(cluster):
    install = "helm upgrade --install blue charts/flagger --namespace default --set metricsServer=http://p"
    said = refused(cluster, install)
    assert "the release istio-system/flagger is a controller of canaries already (ClusterRoleBinding flagger)" in said
    assert "STATUS: deployed" in cluster.run(f"{install},dryRun=true")
    cluster.run("helm uninstall blue --namespace default --wait")
    cluster.run("helm upgrade flagger charts/flagger --namespace istio-system --reuse-values")


def test_installed_promotes_is_upgraded_and_leaves_nothing(cluster):
    with without_the_first_one(cluster):
        flagger = Installed(cluster, "blue", "istio-system")
    cluster.run("kubectl create namespace shop")
    port = free_port()
    podinfo = f"helm upgrade --install podinfo charts/podinfo-flagger --namespace shop --set {QUICK}"
    podinfo += ",canaryAnalysis.interval=10s"  # a step while Helm is at work would be a conflict
    with flagger.pod("blue", port), flagger.pod("standby"):
        assert probes_answer(flagger.deployment(), port)
        said = cluster.run(podinfo)
        assert "kubectl -n shop get canaries --watch" in said
        cluster.run("kubectl -n shop wait canary/podinfo --for=condition=Promoted --timeout=100s")
        image, weights, replicas, generation = seen(cluster, "shop")
        assert (image, weights, replicas) == ("1.2.1", [100, 0], 0)

        # The release is upgraded at rest, in mid-rollout, and after it: what was promoted stays promoted.
        cluster.run(podinfo)
        assert seen(cluster, "shop") == (image, weights, replicas, generation)
        release = f"{podinfo} --set canary.tag=1.4.0"
        cluster.run(release)
        cluster.run("kubectl -n shop wait canary/podinfo --for=jsonpath='{.status.canaryWeight}'=25 --timeout=60s")
        cluster.run(release)
        cluster.run("kubectl -n shop wait canary/podinfo --for=condition=Promoted --timeout=100s")
        after = seen(cluster, "shop")
        assert after[:3] == ("1.4.0", [100, 0], 0)
        cluster.run(release)
        assert seen(cluster, "shop") == after
        events = json.loads(cluster.run("kubectl -n shop get events -o json"))["items"]
        assert sum(event["count"] for event in events if event["message"].startswith("Promotion completed!")) == 2
        assert [event["message"] for event in events if event["message"].startswith("Correcting")] == []
        cluster.run("helm uninstall podinfo --namespace shop --wait")
    assert cluster.run("kubectl -n shop get canaries,deployments,services,virtualservices,hpa -o name") == ""

    before = flagger.deployment()["spec"]["template"]
    with without_the_first_one(cluster):
        flagger.upgrade("--reuse-values --set logLevel=debug")
    assert flagger.deployment()["spec"]["template"] != before
    cluster.run(f"kubectl -n istio-system rollout status deployment/{flagger.name} --timeout=60s")
    assert len(set(flagger.nodes())) == 2
    assert flagger.refusals() == []
    assert flagger.uninstall() == ""
    assert "canaries.flagger.app" in cluster.run("kubectl get crd canaries.flagger.app -o name")


def test_installed_for_one_namespace_needs_nothing_outside_of_it(cluster):
    cluster.run("kubectl create namespace team")
    flagger = Installed(cluster, "green", "team", "--set namespaces={team},logLevel=debug")
    bound = cluster.run("kubectl get clusterrolebindings -o json")
    assert [item for item in json.loads(bound)["items"] if "green" in json.dumps(item.get("subjects"))] == []
    with flagger.pod("green"):
        cluster.run(f"helm upgrade --install podinfo charts/podinfo-flagger --namespace team --set {QUICK}")
        cluster.run("kubectl -n team wait canary/podinfo --for=condition=Promoted --timeout=100s")
        cluster.run("helm uninstall podinfo --namespace team --wait")
    assert flagger.refusals() == []
    assert flagger.uninstall() == ""


WAYS = {"server-side": "--server-side=true", "client-side": "--server-side=false"}


@pytest.mark.parametrize("way", WAYS)
def test_new_tags_mid_rollout_are_released_and_rollbacks_are_not(cluster, way):
    cluster.run(f"kubectl create namespace {way}")
    flagger = Installed(cluster, way, way, f"--set namespaces={{{way}}}")
    podinfo = f"helm upgrade --install podinfo charts/podinfo-flagger --namespace {way} {WAYS[way]} --set {QUICK}"
    podinfo += ",canaryAnalysis.interval=10s,canaryAnalysis.drainSeconds=1"

    def until(what):
        cluster.run(f"kubectl -n {way} wait canary/podinfo --for={what} --timeout=100s")

    with flagger.pod(way):
        cluster.run(podinfo)
        until("condition=Promoted")
        for number in range(6):  # the first one starts a rollout, each other one comes into it
            cluster.run(f"{podinfo},canary.tag=1.4.{number}")
            until("jsonpath='{.status.canaryWeight}'=25")
        until("condition=Promoted")
        before = seen(cluster, way)
        assert before[:3] == ("1.4.5", [100, 0], 0)
        canary = cluster.run(f"kubectl -n {way} get deployment podinfo-canary -o jsonpath='{{.spec.template}}'")
        for revision in (1, 4, ""):
            said = refused(cluster, f"helm rollback podinfo {revision} --namespace {way} {WAYS[way]}")
            assert "Nothing was changed: helm rollback would bypass the analysis" in said
        (cure,) = set(re.findall(r"Run: (kubectl .*?), and release", said))
        assert cluster.run(cure).count("deleted") == 3
        pause(3.0)  # a controller that something was started of would be at it by now
        assert seen(cluster, way) == before
        after = cluster.run(f"kubectl -n {way} get deployment podinfo-canary -o jsonpath='{{.spec.template}}'")
        assert after == canary
        cluster.run(f"{podinfo},canary.tag=1.5.0")
        until("jsonpath='{.status.canaryWeight}'=25")
        until("condition=Promoted")
        assert seen(cluster, way)[0] == "1.5.0"
        cluster.run(f"helm uninstall podinfo --namespace {way} --wait")
    assert flagger.uninstall() == ""


EVERYTHING = """
imagePullSecrets: [{name: registry}]
env: [{name: PROMETHEUS_TOKEN, valueFrom: {secretKeyRef: {name: prometheus, key: token}}}]
envFrom: [{secretRef: {name: prometheus}}]
volumes: [{name: authority, configMap: {name: authority}}]
volumeMounts: [{name: authority, mountPath: /authority}]
resources: {limits: {cpu: "1"}}
serviceAccount: {name: robot, annotations: {a: b}}
podSecurityContext: {fsGroup: 65532}
securityContext: {privileged: false}
podDisruptionBudget: {maxUnavailable: 50%}
nodeSelector: {disk: ssd}
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
tolerations: [{key: a, operator: Exists}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
priorityClassName: system-cluster-critical
podAnnotations: {a: b}
podLabels: {a: b}
namespaces: [default, kube-system]
leaderElection: {namespace: kube-system}
"""


def test_server_knows_every_field_that_any_value_renders(cluster, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(EVERYTHING)
    dry_run = "kubectl apply --dry-run=server --validate=strict -f -"
    more_objects = "--set rbac.aggregate=true,networkPolicy.enabled=true,service.enabled=true,dryRun=true"
    for more in ("", f"--values {values}", "--set replicas=1,leaderElection.enabled=false", more_objects):
        said = cluster.run(f"helm template dry charts/flagger --no-hooks --namespace default {more} | {dry_run}")
        assert "deployment.apps/dry-flagger created (server dry run)" in said
    said = cluster.run(f"helm template dry charts/podinfo-flagger --no-hooks --namespace default | {dry_run}")
    assert "canary.flagger.app/podinfo created (server dry run)" in said


def test_kustomizations_apply(cluster):
    cluster.run(
        "kubectl -n istio-system delete deployment flagger --ignore-not-found"
    )  # the chart's has another selector
    cluster.run("kubectl apply -f artifacts/namespaces")  # as a directory, which holds a kustomization too
    for directory, objects in {"flagger": 8, "namespaces": 1, "workloads": 7, "rollouts": 1}.items():
        for kind in "kf":
            said = cluster.run(f"kubectl apply --dry-run=server --validate=strict -{kind} artifacts/{directory}")
            assert said.count("(server dry run)") == objects
