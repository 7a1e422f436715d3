"""What the charts refuse, and how they say so."""

import pytest

from tests.charts.helm import HelmError, given


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"metricServer": "http://x"}, "'metricServer' not allowed", id="a misspelt value"),
        pytest.param({"image": {"Tag": "1"}}, "'Tag' not allowed", id="a misspelt part of a value"),
        pytest.param({"metricsServer": "prometheus:9090"}, "/metricsServer", id="an address without a scheme"),
        pytest.param({"metricsServer": "http://me:secret@x"}, "/metricsServer", id="credentials in the address"),
        pytest.param({"metricsServer": None}, "metricsServer", id="no address"),
        pytest.param({"metricsServer": "http://a b"}, "/metricsServer", id="a space in the address"),
        pytest.param({"leaderElection": None}, "leaderElection", id="nothing where something belongs"),
        pytest.param({"controlLoopInterval": "500ms"}, "/controlLoopInterval", id="less than a second"),
        pytest.param({"controlLoopInterval": "1 minute"}, "/controlLoopInterval", id="what is no duration"),
        pytest.param({"logLevel": "verbose"}, "'debug', 'info', 'warning', 'error'", id="an unknown level"),
        pytest.param({"workers": 0}, "/workers", id="no workers"),
        pytest.param({"replicas": "two"}, "/replicas", id="a word for a number"),
        pytest.param({"namespaces": "blue"}, "/namespaces", id="a namespace that is no list"),
        pytest.param({"podAnnotations": {"a": True}}, "/podAnnotations/a", id="an annotation that is no text"),
        pytest.param({"env": [{"name": "A", "value": 2}]}, "/env/0/value", id="a variable that is no text"),
        pytest.param(
            {"replicas": 2, "leaderElection": {"enabled": False}},
            "every replica would step every canary",
            id="replicas without a leader",
        ),
        pytest.param({"image": {"repository": "r.example.com/f:0.2"}}, "/image/repository", id="a tag in its place"),
        pytest.param({"image": {"repository": "f@sha256:0"}}, "/image/repository", id="a digest in its place"),
        pytest.param({"image": {"tag": "1:2"}}, "/image/tag", id="what is no tag"),
        pytest.param(
            {"prometheusRule": {"runbook": "alerts.md"}}, "/prometheusRule/runbook", id="no address of a page"
        ),
        pytest.param({"serviceAccount": {"create": False}}, "name the service account", id="an account without name"),
    ],
)
def test_controller_is_not_installed_with(helm, values, words):
    with pytest.raises(HelmError) as refused:
        helm.objects("flagger", *given(**values))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"canry": {}}, "'canry' not allowed", id="a misspelt value"),
        pytest.param({"canaryAnalysis": {"duration": {"metric": "x"}}}, "/duration/metric", id="an unknown metric"),
        pytest.param({"canaryAnalysis": {"maxWeight": 101}}, "/maxWeight", id="more than everything"),
        pytest.param(
            {"canaryAnalysis": {"successRate": {"threshold": 0.99}}},
            "/successRate/threshold",
            id="a ratio for a percent",
        ),
        pytest.param(
            {"canaryAnalysis": {"duration": {"threshold": 0.5}}}, "/duration/threshold", id="seconds for milliseconds"
        ),
        pytest.param({"canaryAnalysis": {"drainSeconds": 3601}}, "/drainSeconds", id="a drain of more than an hour"),
        pytest.param({"canaryAnalysis": {"drainSeconds": "30s"}}, "/drainSeconds", id="a drain that is no number"),
        pytest.param({"canaryAnalysis": {"promotion": "slow"}}, "'atOnce', 'stepped'", id="an unknown way back"),
        pytest.param({"canary": {"tag": 1.4}}, "/canary/tag", id="a tag that became a number"),
    ],
)
def test_service_is_not_installed_with(helm, values, words):
    with pytest.raises(HelmError) as refused:
        helm.objects("podinfo-flagger", *given(**values))
    assert words in str(refused.value)


def test_dashboards_are_not_installed_with_a_password_in_the_address(helm):
    with pytest.raises(HelmError) as refused:
        helm.objects("grafana", *given(url="http://me:secret@prometheus:9090"))
    assert "/url" in str(refused.value)
