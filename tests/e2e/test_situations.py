"""What users of such controllers met in production: ``docs/situations.md``, played in both environments.

The numbers are the rows of that page; what is decided in each is in ``tests/controller/core/test_situations.py``.
"""

import re
from datetime import UTC, datetime

import pytest

from tests.e2e.beginnings import AT_ONCE, CANARY, at_25, promoted, windows
from tests.e2e.stage import QUICK


def test_situation_1_pods_that_never_start(on):
    on.patch("deployments", CANARY, {"spec": {"progressDeadlineSeconds": 4}})
    with on.controller():
        old = promoted(on)
        on.push("broken")
        on.until_state("failed")
    on.tells("never-starts", old=old, new=on.status()["canaryRevision"])
    assert on.replicas(CANARY) == 0


def test_situation_1_pods_that_a_quota_refuses(on):
    on.patch("deployments", CANARY, {"spec": {"progressDeadlineSeconds": 4}})
    with on.controller():
        old = promoted(on)
        quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}
        on.add({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        on.push("1.2.2")
        on.until_state("failed")
    (said,) = [event for event in on.events() if "Rolling back" in event]
    # the pod that the last promotion left may still be counted
    assert re.search(r"is forbidden: exceeded quota: few, requested: pods=1, used: pods=[23], limited: pods=2", said)
    why = said.partition("progress deadline exceeded, ")[2]
    on.tells("quota", old=old, new=on.status()["canaryRevision"], why=why)


@pytest.mark.parametrize("gate", ["canary paused", "primary short of a pod", "canary short of a pod", "held"])
def test_situation_2_a_version_that_fails_behind_a_closed_gate(on, gate):
    with on.controller():
        at_25(on, threshold=2, inconclusiveLimit=0)
        match gate:
            case "canary paused":
                on.patch("deployments", CANARY, {"spec": {"paused": True}})
            case "primary short of a pod":
                on.short_of_a_pod("podinfo")
            case "canary short of a pod":
                on.short_of_a_pod(CANARY)
            case "held":
                on.annotate(hold="")
        on.behave(rate=0)
        on.until_state("failed")
    said = {
        "canary paused": f"canary deployment {CANARY}.test is paused, resume it to go on",
        "held": "held by the annotation flagger.app/hold, remove it to go on",
    }
    line = f"Warning  Halt podinfo.test advancement {said[gate]}\n" if gate in said else ""
    on.tells("fails-behind-a-gate", gate=line, in_passing=["success rate"])
    assert on.weights() == (100, 0)


def test_situation_3_a_version_with_a_few_errors_is_not_promoted_on_its_predecessors_requests(on):
    with on.controller():
        on.add_canary(lambda obj: windows(obj, "6s"), **AT_ONCE, threshold=2, inconclusiveLimit=0)
        on.until_said("Advance podinfo.test canary weight 50")
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.behave(rate=96)
        on.until_state("failed")
    on.tells("own-requests", old=old, new=on.status()["canaryRevision"])
    assert on.image("podinfo") == "1.2.0"


def test_situation_3_a_good_fix_is_not_judged_by_the_errors_of_the_version_before(on):
    with on.controller():
        on.push("errors")
        on.add_canary(lambda obj: windows(obj, "6s"), **AT_ONCE, threshold=2, inconclusiveLimit=0)
        on.until_state("failed")
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until_state("finished")
    on.tells("good-fix", old=old, new=on.status()["canaryRevision"])
    assert on.status()["failedChecks"] == 0


def test_situation_4_labels_that_services_select_by_and_selectors_of_ones_own_pods_stay(stage):
    def by_role(obj):
        role = "canary" if "canary" in obj["metadata"]["name"] else "primary"
        if obj["kind"] == "Deployment":
            template, name = obj["spec"]["template"], obj["metadata"]["name"]
            template["metadata"]["labels"]["role"] = role
            own = {"matchLabels": {"app": name}}
            term = {"labelSelector": own, "topologyKey": "kubernetes.io/hostname"}
            rules = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}
            template["spec"]["affinity"] = {"podAntiAffinity": rules}
            spread = {"maxSkew": 5, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
            template["spec"]["topologySpreadConstraints"] = [{**spread, "labelSelector": own}]
        elif obj["kind"] == "Service":
            obj["spec"]["selector"] = {"role": role}

    stage.add_workloads(by_role)
    before = stage.workload("podinfo")["spec"]["template"]
    with stage.controller():
        promoted(stage)
    after = stage.workload("podinfo")["spec"]["template"]
    assert stage.image("podinfo") == "1.2.1"
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    for part in ("affinity", "topologySpreadConstraints"):
        assert after["spec"][part] == before["spec"][part]
    assert stage.requests_to_nothing() == 0


def test_situation_5_the_service_of_the_canary_is_deleted(on):
    with on.controller():
        at_25(on, threshold=3)
        on.delete("services", CANARY)
        on.until(lambda: on.weights() == (100, 0))
        assert on.status()["canaryWeight"] == 0
        on.until_state("failed")
    on.tells("service-deleted")


def test_situation_6_the_fix_of_a_promoted_version_that_fails_on_the_primary(on):
    on.patch(
        "deployments",
        "podinfo",
        {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}, "progressDeadlineSeconds": 6}},
    )
    on.run_held("1.2.1")
    with on.controller():
        on.add_canary(**AT_ONCE)
        on.until_said("Copying podinfo-canary.test template spec")
        old = on.status()["canaryRevision"]
        on.until_said("the canary gets all traffic")
        on.until(lambda: on.weights() == (0, 100))
        on.push("1.2.2", free=True)
        on.until_state("finished")
    on.tells(
        "fix-of-a-dead-primary", old=old, new=on.status()["canaryRevision"], in_passing=["the canary gets all traffic"]
    )
    assert on.image("podinfo") == "1.2.2"


