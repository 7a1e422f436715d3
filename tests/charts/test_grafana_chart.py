"""charts/grafana, rendered by a real helm."""

import json
import re

import pytest
import yaml

from tests.charts.helm import CHARTS, HelmError

CHART = CHARTS / "grafana"
NAME = "flagger-grafana"


def template(helm, *settings):
    """Return the objects of the chart, by kind and name."""
    options = [part for setting in settings for part in ("--set", setting)]
    objects = helm.objects("grafana", *options, release=NAME, namespace="istio-system")
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


def test_lint_is_strict_and_clean(helm):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_command_of_the_readme_points_grafana_at_prometheus(helm):
    objects = template(helm, "url=http://prometheus.istio-system:9090")
    provisioning = objects["ConfigMap", f"{NAME}-provisioning"]["data"]
    (source,) = yaml.safe_load(provisioning["datasources.yaml"])["datasources"]
    assert source["url"] == "http://prometheus.istio-system:9090"
    assert source["isDefault"]
    assert {kind for kind, _ in objects} == {"ConfigMap", "Secret", "Deployment", "Service"}


def test_dashboards_are_where_grafana_looks_for_them(helm):
    objects = template(helm)
    provider = yaml.safe_load(objects["ConfigMap", f"{NAME}-provisioning"]["data"]["dashboards.yaml"])["providers"][0]
    pod = objects["Deployment", NAME]["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    (volume,) = [one for one in pod["volumes"] if one["name"] == mounts[provider["options"]["path"]]]
    found = {}
    for source in volume["projected"]["sources"]:
        found |= objects["ConfigMap", source["configMap"]["name"]]["data"]
    files = {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").iterdir()}
    assert {name: json.loads(text) for name, text in found.items()} == files
    environ = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].removeprefix(provider["options"]["path"] + "/") in found


def test_nobody_gets_in_without_a_password_unless_asked_for(helm):
    def anonymous(*settings):
        pod = template(helm, *settings)["Deployment", NAME]["spec"]["template"]["spec"]
        environ = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        return environ["GF_AUTH_ANONYMOUS_ENABLED"], environ["GF_AUTH_ANONYMOUS_ORG_ROLE"]

    assert anonymous() == ("false", "Viewer")
    assert anonymous("anonymous.enabled=true") == ("true", "Viewer")


def test_password_is_made_up_or_given_or_somewhere_else(helm):
    made_up = [template(helm)["Secret", NAME]["stringData"]["admin-password"] for _ in range(2)]
    assert len(made_up[0]) >= 20
    assert made_up[0] != made_up[1]
    assert template(helm, "admin.password=given")["Secret", NAME]["stringData"]["admin-password"] == "given"
    elsewhere = template(helm, "admin.existingSecret=ours")
    assert "Secret" not in {kind for kind, _ in elsewhere}
    environ = elsewhere["Deployment", NAME]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [one["valueFrom"]["secretKeyRef"]["name"] for one in environ if "valueFrom" in one] == ["ours", "ours"]


def test_pod_meets_the_restricted_standard(helm):
    pod = template(helm)["Deployment", NAME]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_sidecar_gives_labelled_config_maps_and_nothing_else(helm):
    objects = template(helm, "sidecar.enabled=true", "sidecar.annotations.grafana_folder=Canaries")
    assert {kind for kind, _ in objects} == {"ConfigMap"}
    assert len(objects) == 2
    for obj in objects.values():
        assert obj["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert obj["metadata"]["annotations"] == {"grafana_folder": "Canaries"}


def test_pods_start_anew_when_the_data_source_changes(helm):
    def sums(*settings):
        return template(helm, *settings)["Deployment", NAME]["spec"]["template"]["metadata"]["annotations"]

    assert sums() == sums()
    assert sums() != sums("url=http://elsewhere:9090")


def test_credentials_of_prometheus_come_from_the_environment(helm):
    objects = template(
        helm,
        "datasource.basicAuth=true",
        "datasource.secureJsonData.basicAuthPassword=$PROMETHEUS_PASSWORD",
        "datasource.jsonData.timeout=5",
        "envFrom[0].secretRef.name=prometheus-login",
    )
    text = objects["ConfigMap", f"{NAME}-provisioning"]["data"]["datasources.yaml"]
    (source,) = yaml.safe_load(text)["datasources"]
    assert source["secureJsonData"] == {"basicAuthPassword": "$PROMETHEUS_PASSWORD"}
    assert source["jsonData"] == {"httpMethod": "POST", "timeInterval": "15s", "timeout": 5}
    container = objects["Deployment", NAME]["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "prometheus-login"}}]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        pytest.param("sidecar.enabld=true", "enabld", id="misspelt value"),
        pytest.param("url=prometheus:9090", "/url", id="address without a scheme"),
        pytest.param("service.type=Loadbalancer", "/service/type", id="service that does not exist"),
        pytest.param("scrapeInterval=fifteen", "/scrapeInterval", id="interval that is none"),
    ],
)
def test_wrong_values_are_refused_and_named(helm, setting, told):
    with pytest.raises(HelmError, match=re.escape(told)):
        template(helm, setting)
