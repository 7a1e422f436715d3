"""Workloads that cannot be scaled, or whose pods nobody counts: nothing loops, waits for ever, or is claimed."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from controller.core.canary import Stage, State
from controller.core.decide import decide
from controller.core.plan import Fence, Scale, Shift, WriteStatus
from controller.core.world import rollout_of
from deploy.declaration import Counts
from deploy.declared import view
from deploy.types import Template
from router.types import Backend
from tests.controller.core.builders import MINUTE, NOW, at_rest, primary, said, spec, starting, status, workload, world
from tests.controller.core.builders import canary as canary_object
from tests.deploy.declared import WIDGET, widget

HIDDEN = Template("123", "2", labels=(), selector=(), shows_labels=False)
ONE = {"replicas": 1, "current_replicas": 1, "updated_replicas": 1, "available_replicas": 1}
KEPT = {"lowest_replicas": 1, "highest_replicas": 1, "counts_pods": False, "template": HIDDEN}


def canary(**changes):
    return workload(**{**KEPT, **changes})


def the_primary(**changes):
    template = replace(HIDDEN, revision="1", body="1")
    return primary(**{**KEPT, "template": template, **ONE, **changes})


def kept(**changes):
    return world(**{"canary_workload": canary(), "primary": the_primary(), **changes})


def statuses(plan):
    return [action.status for action in plan.actions if isinstance(action, WriteStatus)]


def of_this_revision(made=status, **changes):
    return made(**{"canary_revision": "123", **changes})


def scales(plan):
    return [action for action in plan.actions if isinstance(action, Scale) or action == Fence("canary")]


@pytest.mark.parametrize("replicas", [0, 1, 5])
def test_start_never_scales_what_cannot_be_scaled(replicas):  # behaviour 4
    plan = decide(kept(status=at_rest(canary_replicas=replicas), canary_workload=canary(generation=2)))
    assert scales(plan) == []
    assert "Scaling up podinfo.test" not in said(plan)
    assert statuses(plan)[0].stage is Stage.STARTING


def test_count_of_another_kind_in_the_status_is_not_waited_for():
    the_status = of_this_revision(starting, canary_replicas=5)
    plan = decide(kept(status=the_status))
    assert said(plan) == ["Advance podinfo.test canary weight 5"]


def test_promotion_ends_without_a_word_of_scaling_down():  # behaviour 9
    ended = of_this_revision(stage=Stage.PROMOTING, canary_weight=50)
    stamped = the_primary(template=replace(HIDDEN, revision="1"))
    plan = decide(kept(status=ended, primary=stamped))
    assert scales(plan) == []
    assert said(plan) == ["Promotion completed! podinfo-canary.test keeps its pods"]
    (written,) = statuses(plan)
    assert (written.state, written.canary_generation) == (State.FINISHED, 1)


def counted(pods):
    """Return what a kind that cannot be scaled, and whose pods are counted, is seen as."""
    declared = replace(WIDGET, counts=Counts(*(("status", name) for name in ("replicas", "updated", "available"))))
    obj = widget("podinfo-canary")
    obj["status"].update(replicas=pods, updated=pods, available=pods)
    return replace(view(declared, obj, None), template=HIDDEN, generation=1, observed_generation=1)


@pytest.mark.parametrize("pods", [0, 1, 3])
@pytest.mark.parametrize("noted", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "the_status",
    [
        partial(at_rest),
        partial(of_this_revision, starting),
        partial(of_this_revision),
        partial(of_this_revision, stage=Stage.PROMOTING, canary_weight=50),
        partial(of_this_revision, stage=Stage.ROLLING_BACK),
        partial(of_this_revision, stage=Stage.DRAINING),
    ],
)
@pytest.mark.parametrize("weight", [0, 50])
def test_what_cannot_be_scaled_never_is_however_many_pods_are_counted(the_status, noted, pods, weight):
    the_world = kept(status=the_status(canary_replicas=noted), canary_workload=counted(pods), weight=weight)
    for promoted in (False, True):
        template = HIDDEN if promoted else replace(HIDDEN, revision="1", body="1")
        assert scales(decide(replace(the_world, primary=the_primary(template=template)))) == []


def test_end_waits_for_no_drain_since_no_pods_go():
    ended = of_this_revision(stage=Stage.PROMOTING, canary_weight=50)
    drained = canary_object(spec=spec(drain=timedelta(seconds=30)), status=ended)
    plan = decide(kept(canary=drained, primary=the_primary(template=HIDDEN)))
    assert statuses(plan)[-1].state is State.FINISHED


def test_rollback_ends_without_a_word_of_scaling_down():
    plan = decide(kept(status=of_this_revision(stage=Stage.ROLLING_BACK), weight=0))
    assert scales(plan) == []
    assert said(plan) == ["Canary failed! podinfo-canary.test keeps its pods"]
    assert statuses(plan)[-1].state is State.FAILED


def test_rest_is_quiet():
    rested = of_this_revision(at_rest, canary_weight=0)
    plan = decide(kept(status=rested, weight=0))
    assert scales(plan) == []
    assert said(plan) == []


@pytest.mark.parametrize(("switched_on", "wanted"), [(True, [Scale(0)]), (False, [Fence("canary")])])
def test_what_a_switch_parks_is_parked_at_the_end(switched_on, wanted):
    replicas = 1 if switched_on else 0
    numbers = {"replicas": replicas, "available_replicas": replicas}
    parked = canary(lowest_replicas=0, **numbers)
    plan = decide(kept(status=of_this_revision(stage=Stage.ROLLING_BACK), weight=0, canary_workload=parked))
    assert scales(plan) == wanted
    assert said(plan) == ["Canary failed! Scaling down podinfo-canary.test"]


def test_what_a_switch_parked_is_switched_on_and_no_more():
    parked = canary(lowest_replicas=0, replicas=0, available_replicas=0, generation=2)
    plan = decide(kept(status=at_rest(canary_replicas=5), canary_workload=parked))
    assert scales(plan) == [Scale(1)]
    assert "Scaling up podinfo.test" in said(plan)


NOT_READY = {"available_replicas": 0, "unready": "Ready is False"}


def test_primary_that_is_not_ready_keeps_its_traffic():  # behaviour 18
    plan = decide(kept(status=of_this_revision(), primary=the_primary(**NOT_READY)))
    assert not any("gets all traffic" in text for text in said(plan))
    assert all(written.canary_weight <= 10 for written in statuses(plan))


def test_canary_that_is_not_ready_is_judged_by_its_requests():
    the_world = kept(status=of_this_revision(), canary_workload=canary(**NOT_READY))
    assert decide(the_world).observe
    assert rollout_of(the_world).world.canary_serves


def test_canary_that_never_gets_ready_is_rolled_back():  # behaviour 7
    late = of_this_revision(starting, start_time=NOW - 11 * MINUTE)
    plan = decide(kept(status=late, canary_workload=canary(**NOT_READY, failure="Ready is False")))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded, Ready is False"


def test_canary_that_is_stalled_is_rolled_back_at_once():
    stalled = canary(**NOT_READY, deadline_exceeded=True, failure="Stalled is True")
    plan = decide(kept(status=of_this_revision(starting), canary_workload=stalled))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded, Stalled is True"


def test_promoted_version_that_is_stalled_on_the_primary_is_not_promoted():  # behaviour 11
    stuck = the_primary(**NOT_READY, deadline_exceeded=True, promoted=f"123@{(NOW - 5 * MINUTE).isoformat()}")
    plan = decide(kept(status=of_this_revision(stage=Stage.PROMOTING, canary_weight=50), primary=stuck, weight=50))
    assert not [written.state for written in statuses(plan) if written.state is State.FINISHED]
    assert not any(isinstance(action, Shift) for action in plan.actions)


def test_fix_of_a_promoted_version_that_is_stalled_on_the_primary_is_not_kept_waiting():  # behaviour 12
    stuck = the_primary(**NOT_READY, deadline_exceeded=True, promoted=f"123@{(NOW - 5 * MINUTE).isoformat()}")
    fix = canary(generation=2, observed_generation=2, template=replace(HIDDEN, revision="124", body="3"))
    promoting = of_this_revision(stage=Stage.PROMOTING, canary_weight=0)
    plan = decide(kept(status=promoting, primary=stuck, canary_workload=fix, weight=0))
    assert said(plan)[0] == "New revision detected podinfo-canary.test old 123 new 124"
    first = of_this_revision(starting, canary_revision="124", canary_generation=2)
    assert said(decide(kept(status=first, primary=stuck, canary_workload=fix, weight=0))) == [
        "Advance podinfo.test canary weight 5"
    ]


def test_service_leads_to_pods_whose_labels_are_not_known_unless_it_is_gone():
    assert Backend(None, selector=(("app", "x"),)).leads_to(None)
    assert Backend(None, selector=None).leads_to(None)
    assert not Backend(None, selector=()).leads_to(None)
    assert not Backend(None, gone=True).leads_to(None)


def test_canary_of_another_kind_that_is_deleted_is_named_by_its_kind():  # behaviour 7
    of_releases = canary_object(spec=spec(target_kind="HelmRelease"))
    plan = decide(kept(canary=of_releases, canary_workload=None))
    assert said(plan)[0] == "Rolling back podinfo-canary.test the helm release was deleted"