def test_situation_7_the_same_image_on_both_sides_canary_first(on):
    with on.controller():
        at_25(on)
        on.push("1.2.1", workload="podinfo")
        on.until_state("finished")
    on.tells("same-on-both", revision=on.status()["canaryRevision"])


def test_situation_8_rollout_undo_to_a_version_that_failed_before(on):
    with on.controller():
        on.push("errors")
        on.add_canary(**{**QUICK, "interval": "2s"}, threshold=1, inconclusiveLimit=0)
        on.until_state("failed")
        bad = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until(lambda: on.status()["canaryRevision"] != bad and on.weights() == (75, 25))
        good = on.status()["canaryRevision"]
        on.push("errors")
        on.until(lambda: on.status()["state"] == "failed")
    on.tells("failed-before", bad=bad, good=good)
    assert on.image("podinfo") == "1.2.0"
    assert on.status()["failedRevisions"] == [bad]


def test_situation_9_a_maximum_that_is_lowered(on):
    with on.controller():
        on.add_canary(stepWeight=25, maxWeight=75, interval="2s")
        on.until_said("Advance podinfo.test canary weight 50")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"maxWeight": 10}}})
        on.until(lambda: on.weights() == (90, 10))
        on.until_state("finished")
    on.tells("lowered-maximum")


def test_situation_9_a_threshold_that_is_lowered(on):
    with on.controller():
        at_25(on)
        on.behave(rate=90)
        on.until_failed_checks(2)
        on.behave()
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"threshold": 2}}})
        on.until_state("failed")
    on.tells("lowered-threshold", in_passing=["Halt podinfo.test"], count=str(on.status()["failedChecks"]))


