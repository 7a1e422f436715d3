"""charts/flagger: what its values do, and that by default it is the plain manifests."""

import re

import pytest
import yaml

from controller import __version__
from controller.check.options import parse_check_options
from controller.check.permissions import optional
from controller.flags import parse_options
from controller.kinds import BUILT_IN, make_kinds
from testbed.sandbox.__main__ import ARTIFACTS
from tests.charts.helm import CHARTS, HelmError, given, manifests

PLAIN = manifests("flagger/account.yaml", "flagger/deployment.yaml")
PARTS, OPTIONAL = BUILT_IN.parts, optional(BUILT_IN)
ADDED = {"PodDisruptionBudget"}  # kinds that the chart has and the manifests have not


@pytest.fixture
def render(helm):
    def rendered(*, release="flagger", namespace="istio-system", **values):
        return helm.objects("flagger", *given(**values), release=release, namespace=namespace)

    return rendered


def options(objects):
    return parse_options([], objects.environ())


# --- by default ---


def test_lint_finds_nothing(helm):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHARTS / "flagger"))


def test_by_default_there_is_what_the_manifests_have(render):
    assert {obj["kind"] for obj in render()} - ADDED == {obj["kind"] for obj in PLAIN}


def test_by_default_the_rules_are_those_of_the_manifests(render):
    for kind in ("ClusterRole", "Role"):
        assert render().one(kind)["rules"] == PLAIN.one(kind)["rules"]


def test_by_default_the_bindings_are_those_of_the_manifests(render):
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        rendered, plain = render().one(kind), PLAIN.one(kind)
        assert rendered["subjects"] == plain["subjects"]
        assert rendered["roleRef"]["kind"] == plain["roleRef"]["kind"]
        assert render().names(plain["roleRef"]["kind"]) == [
            (rendered["metadata"].get("namespace", ""), rendered["roleRef"]["name"])
        ]


def test_by_default_the_flags_mean_what_those_of_the_manifests_mean(render):
    assert options(render()) == options(PLAIN)


def test_by_default_the_pods_are_those_of_the_manifests(render):
    rendered, plain = render().pod(), PLAIN.pod()
    assert rendered.pop("topologySpreadConstraints")  # the chart's own
    ours, theirs = rendered["containers"][0], plain["containers"][0]
    assert ours.pop("imagePullPolicy") == "IfNotPresent"  # what Kubernetes makes of a tag
    assert {**ours, "env": ...} == {**theirs, "env": ...}
    assert {**rendered, "containers": ...} == {**plain, "containers": ...}
    template, other = (objects.one("Deployment")["spec"]["template"]["metadata"] for objects in (render(), PLAIN))
    assert template["annotations"] == other["annotations"]
    assert render().one("Deployment")["spec"]["replicas"] == PLAIN.one("Deployment")["spec"]["replicas"]


def test_selectors_find_the_pods(render):
    objects = render(podMonitor={"enabled": True}, podLabels={"app.kubernetes.io/name": "other", "team": "blue"})
    labels = objects.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "blue"
    for selector in (
        objects.one("Deployment")["spec"]["selector"],
        objects.one("PodDisruptionBudget")["spec"]["selector"],
        objects.one("PodMonitor")["spec"]["selector"],
        objects.pod()["topologySpreadConstraints"][0]["labelSelector"],
    ):
        assert selector["matchLabels"].items() <= labels.items()


# --- each value ---


def test_values_become_flags(render):
    found = options(
        render(
            metricsServer="https://thanos.monitoring/prometheus",
            controlLoopInterval="1m30s",
            logLevel="debug",
            workers=8,
            namespaces=["blue", "green", "blue"],
            leaderElection={"namespace": "leases"},
            dryRun=True,
        )
    )
    assert found.metrics_server == "https://thanos.monitoring/prometheus"
    assert found.control_loop_interval.total_seconds() == 90
    assert (found.log_level, found.workers, found.namespaces) == ("debug", 8, ("blue", "green"))
    assert (found.leader_election, found.leader_election_namespace, found.dry_run) == (True, "leases", True)


