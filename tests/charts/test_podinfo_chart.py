"""charts/podinfo-flagger: by default podinfo's workloads and canary object."""

import pytest
import yaml

from tests.charts.helm import CHARTS, ROOT, given, manifests, without_labels

FILES = sorted(path.relative_to(ROOT / "artifacts") for path in (ROOT / "artifacts/workloads").glob("*.yaml"))
PLAIN = manifests(*map(str, FILES), "rollouts/podinfo.yaml")
(CRD,) = manifests("flagger/crd.yaml")
SPEC = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
DEFAULTS = {
    name: field["default"] for name, field in SPEC["canaryAnalysis"]["properties"].items() if "default" in field
}
SEEDS_METRIC = "istio_request_duration_seconds_bucket"


@pytest.fixture
def render(helm):
    def rendered(**values):
        return helm.objects("podinfo-flagger", *given(**values))

    return rendered


def by_name(objects):
    return {(obj["kind"], obj["metadata"]["name"]): without_labels(obj) for obj in objects}


def as_stored(objects):
    """Return objects by name, the canary object with the defaults that the API server fills in."""
    found = by_name(objects)
    for obj in found.values():
        if obj["kind"] == "Canary":
            analysis = obj["spec"]["canaryAnalysis"]
            obj["spec"]["canaryAnalysis"] = {**DEFAULTS, **analysis}
    return found


def test_lint_finds_nothing(helm):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHARTS / "podinfo-flagger"))


def test_by_default_everything_is_as_in_the_manifests(render):
    rendered = as_stored(render())
    assert len(rendered) == 8
    assert rendered == as_stored(PLAIN)


def test_metric_of_an_older_istio_is_a_value(render):
    rendered = by_name(render(canaryAnalysis={"duration": {"metric": SEEDS_METRIC}}))
    assert rendered["Canary", "podinfo"]["spec"]["canaryAnalysis"]["metrics"][1]["name"] == SEEDS_METRIC


def test_another_name_is_used_everywhere(render):
    as_seed, as_shop = (
        yaml.safe_dump([without_labels(obj) for obj in render(name=name)]) for name in ("podinfo", "shop")
    )
    kept = ("quay.io/stefanprodan/podinfo", "./podinfo", "name: podinfod")
    for number, text in enumerate(kept):
        as_seed = as_seed.replace(text, f"<{number}>")
        as_shop = as_shop.replace(text, f"<{number}>")
    assert as_shop == as_seed.replace("podinfo", "shop")


def test_versions_and_images(render):
    images = {"repository": "example.com/podinfo", "pullPolicy": "Always"}
    deployments = render(image=images, primary={"tag": "a"}, canary={"tag": "b"}).of("Deployment")
    containers = {obj["metadata"]["name"]: obj["spec"]["template"]["spec"]["containers"][0] for obj in deployments}
    assert containers["podinfo"]["image"] == "example.com/podinfo:a"
    assert containers["podinfo-canary"]["image"] == "example.com/podinfo:b"
    assert {container["imagePullPolicy"] for container in containers.values()} == {"Always"}


def test_replicas_are_the_fewest_of_the_autoscalers(render):
    objects = render(primary={"replicas": 3, "maxReplicas": 9}, canary={"replicas": 2}, hpa={"cpuUtilization": 50})
    scalers = {obj["metadata"]["name"]: obj["spec"] for obj in objects.of("HorizontalPodAutoscaler")}
    assert [scalers["podinfo"][name] for name in ("minReplicas", "maxReplicas")] == [3, 9]
    assert scalers["podinfo-canary"]["minReplicas"] == 2
    assert scalers["podinfo"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    assert sorted(obj["spec"]["replicas"] for obj in objects.of("Deployment")) == [2, 3]


def test_without_autoscalers(render):
    assert render(hpa={"enabled": False}).of("HorizontalPodAutoscaler") == []


def test_resources(render):
    for deployment in render(resources={"limits": {"memory": "1Gi"}}).of("Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["memory"] == "1Gi"


def test_route_from_outside(render):
    spec = render(hosts=["app.example.com"], gateways=["istio-system/public", "mesh"]).one("VirtualService")["spec"]
    assert spec["hosts"] == ["app.example.com"]
    assert spec["gateways"] == ["istio-system/public", "mesh"]


def test_analysis_is_what_the_controller_reads(render):
    analysis = {
        "interval": "30s",
        "threshold": 3,
        "maxWeight": 40,
        "stepWeight": 20,
        "drainSeconds": 0,
        "promotion": "stepped",
        "successRate": {"threshold": 99.5, "interval": "2m"},
        "duration": {"threshold": 250, "interval": "3m"},
    }
    spec = render(canaryAnalysis=analysis).one("Canary")["spec"]["canaryAnalysis"]
    rate, duration = spec.pop("metrics")
    assert spec == {name: value for name, value in analysis.items() if name not in {"successRate", "duration"}}
    assert (rate["threshold"], rate["interval"]) == (99.5, "2m")
    assert (duration["threshold"], duration["interval"]) == (250, "3m")


def test_new_version_is_applied_after_the_route(render):
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in render()][-2:] == [
        ("VirtualService", "podinfo"),
        ("Deployment", "podinfo-canary"),
    ]


def test_rollback_is_refused_by_a_hook_of_its_own(helm):
    printed = helm("template", "shop", str(CHARTS / "podinfo-flagger"), "--namespace", "blue")
    (hook,) = [obj for obj in yaml.safe_load_all(printed) if "helm.sh/hook" in obj["metadata"].get("annotations", {})]
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-rollback"
    (said,) = hook["data"]
    assert "kubectl -n blue delete secret -l owner=helm,name=shop,status=pending-rollback" in said
    assert len(said) < 253, "a key that is too long as well is told twice"


def test_labels_of_helm_stay_off_what_is_promoted(render):
    for deployment in render().of("Deployment"):
        name = deployment["metadata"]["name"]
        assert deployment["spec"]["template"]["metadata"]["labels"] == {"app": name}
        assert deployment["spec"]["selector"]["matchLabels"] == {"app": name}
