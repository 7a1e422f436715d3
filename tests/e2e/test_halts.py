"""Halts, and what ends them."""

from tests.e2e.stage import QUICK, artifact


def test_success_rate_halts_and_recovers(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(rate=90)
        on.until_failed_checks(1)
        assert on.weights() == (75, 25)
        on.behave()
        on.until_state("finished")
    on.tells("halt-success-rate")


def test_request_duration_halts_and_recovers(on):
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.behave(seconds=1.5)
        on.until_failed_checks(1)
        on.behave()
        on.until_state("finished")
    on.tells("halt-request-duration")


def median(milliseconds):
    def change(canary):
        canary["spec"]["canaryAnalysis"]["metrics"][1].update(quantile=0.5, threshold=milliseconds)

    return change


def test_median_within_its_limit_passes_whatever_the_slowest_requests_take(on):
    on.add_canary(median(1000), **QUICK)
    on.behave(seconds=1.5)
    with on.controller():
        on.until_state("finished")
    on.tells("quick")


def test_median_over_its_limit_rolls_back(on):
    on.add_canary(median(600), **QUICK, threshold=1)
    on.behave(seconds=1.5)
    with on.controller():
        on.until_state("failed")
    on.tells("median-rolls-back")


def test_no_traffic_is_no_evidence(on):
    on.add_canary(**QUICK, inconclusiveLimit=2)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        on.send(0)
        on.until_state("failed")
    on.tells("no-traffic")
    assert on.status()["failedChecks"] == 0
    assert on.weights() == (100, 0)


def test_prometheus_stopped_and_started(on):
    prometheus = on.environment.prometheus()
    on.add_canary(**QUICK)
    with on.controller(prometheus_url=prometheus.url):
        on.until_said("Advance podinfo.test canary weight 25")
        prometheus.stop()
        on.until_said("unknown, http")
        assert on.weights() == (75, 25)
        prometheus.start()
        on.until_state("finished")
    on.tells("prometheus-stopped", prometheus=prometheus.url)
    assert on.status()["failedChecks"] == 0


def test_step_that_does_not_divide_the_most(on):
    on.add_canary(stepWeight=20)
    with on.controller():
        on.until_state("finished")
    on.tells("uneven-steps")


def test_canary_that_never_becomes_ready(on):
    on.patch("deployments", "podinfo-canary", {"spec": {"progressDeadlineSeconds": 15}})
    on.push("broken")
    on.add_canary(**QUICK)
    with on.controller():
        on.until_state("failed")
    on.tells("never-ready")
    assert on.image("podinfo") == "1.2.0"
    assert on.weights() == (100, 0)
    assert on.replicas("podinfo-canary") == 0


def test_autoscalers_on_either_side(on):
    for side in ("primary", "canary"):
        on.add(artifact(f"workloads/{side}-hpa"))
    on.add_canary(**QUICK)
    with on.controller():
        on.until_said("Advance podinfo.test canary weight 25")
        for name in ("podinfo", "podinfo-canary"):
            on.patch("horizontalpodautoscalers", name, {"spec": {"minReplicas": 3}})
        on.until(lambda: on.replicas("podinfo") == on.replicas("podinfo-canary") == 3)
        on.until_state("finished")
        assert on.replicas("podinfo-canary") == 0
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until_said("New revision detected")
        on.until_state("finished")
    on.tells("autoscalers", old=old, new=on.status()["canaryRevision"])
    assert (on.replicas("podinfo"), on.replicas("podinfo-canary")) == (3, 0)
