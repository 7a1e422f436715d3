"""The defects of the first implementation, by name: none may come back."""

import math
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from controller.core import events
from controller.core.canary import Stage, State
from controller.core.decide import decide
from controller.core.plan import CopyTemplate, Plan, Scale, Shift, WriteStatus
from controller.core.world import stamp
from controller.events.correlator import Correlator
from controller.kinds import BUILT_IN
from controller.work.ratelimit import ExponentialLimiter
from controller.work.workers import Workers
from controller.work.workqueue import WorkQueue
from deploy.deployments import DEPLOYMENTS
from deploy.deployments import view as deployment_view
from deploy.templated import TemplateDeployer
from informers.errors import ConflictError, ForbiddenError, NotFoundError, error_from
from metrics.prometheus import PrometheusObserver
from metrics.queries import QUERIES
from metrics.types import Check, NoData, Target, Value, Verdict
from metrics.verdicts import judge
from router.types import ALL_TO_PRIMARY, Route, Weights
from router.virtualservice import view as virtual_service_view
from router.weighted import find, patch
from testbed.sandbox.__main__ import ARTIFACTS
from tests.canary_objects import seed
from tests.controller.clock import FakeClock
from tests.controller.core.builders import (
    BAD_RATE,
    GOOD,
    MINUTE,
    NOW,
    at_rest,
    canary,
    decided,
    primary,
    said,
    spec,
    status,
    workload,
    world,
)
from tests.deploy.deployment_objects import deployment
from tests.fakes.caches import FakeCache
from tests.fakes.counted import Counted
from tests.fakes.writer import FakeWriter
from tests.router.virtual_services import REF, pair, to, virtual_service
from tests.simulator import later, plan_for, play, pushed, remembering, run, simulated, template_of

RATE = Check("istio_requests_total", 99.0, "30s")
TARGET = Target("test", "podinfo-canary")


def end_of(scene, readings=GOOD):
    *_, end = run(scene, lambda *_: readings)
    return end


@pytest.mark.parametrize(("step", "most"), [(20, 50), (7, 50), (30, 100), (60, 50)])
def test_step_that_does_not_divide_max_weight_still_promotes(step, most):  # behaviour 6
    end = end_of(simulated(spec(step_weight=step, max_weight=most), now=NOW))
    assert end.canary.status.state is State.FINISHED
    assert f"Advance podinfo.test canary weight {most}" in end.said
    assert end.primary.template.body == "2"


def test_conflict_while_promoting_promotes_at_the_next_look():
    scene = simulated(spec(step_weight=100, max_weight=100), now=NOW)
    conflicts = 1
    for _ in range(50):
        for action in plan_for(scene, lambda *_: GOOD).actions:
            if isinstance(action, CopyTemplate) and conflicts:
                conflicts -= 1
                break
            scene = play(scene, action)
        scene = later(scene, timedelta(seconds=30))
    assert conflicts == 0
    assert scene.canary.status.state is State.FINISHED
    assert scene.primary.template.body == "2"


def test_no_promotion_without_a_passing_round_at_max_weight():  # behaviour 6
    just_reached = decided(world(status=status(canary_weight=45)))
    assert Shift(Weights(50, 50)) in just_reached.actions
    assert not any(isinstance(action, CopyTemplate) for action in just_reached.actions)
    failing = decided(world(status=status(canary_weight=50)), BAD_RATE)
    assert not any(isinstance(action, CopyTemplate) for action in failing.actions)


def test_checks_are_not_asked_after_the_copy_so_nothing_rolls_back_onto_the_bad_version():
    promoting = status(stage=Stage.PROMOTING, canary_weight=50, failed_checks=9)
    copied = primary(promoted=stamp(canary(status=promoting)), available_replicas=1)
    plan = decide(world(status=promoting, primary=copied))
    assert plan.observe == ()
    assert not any(text.startswith("Rolling back") for text in said(plan))


@pytest.mark.parametrize("reading", [Value(math.nan), Value(math.inf), NoData()], ids=["NaN", "Inf", "empty"])
def test_nan_and_empty_do_not_pass(reading):
    assert judge(RATE, reading).verdict is Verdict.INCONCLUSIVE