def test_named_namespaces_get_a_role_each_and_the_cluster_none(render):
    objects = render(namespaces=["blue", "istio-system"])
    assert objects.of("ClusterRole", "ClusterRoleBinding") == []
    roles = [("blue", "flagger"), ("istio-system", "flagger"), ("istio-system", "flagger-leader-election")]
    assert objects.names("Role") == objects.names("RoleBinding") == roles
    rules = PLAIN.one("ClusterRole")["rules"]
    assert [role["rules"] for role in objects.of("Role") if role["metadata"]["name"] == "flagger"] == [rules] * 2
    for binding in objects.of("RoleBinding"):
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
        assert binding["subjects"] == PLAIN.one("ClusterRoleBinding")["subjects"]


@pytest.mark.parametrize("kind", OPTIONAL)
def test_kind_that_is_asked_for_is_granted_what_the_table_says(render, kind):
    values = {"kinds": {PARTS[kind].grant: True}}
    rules, plain = (objects.one("ClusterRole")["rules"] for objects in (render(**values), render()))
    added = [rule for rule in rules if rule not in plain]
    assert granted(rules) - granted(plain) == {(p.verb, p.group, p.resource) for p in OPTIONAL[kind]} != set()
    assert granted(plain) < granted(rules)
    assert added == manifests(f"kinds/{PARTS[kind].api.plural}.yaml").one("ClusterRole")["rules"]
    role = render(namespaces=["blue"], **values).of("Role")[0]["rules"]
    assert granted(role) == granted(rules)


def test_values_of_kinds_are_those_of_the_table():
    values = yaml.safe_load((CHARTS / "flagger" / "values.yaml").read_text())["kinds"]
    assert values == dict.fromkeys((PARTS[kind].grant for kind in OPTIONAL), False)


def granted(rules):
    """Return what rules grant: verb, group and resource."""
    return {
        (verb, group, plural)
        for rule in rules
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }


WIDGET = {
    "group": "example.com",
    "versions": ["v1"],
    "plural": "widgets",
    "kind": "Widget",
    "fields": ["spec.image"],
    "progressDeadlineSeconds": 900,
}
COUNTED = {"counts": {"available": "status.available"}}
SCALED = {**WIDGET, "plural": "gadgets", "kind": "Gadget", "scale": {"replicas": "spec.replicas"}, **COUNTED}


def test_declared_kinds_are_granted_and_reach_the_controller_as_a_file(render, tmp_path):
    objects = render(declaredKinds=[WIDGET, SCALED])
    added = [rule for rule in objects.one("ClusterRole")["rules"] if rule not in PLAIN.one("ClusterRole")["rules"]]
    file = tmp_path / "kinds.yaml"
    file.write_text(objects.one("ConfigMap")["data"]["kinds.yaml"])
    declared = parse_options([f"--kinds={file}"], {}).declared
    needed = optional(make_kinds(declared))
    assert [kind.api.kind for kind in declared] == ["Widget", "Gadget"]
    assert granted(added) == {(p.verb, p.group, p.resource) for kind in ("Widget", "Gadget") for p in needed[kind]}
    pod = objects.one("Deployment")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert {"name": "FLAGGER_KINDS", "value": "/kinds/kinds.yaml"} in container["env"]
    assert container["volumeMounts"] == [{"name": "kinds", "mountPath": "/kinds", "readOnly": True}]
    assert pod["spec"]["volumes"] == [
        {"name": "kinds", "configMap": {"name": objects.one("ConfigMap")["metadata"]["name"]}}
    ]
    others = render(declaredKinds=[WIDGET]).one("Deployment")["spec"]["template"]
    assert pod["metadata"]["annotations"] != others["metadata"]["annotations"]
    assert not render().of("ConfigMap")


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": "*"},
        {"group": "rbac.authorization.k8s.io"},
        {"plural": "*"},
        {"plural": "pods/exec"},
        {"kind": "widget"},
    ],
)
def test_declared_kind_that_would_grant_more_is_refused(render, wrong):
    with pytest.raises(HelmError):
        render(declaredKinds=[{**WIDGET, **wrong}])


def test_lease_can_be_elsewhere(render):
    objects = render(leaderElection={"namespace": "leases"})
    assert objects.names("Role", "RoleBinding") == [("leases", "flagger-leader-election")] * 2
    assert objects.one("RoleBinding")["subjects"][0]["namespace"] == "istio-system"


def test_single_replica_without_a_lease_never_overlaps_with_its_successor(render):
    objects = render(replicas=1, leaderElection={"enabled": False})
    assert not options(objects).leader_election
    assert objects.one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert objects.of("Role", "RoleBinding", "PodDisruptionBudget") == []
    assert "topologySpreadConstraints" not in objects.pod()