def test_situation_11_something_that_keeps_resetting_the_weights(on):
    with on.controller():
        at_25(on, interval="30s")
        before = len([r for r in on.requests() if r.resource == "virtualservices" and r.verb == "patch"])
        resets = 0

        def reset():
            nonlocal resets
            if on.weights() != (100, 0):
                route = "/spec/http/0/route"
                on.patch(
                    "virtualservices",
                    "podinfo",
                    [
                        {"op": "add", "path": f"{route}/0/weight", "value": 100},
                        {"op": "add", "path": f"{route}/1/weight", "value": 0},
                    ],
                )
                resets += 1
            return resets == 5

        on.until(reset)
        writes = len([r for r in on.requests() if r.resource == "virtualservices" and r.verb == "patch"])
    assert writes - before <= resets
    assert any("Correcting podinfo.test canary weight 0 to 25" in event for event in on.events())


def test_situation_12_a_first_start_takes_the_share_of_the_primary(on):
    with on.controller():
        on.add_canary(stepWeight=100, maxWeight=100, interval="2s")
        on.until_said("Advance podinfo.test canary weight 100")
        assert on.replicas(CANARY) == 2
        assert on.available(CANARY)
        on.until_state("finished")
    on.tells("share-of-the-primary")


def test_situation_14_weights_at_rest_that_send_users_to_nothing(on):
    def split(primary, canary):
        route = [
            {"op": "add", "path": f"/spec/http/0/route/{index}/weight", "value": weight}
            for index, weight in enumerate((primary, canary))
        ]
        on.patch("virtualservices", "podinfo", route)

    with on.controller():
        promoted(on)
        split(50, 50)
        on.until(lambda: on.condition("Ready") == ("False", "TrafficToNothing"))
        assert on.weights() == (50, 50)
        on.until_said("sends 50% of its requests")
        split(100, 0)
        on.until(lambda: on.condition("Ready") == ("True", "PartsFound"))
    on.tells("to-nothing-at-rest")


def test_situation_15_the_status_follows_the_route_of_an_overtaken_promotion(on):
    on.run_held("1.2.1")
    with on.controller():
        on.add_canary(**AT_ONCE)
        on.until_said("Copying podinfo-canary.test template spec")
        on.push("1.2.2", free=True)
        on.until(lambda: on.weights() == (100, 0))
        on.until(lambda: on.status()["canaryWeight"] == 0)
        assert on.status()["stage"] == "promoting"


def test_situation_16_a_fix_that_is_pushed_during_the_rollback(on):
    on.push("errors")
    with on.controller():
        on.add_canary(**{**QUICK, "interval": "2s", "drainSeconds": 5}, threshold=1, inconclusiveLimit=0)
        on.until(lambda: on.status().get("stage") == "draining")
        old = on.status()["canaryRevision"]
        on.push("1.2.2")
        on.until_state("finished")
    on.tells("pushed-during-the-rollback", old=old, new=on.status()["canaryRevision"])
    assert on.image("podinfo") == "1.2.2"


def test_situation_19_requests_that_are_slower_than_the_largest_bucket(on):
    with on.controller():
        at_25(on, threshold=1, inconclusiveLimit=0)
        limit = {"name": "istio_request_duration_milliseconds_bucket", "threshold": 15000, "interval": "2s"}
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"metrics": [limit]}}})
        on.behave(seconds=30)
        on.until_state("failed")
    on.tells("beyond-the-buckets")
    assert on.image("podinfo") == "1.2.0"


@pytest.mark.parametrize("stage_of_it", ["starting", "progressing"])
def test_abort(on, stage_of_it):
    if stage_of_it == "starting":
        on.push("1.2.1", held=True)
    with on.controller():
        on.add_canary(**{**QUICK, "interval": "60s"})
        on.until(lambda: on.status().get("stage") == stage_of_it)
        if stage_of_it == "progressing":
            on.until_said("canary weight 25")
        on.ask("abort")
        on.until_state("failed")
    before = "" if stage_of_it == "starting" else "Normal   Advance podinfo.test canary weight 25\n"
    on.tells("aborted", before=before)
    assert on.weights() == (100, 0)
    assert on.replicas(CANARY) == 0