def test_misspelt_metric_is_refused():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["metrics"][0]["name"] = "istio_request_total"
    obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2018-10-10T12:00:00Z"}
    assert "'istio_request_total' is not a built-in check" in BUILT_IN.view(obj, None).spec.problem


def test_window_is_the_same_on_both_sides_of_the_fraction():
    query = next(QUERIES[RATE.name].queries(TARGET, replace(RATE, interval="30s")))
    assert query.count("[30s]") == 2
    assert "[1m]" not in query


def test_canary_of_which_every_answer_is_a_5xx_reads_zero_and_fails():
    numerator, _, _ = next(QUERIES[RATE.name].queries(TARGET, RATE)).partition(" / ")
    assert numerator.endswith("or vector(0))")
    assert judge(RATE, Value(0.0)).text == "success rate 0.00% < 99%"


def test_rollback_is_not_blocked_by_an_unhealthy_canary():  # behaviour 9
    sick = workload(available_replicas=0, updated_replicas=0)
    plan = decided(world(status=status(failed_checks=9), canary_workload=sick))
    assert said(plan)[-1] == "Canary failed! Scaling down podinfo-canary.test"
    assert {Shift(ALL_TO_PRIMARY), Scale(0)} <= set(plan.actions)


def test_unhealthy_canary_is_rolled_back_in_the_end():
    scene = simulated(spec(), now=NOW)
    for _ in range(200):
        lost = (
            replace(scene.canary_workload, available_replicas=0)
            if scene.canary.status.canary_weight
            else scene.canary_workload
        )
        scene = replace(scene, canary_workload=lost)
        plan = plan_for(scene, lambda *_: GOOD)
        scene = remembering(scene, plan)
        for action in plan.actions:
            scene = play(scene, action)
        scene = later(scene, timedelta(seconds=20))
        if scene.canary.status.state is State.FAILED:
            break
    assert scene.canary.status.state is State.FAILED
    assert scene.canary.status.failed_checks == spec().threshold
    assert scene.weights == ALL_TO_PRIMARY


@pytest.mark.parametrize(
    "noise",
    [
        {"resource_version": "999"},
        {"generation": 7, "observed_generation": 7},
        {"replicas": 5, "current_replicas": 5, "generation": 7},
        {"available_replicas": 0},
    ],
    ids=["version", "generation", "scaled", "status"],
)
def test_nothing_but_the_template_is_a_revision(noise):  # behaviour 17
    resting = canary(finalizers=(), status=at_rest())
    assert decided(world(canary=resting, canary_workload=workload(**noise))) == Plan()


def test_every_push_is_seen_whatever_was_written_in_between():
    resting = canary(finalizers=(), status=at_rest())
    new = workload("3", generation=2, resource_version="1")
    assert said(decided(world(canary=resting, canary_workload=new)))[0].startswith("New revision detected")


def test_failed_status_write_after_finishing_sends_no_traffic_to_zero_pods():
    scene = simulated(spec(step_weight=100, max_weight=100), now=NOW)
    for _ in range(50):
        for action in plan_for(scene, lambda *_: GOOD).actions:
            if isinstance(action, WriteStatus) and action.status.state is State.FINISHED:
                break  # the write fails: the rest of the plan is lost
            scene = play(scene, action)
            if scene.weights.canary:
                assert scene.canary_workload.replicas > 0
        scene = later(scene, timedelta(seconds=30))
    assert scene.weights == ALL_TO_PRIMARY
    assert scene.primary.template.body == "2"


def test_patch_of_weights_replaces_no_route():
    obj = virtual_service([to("other")], pair(100, 0))
    obj["spec"]["http"][1].update(match=[{}], timeout="3s", retries={"attempts": 2})
    operations = patch(virtual_service_view(obj, None), REF, Weights(95, 5))
    assert [op["path"] for op in operations if op["op"] != "test"] == [
        "/spec/http/1/route/0/weight",
        "/spec/http/1/route/1/weight",
    ]