def test_rights_can_be_somebody_elses_business(render):
    assert [obj["kind"] for obj in render(rbac={"create": False}) if "Role" in obj["kind"]] == []


def test_service_account(render):
    objects = render(serviceAccount={"name": "robot", "annotations": {"a": "b"}})
    account = objects.one("ServiceAccount")["metadata"]
    assert (account["name"], account["annotations"]) == ("robot", {"a": "b"})
    objects = render(serviceAccount={"create": False, "name": "robot"})
    assert objects.of("ServiceAccount") == []
    assert objects.pod()["serviceAccountName"] == "robot"
    assert {b["subjects"][0]["name"] for b in objects.of("ClusterRoleBinding", "RoleBinding")} == {"robot"}


DIGEST = f"@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("tag", "image"),
    [
        ("", f":{__version__}"),
        ("1.2", ":1.2"),
        (DIGEST, DIGEST),
        (f"1.2{DIGEST}", f":1.2{DIGEST}"),
    ],
)
def test_image(render, tag, image):
    repository = "registry.example.com:5000/team/flagger"
    container = render(image={"repository": repository, "tag": tag, "pullPolicy": "Always"}).container()
    assert container["image"] == f"{repository}{image}"
    assert container["imagePullPolicy"] == "Always"


def test_variable_of_the_users_own_wins(render):
    secret = {"name": "PROMETHEUS_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    objects = render(env=[{"name": "FLAGGER_LOG_LEVEL", "value": "debug"}, secret])
    names = [variable["name"] for variable in objects.container()["env"]]
    assert len(set(names)) == len(names), "server-side apply refuses a name that stands there twice"
    assert options(objects).log_level == "debug"
    assert secret in objects.container()["env"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("imagePullSecrets", [{"name": "registry"}]),
        ("nodeSelector", {"disk": "ssd"}),
        ("affinity", {"nodeAffinity": {}}),
        ("tolerations", [{"key": "a", "operator": "Exists"}]),
        ("topologySpreadConstraints", [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
        ("priorityClassName", "high"),
        ("volumes", [{"name": "authority", "configMap": {"name": "authority"}}]),
    ],
)
def test_pod_takes_a_value_as_it_is(render, name, value):
    assert render(**{name: value}).pod()[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("envFrom", [{"secretRef": {"name": "prometheus"}}]),
        ("volumeMounts", [{"name": "authority", "mountPath": "/authority"}]),
        ("resources", {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}),
    ],
)
def test_container_takes_a_value_as_it_is(render, name, value):
    assert render(**{name: value}).container()[name] == value


def test_token_of_prometheus_is_mounted_and_headers_are_set(render):
    objects = render(
        prometheus={"tokenSecret": {"name": "prometheus"}, "headers": {"X-Scope-OrgID": "team-a", "A": "b: #c"}},
        env=[{"name": "A", "value": "b"}],
        volumes=[{"name": "authority", "configMap": {"name": "authority"}}],
        volumeMounts=[{"name": "authority", "mountPath": "/authority"}],
    )
    assert objects.container()["env"][-3:] == [
        {"name": "PROMETHEUS_TOKEN_FILE", "value": "/prometheus-token/token"},
        {"name": "PROMETHEUS_HEADERS", "value": "A: b: #c\nX-Scope-OrgID: team-a"},
        {"name": "A", "value": "b"},
    ]
    assert [volume["name"] for volume in objects.pod()["volumes"]] == ["authority", "prometheus-token"]
    assert objects.pod()["volumes"][1]["secret"] == {"secretName": "prometheus"}
    mount = {"name": "prometheus-token", "mountPath": "/prometheus-token", "readOnly": True}
    assert objects.container()["volumeMounts"][1] == mount


def test_requests_to_prometheus_can_be_made_as_its_like_want_them(render):
    objects = render(
        prometheus={"method": "GET", "parameters": {"partial_response": "false", "dedup": "true"}},
        allowedMetricsServers=["http://thanos:9090", "http://mimir/prometheus"],
    )
    environ = objects.environ()
    assert environ["PROMETHEUS_METHOD"] == "GET"
    assert environ["PROMETHEUS_PARAMETERS"] == "dedup=true\npartial_response=false"
    assert options(objects).allowed_metrics_servers == ("http://thanos:9090", "http://mimir/prometheus")


def test_security_can_be_loosened_for_openshift(render):
    objects = render(podSecurityContext={"runAsUser": None}, securityContext={"privileged": False})
    assert objects.pod()["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert objects.container()["securityContext"]["privileged"] is False


def test_budget(render):
    budget = render(podDisruptionBudget={"maxUnavailable": "50%"}).one("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == "50%"
    assert render(podDisruptionBudget={"enabled": False}).of("PodDisruptionBudget") == []
    assert render(replicas=1).of("PodDisruptionBudget") == []


def test_monitor_takes_the_place_of_scrape_annotations_and_keeps_the_canarys_namespace(render):
    objects = render(podMonitor={"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"})
    monitor = objects.one("PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": objects.container()["ports"][0]["name"], "honorLabels": True, "interval": "15s"}
    assert "annotations" not in objects.one("Deployment")["spec"]["template"]["metadata"]


def test_annotations_of_pods(render):
    metadata = render(podAnnotations={"a": "b"}).one("Deployment")["spec"]["template"]["metadata"]
    assert metadata["annotations"] == {"a": "b", "prometheus.io/scrape": "true", "prometheus.io/port": "8080"}


def test_rule_is_the_file_of_alerts(render):
    rule = render(prometheusRule={"enabled": True, "labels": {"release": "prometheus"}}).one("PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert rule["spec"] == yaml.safe_load((CHARTS / "flagger/files/alerts.yaml").read_text())


def test_alerts_lead_to_their_page(render):
    page = "https://docs.example.com/flagger/alerts.html"
    rule = render(prometheusRule={"enabled": True, "runbook": page}).one("PrometheusRule")
    found = [rule for group in rule["spec"]["groups"] for rule in group["rules"]]
    anchors = set(re.findall(r'<a id="(\w+)">', (CHARTS.parent / "docs/alerts.md").read_text()))
    assert {alert["annotations"]["runbook_url"] for alert in found} == {f"{page}#{anchor}" for anchor in anchors}


def test_by_default_nothing_needs_the_prometheus_operator(render):
    assert render().of("PodMonitor", "ServiceMonitor", "PrometheusRule") == []


def test_service_monitor_brings_the_service_that_it_selects(render):
    objects = render(serviceMonitor={"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"})
    monitor, service = objects.one("ServiceMonitor"), objects.one("Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [{"port": "http", "honorLabels": True, "interval": "15s"}]
    labels = objects.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (port,) = service["spec"]["ports"]
    assert (port["name"], port["targetPort"]) == ("http", objects.container()["ports"][0]["name"])
    assert "annotations" not in objects.one("Deployment")["spec"]["template"]["metadata"]
    assert render().of("Service") == []
    assert render(service={"enabled": True}).names("Service") == [("istio-system", "flagger")]


def test_network_policy_leaves_the_port_of_the_metrics(render):
    peers = [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}]
    policy = render(networkPolicy={"enabled": True, "from": peers}).one("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"ports": [{"port": "http"}], "from": peers}]
    labels = render().one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert render(networkPolicy={"enabled": True}).one("NetworkPolicy")["spec"]["ingress"] == [
        {"ports": [{"port": "http"}]}
    ]


def test_roles_of_people_can_be_taught_the_kinds(render):
    roles = {role["metadata"]["name"]: role for role in render(rbac={"aggregate": True}).of("ClusterRole")}
    assert set(roles) == {"flagger", "flagger-view", "flagger-edit"}
    verbs = {name: set(role["rules"][0]["verbs"]) for name, role in roles.items() if name != "flagger"}
    assert verbs["flagger-view"] == {"get", "list", "watch"}
    assert {"create", "patch", "delete"} <= verbs["flagger-edit"]
    view, edit = "rbac.authorization.k8s.io/aggregate-to-view", "rbac.authorization.k8s.io/aggregate-to-edit"
    assert view in roles["flagger-view"]["metadata"]["labels"]
    assert view not in roles["flagger-edit"]["metadata"]["labels"]
    assert edit in roles["flagger-edit"]["metadata"]["labels"]
    assert render(namespaces=["blue"], rbac={"aggregate": True}).of("ClusterRole") == []


def test_test_of_a_release_checks_with_the_controllers_own_flags_and_account(helm, render):
    values = given(namespaces=["blue"], prometheus={"tokenSecret": {"name": "prometheus"}}, envFrom=[{"secretRef": {}}])
    printed = helm("template", "blue", str(CHARTS / "flagger"), *values, "--namespace", "istio-system")
    (pod,) = [obj for obj in yaml.safe_load_all(printed) if obj and obj["kind"] == "Pod"]
    (container,) = pod["spec"]["containers"]
    objects = helm.objects("flagger", *values, release="blue")
    deployed = objects.container()
    assert container.pop("args") == ["check"]
    assert {**container, "name": "flagger"} == {key: deployed[key] for key in {"name", *container}}
    assert pod["spec"]["serviceAccountName"] == objects.pod()["serviceAccountName"]
    assert pod["spec"]["volumes"] == objects.pod()["volumes"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    selected = objects.one("Deployment")["spec"]["selector"]["matchLabels"].items()
    assert not selected <= pod["metadata"]["labels"].items(), "it would be counted as a pod of the Deployment"
    assert parse_check_options([], objects.environ())[0] == options(objects)


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        pytest.param("flagger", {}, "flagger", id="the chart's own name"),
        pytest.param("blue", {}, "blue-flagger", id="another name"),
        pytest.param("flagger-blue", {}, "flagger-blue", id="a name that holds it"),
        pytest.param("blue", {"nameOverride": "canaries"}, "blue-canaries", id="nameOverride"),
        pytest.param("blue", {"fullnameOverride": "canaries"}, "canaries", id="fullnameOverride"),
        pytest.param("b" * 53, {}, "b" * 47, id="the longest"),
    ],
)
def test_any_release_in_any_namespace(render, release, values, name):
    objects = render(release=release, namespace="elsewhere", **values)
    assert objects.names("Deployment", "ServiceAccount") == [("elsewhere", name)] * 2
    assert objects.names("ClusterRole", "ClusterRoleBinding") == [("", name)] * 2
    assert objects.names("Role") == [("elsewhere", f"{name}-leader-election")]
    assert objects.one("ClusterRoleBinding")["subjects"][0]["namespace"] == "elsewhere"
    assert all(len(value) <= 63 for obj in objects for value in obj["metadata"]["labels"].values())


def test_everything_says_to_which_release_it_belongs(render):
    objects = render(namespaces=["blue"], podMonitor={"enabled": True}, prometheusRule={"enabled": True})
    assert {obj["metadata"]["labels"]["app.kubernetes.io/instance"] for obj in objects} == {"flagger"}


def test_change_of_flags_or_environment_changes_the_pods(render):
    template = render().one("Deployment")["spec"]["template"]
    for values in ({"logLevel": "debug"}, {"env": [{"name": "A", "value": "b"}]}, {"metricsServer": "http://other"}):
        assert render(**values).one("Deployment")["spec"]["template"] != template


def test_part_of_another_chart(helm, tmp_path):
    dependency = {"name": "flagger", "repository": f"file://{CHARTS / 'flagger'}", "condition": "flagger.enabled"}
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0"}
    about["dependencies"] = [{**dependency, "version": "0.1.0"}]
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(about))
    helm("dependency", "update", str(tmp_path))
    on = helm("template", "platform", str(tmp_path), "--set", "flagger.enabled=true,global.team=blue")
    assert "kind: Deployment" in on
    assert "kind: Deployment" not in helm("template", "platform", str(tmp_path), "--set", "flagger.enabled=false")


def test_notes_name_the_next_steps(helm):
    said = helm("install", "blue", str(CHARTS / "flagger"), "--dry-run=client", *given(namespaces=["a", "b"]))
    assert "exec deployment/blue-flagger -- flagger check\n" in said
    assert "the namespaces a, b\n" in said
    assert "is in no registry" in said
    assert "kubectl delete crd canaries.flagger.app" in said


def test_definition_comes_with_the_chart(helm):
    printed = helm("show", "crds", str(CHARTS / "flagger"))
    definitions = {definition["metadata"]["name"]: definition for definition in yaml.safe_load_all(printed)}
    for name in ("crd", "metrictemplates"):
        expected = yaml.safe_load((ARTIFACTS / f"flagger/{name}.yaml").read_text())
        assert definitions.pop(expected["metadata"]["name"]) == expected
    assert definitions == {}