def test_abort_after_the_copy_comes_too_late(on):
    on.run_held("1.2.1")
    with on.controller():
        on.add_canary(**AT_ONCE)
        on.until_said("Copying podinfo-canary.test template spec")
        assert "is over, its template" in on.refused("abort")
        on.annotate(abort=on.status()["canaryRevision"])
        on.until_said("Cannot abort")
        for _ in range(2):
            on.release("podinfo")
        on.until_state("finished")
    on.tells("too-late-to-abort", revision=on.status()["canaryRevision"])


def test_retry(on):
    with on.controller():
        revision = at_25(on, interval="60s")
        on.ask("abort")
        on.until_state("failed")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"interval": "2s"}}})
        on.ask("retry")
        on.until_state("finished")
    on.tells("retried", revision=revision)
    assert on.image("podinfo") == "1.2.1"


def test_promote(on):
    with on.controller():
        revision = at_25(on, interval="60s")
        on.ask("promote")
        on.until_state("finished")
    on.tells("promoted-by-hand", revision=revision)
    assert on.image("podinfo") == "1.2.1"


def test_promote_before_the_first_step(on):
    on.push("1.2.1", held=True)
    with on.controller():
        on.add_canary(**{**QUICK, "interval": "60s"})
        on.until(lambda: on.status().get("stage") == "starting")
        revision = on.status()["canaryRevision"]
        on.ask("promote")
        on.release("podinfo-canary")
        for _ in range(2):
            on.release("podinfo")
        on.until_state("finished")
    on.tells("promoted-at-once", revision=revision)
    assert on.image("podinfo") == "1.2.1"


def test_hold_before_the_first_step(on):
    on.add_canary(**AT_ONCE)
    on.annotate(hold="Ann decides")
    with on.controller():
        on.until_said("Ann decides")
        assert on.weights() == (100, 0)
        on.ask("resume")
        on.until_state("finished")
    on.tells("held-from-the-start")


def test_hold_and_resume(on):
    with on.controller():
        at_25(on)
        on.annotate(hold="Ann decides")
        on.until_said("Ann decides")
        on.until(lambda: on.condition("Promoted") == ("Unknown", "Held"))
        checked = on.status()["lastCheckTime"]
        on.until(lambda: on.status()["lastCheckTime"] > checked)
        assert on.weights() == (75, 25)
        on.annotate(hold=None)
        on.until_state("finished")
    on.tells("held-and-resumed")


def test_traffic_returns_in_steps(on):
    with on.controller():
        on.add_canary(**{**QUICK, "interval": "2s"}, promotion="stepped")
        on.until_state("finished")
    on.tells("returned-in-steps")


def test_the_end_of_a_rollout_waits_for_proxies_that_learn_of_the_route_late(on):
    on.route_lag(3)
    with on.controller():
        promoted(on, drainSeconds=6)
    assert on.requests_to_nothing() == 0


def test_drain_counts_from_the_route(on):
    with on.controller():
        on.add_canary(**AT_ONCE, drainSeconds=5)
        on.until(lambda: on.status().get("stage") == "draining")
        assert on.weights() == (100, 0)
        began = datetime.fromisoformat(on.status()["drainStartTime"])
        on.until(lambda: on.replicas(CANARY) == 0)
        assert (datetime.now(UTC) - began).total_seconds() >= 5  # noqa: TID251  # what a user's watch says
        on.until_state("finished")
    assert on.requests_to_nothing() == 0


def test_situation_13_the_namespace_is_deleted_mid_rollout(on):
    with on.controller():
        at_25(on, interval="60s")
        on.environment.api.delete(f"/api/v1/namespaces/{on.namespace}").raise_for_status()
        on.until(lambda: on.environment.api.get(f"/api/v1/namespaces/{on.namespace}").status_code == 404)