def deployer(*objects):
    writer = FakeWriter(*[("deployments", obj) for obj in objects])
    cache = FakeCache([deployment_view(obj, None) for obj in objects], build=deployment_view)
    return TemplateDeployer(cache, writer, lambda: DEPLOYMENTS.newest), writer


def test_unknown_fields_of_a_deployment_survive_a_promotion():  # contract C13
    source, target = deployment(image="podinfo:2"), deployment("podinfo")
    source["spec"]["template"]["spec"]["field-of-tomorrow"] = {"x": None}
    target["spec"]["another-field"] = [None]
    deploy, writer = deployer(source, target)
    deploy.copy_template(deploy.get("test", "podinfo-canary"), deploy.get("test", "podinfo"), stamp="1@x")
    after = writer.objects["deployments", "podinfo"]
    assert after["spec"]["template"]["spec"]["field-of-tomorrow"] == {"x": None}
    assert after["spec"]["another-field"] == [None]


@pytest.mark.parametrize("step", [1, 7, 60, 100])
def test_weights_never_exceed_max_weight(step):
    scenes = run(simulated(spec(step_weight=step, max_weight=50), now=NOW), lambda *_: GOOD, rounds=400)
    weights = {scene.weights.canary for scene in scenes}
    assert max(weights) == 50


def test_step_of_zero_is_refused():
    obj = seed()
    obj["spec"]["canaryAnalysis"]["stepWeight"] = 0
    obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2018-10-10T12:00:00Z"}
    assert BUILT_IN.view(obj, None).spec.problem == "spec.canaryAnalysis.stepWeight must be between 1 and 100, not 0"


def test_route_without_the_canary_host_is_named_and_never_written():
    seen = virtual_service_view(virtual_service([to("podinfo")]), None)
    assert "no HTTP route holds host podinfo-canary" in find(seen, REF).problem
    assert patch(seen, REF, Weights(95, 5)) == ()


def test_rounds_of_one_canary_never_overlap_while_prometheus_hangs():
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=FakeClock())
    hanging, answer = threading.Event(), threading.Event()
    rounds = []

    def look(key):
        rounds.append(key)
        hanging.set()
        assert answer.wait(10)

    workers = Workers(queue, look, count=4, metrics=Counted())
    workers.start()
    queue.add("test/podinfo")
    assert hanging.wait(10)
    for _ in range(100):
        queue.add("test/podinfo")
    assert len(queue) == 0
    assert rounds == ["test/podinfo"]
    answer.set()
    workers.stop()


def test_scale_up_goes_back_to_the_last_count():
    idle = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
    plan = decided(world(status=at_rest(canary_replicas=4), canary_workload=workload("3", generation=2, **idle)))
    assert Scale(4) in plan.actions


def test_scaling_is_no_full_object_put():
    deploy, writer = deployer(deployment())
    deploy.scale(deploy.get("test", "podinfo-canary"), replicas=0)
    ((verb, _, _, subresource, body),) = writer.requests
    assert (verb, subresource) == ("merge_patch", "scale")
    assert body == {"metadata": {"resourceVersion": "5"}, "spec": {"replicas": 0}}


def test_promotion_leaves_the_replicas_to_the_autoscaler():
    deploy, writer = deployer(deployment(image="podinfo:2"), deployment("podinfo"))
    deploy.copy_template(deploy.get("test", "podinfo-canary"), deploy.get("test", "podinfo"), stamp="1@x")
    *_, (_, _, _, _, operations) = writer.requests
    assert not any("replicas" in op["path"] for op in operations)


def test_path_prefix_of_prometheus_is_kept():
    observer = PrometheusObserver("http://127.0.0.1:9/prometheus/", threads=1, environ={})
    assert observer.where == "http://127.0.0.1:9/prometheus"
    observer.close()


def test_dot_in_a_name_is_no_wildcard():
    query = next(QUERIES[RATE.name].queries(Target("test", "pod.info"), RATE))
    assert 'destination_workload="pod.info"' in query
    assert "=~" not in query


def test_canary_that_is_gone_ticks_no_more():
    assert decide(world(canary=canary(deleting=True, finalizers=()))).wake_after is None


@pytest.mark.parametrize(
    ("code", "reason", "error"), [(403, "Forbidden", ForbiddenError), (409, "Conflict", ConflictError)]
)
def test_not_every_error_is_not_found(code, reason, error):
    found = error_from("get deployments podinfo", code, f'{{"kind": "Status", "reason": "{reason}"}}'.encode())
    assert isinstance(found, error)
    assert not isinstance(found, NotFoundError)
    assert reason in str(found)


def test_final_events_are_not_dropped_by_the_spam_filter():  # contract E3
    correlator = Correlator()
    for weight in range(1, 101):
        correlator.correlate("uid", events.advance("podinfo.test", weight), 0.0)
    assert correlator.correlate("uid", events.advance("podinfo.test", 1), 0.0) is None
    assert correlator.correlate("uid", events.completed("podinfo-canary.test"), 0.0) is not None


def test_canaries_do_not_tick_all_at_once():
    resting = status(last_check_time=NOW)
    waits = {decided(world(canary=canary(name=f"c{i}", status=resting))).wake_after for i in range(1000)}
    assert len(waits) > 500
    assert max(waits) - min(waits) > timedelta(seconds=5)


def test_idle_canary_costs_nothing():  # behaviour 13
    plan = decide(world(canary=canary(finalizers=(), status=at_rest())))
    assert plan == Plan()
    assert plan.wake_after is None


def test_stopping_cuts_no_plan_in_half():  # contract T5
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=FakeClock())
    claimed, stopping = threading.Event(), threading.Event()
    written = []

    def look(key):
        written.append("status")
        claimed.set()
        assert stopping.wait(10)
        written.append("weights")

    workers = Workers(queue, look, count=1, metrics=Counted())
    workers.start()
    queue.add("test/podinfo")
    assert claimed.wait(10)
    end = threading.Thread(target=workers.stop)
    end.start()
    stopping.set()
    end.join(10)
    assert written == ["status", "weights"]


def test_rbac_has_no_wildcards_and_nothing_that_is_not_used():
    account = list(yaml.safe_load_all((ARTIFACTS / "flagger" / "account.yaml").read_text()))
    granted = {
        obj["kind"]: {(r, v) for rule in obj["rules"] for r in rule["resources"] for v in rule["verbs"]}
        for obj in account
        if "rules" in obj
    }
    assert "*" not in str(account)
    assert granted["Role"] == {("leases", verb) for verb in ("create", "get", "update", "watch")}
    assert granted["ClusterRole"] == {
        *[("canaries", verb) for verb in ("list", "watch", "patch")],
        ("canaries/status", "patch"),
        *[("deployments", verb) for verb in ("get", "list", "watch", "patch")],
        ("deployments/scale", "patch"),
        *[("virtualservices", verb) for verb in ("list", "watch", "patch")],
        *[("services", verb) for verb in ("list", "watch")],
        *[("namespaces", verb) for verb in ("get", "watch")],
        *[("events", verb) for verb in ("create", "patch")],
    }


def test_third_host_is_in_the_way_and_traffic_stays():
    mixed = Route(None, "destination third.test is in the way", sends_to_canary=True)
    plan = decided(world(route=mixed))
    assert not any(isinstance(action, Shift) for action in plan.actions)
    assert "third.test is in the way" in said(plan)[0]


def test_template_that_is_pushed_back_and_forth_is_never_promoted_unseen():
    scene = simulated(spec(step_weight=100, max_weight=100), now=NOW)
    for number in range(30):
        for action in plan_for(scene, lambda *_: GOOD).actions:
            if isinstance(action, CopyTemplate):
                assert scene.canary_workload.template.revision == scene.canary.status.canary_revision
            scene = play(scene, action)
        scene = pushed(later(scene, MINUTE), template_of("podinfo-canary", str(2 + number % 2)))
    assert scene.primary.template.body == "1"
