"""What is said of a canary object: what the controller would say, and all of it at once."""

import itertools
from dataclasses import replace

import pytest

from controller.check.facts import Objects, Unlisted
from controller.check.judge import judge
from controller.check.judge_canaries import FIXES, obstacles
from controller.core.canary import InvalidSpec, State
from controller.core.decide import decide
from informers.types import Unreadable
from router.types import Route
from tests.controller.check.facts_builders import api, bad, facts, world
from tests.controller.core import builders

UNREADABLE = Unreadable("test", "podinfo", "uid", "1", "KeyError: 'template'")
OLDER = builders.canary(name="older", uid="older-uid", created=builders.NOW - builders.MINUTE * 60)
NO_ROUTE = {"route": None}
FOREIGN_ROUTE = {"route": Route(None, "no HTTP route holds host podinfo-canary")}
NO_SERVICE = {"service_problems": ("service podinfo.test not found, create it or correct the host",)}


def said(*looks, unlisted=()):
    return bad(facts(api=api(objects=Objects(looks, unlisted))))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"primary": None, "workload": None, **NO_ROUTE, **NO_SERVICE},
            [
                (
                    "problem",
                    "WorkloadNotFound",
                    "primary deployment podinfo.test not found, create it or correct spec.primary.name",
                ),
                (
                    "problem",
                    "WorkloadNotFound",
                    "canary deployment podinfo-canary.test not found, create it or correct spec.canary.name",
                ),
                (
                    "problem",
                    "RouteNotFound",
                    "virtual service podinfo.test not found, create it or correct spec.virtualService.name",
                ),
                ("problem", "ServiceNotUsable", "service podinfo.test not found, create it or correct the host"),
            ],
            id="everything is missing, and everything is named",
        ),
        pytest.param(
            FOREIGN_ROUTE,
            [
                (
                    "problem",
                    "RouteNotUsable",
                    "virtual service podinfo.test: no HTTP route holds host podinfo-canary",
                )
            ],
            id="a route without the host",
        ),
        pytest.param(
            {"workload": UNREADABLE},
            [
                (
                    "problem",
                    "WorkloadUnreadable",
                    "canary deployment podinfo-canary.test cannot be read: KeyError: 'template'",
                )
            ],
            id="a deployment that cannot be read",
        ),
        pytest.param(
            {"rivals": (OLDER,)},
            [
                (
                    "problem",
                    "SharedWithOlderCanary",
                    "canary older.test is older and names the same workload or route, one of the two must go",
                )
            ],
            id="an older canary",
        ),
        pytest.param(
            {"primary": builders.primary(paused=True)},
            [
                (
                    "problem",
                    "WorkloadHalts",
                    "Halt podinfo.test advancement primary deployment podinfo.test is paused, resume it to go on",
                )
            ],
            id="a paused primary",
        ),
        pytest.param(
            {"primary": builders.primary(replicas=0, updated_replicas=0, current_replicas=0, available_replicas=0)},
            [
                (
                    "problem",
                    "WorkloadHalts",
                    "Halt podinfo.test advancement primary deployment podinfo.test replicas 0 < 1",
                )
            ],
            id="a primary without pods",
        ),
        pytest.param(
            {"workload": builders.workload(available_replicas=0)},
            [
                (
                    "warning",
                    "WorkloadNotConverged",
                    "Waiting for podinfo.test rollout to finish: 0 of 1 updated replicas are available",
                )
            ],
            id="a canary that is not ready",
        ),
        pytest.param(
            {"workload": builders.workload(replicas=0, updated_replicas=0, current_replicas=0, available_replicas=0)},
            [],
            id="a canary at rest has no pods",
        ),
        pytest.param(
            {"canary": builders.canary(spec=InvalidSpec("spec.primary must be an object, not None")), **NO_ROUTE},
            [("problem", "InvalidSpec", "spec.primary must be an object, not None")],
            id="an invalid spec",
        ),
        pytest.param({"canary": builders.canary(deleting=True), **NO_ROUTE}, [], id="what is being deleted"),
    ],
)
def test_what_is_said_of_a_canary(changes, found):
    assert said(world(**changes)) == found


def test_object_that_cannot_be_read():
    (finding,) = [f for f in judge(facts(api=api(objects=Objects((UNREADABLE,))))) if f.level != "ok"]
    assert (finding.reason, finding.what) == ("CanaryUnreadable", "It cannot be read: KeyError: 'template'")
    assert (finding.about, finding.fix) == (
        "test/podinfo",
        "kubectl -n test get canary podinfo -o yaml shows what is wrong",
    )


def test_no_object_yet_is_fine():
    assert said() == []
    assert "There is no canary object yet" in {f.what for f in judge(facts(api=api(objects=Objects())))}


@pytest.mark.parametrize(
    ("plural", "changes", "left"),
    [
        ("deployments", {"primary": None, "workload": None, **NO_ROUTE}, "RouteNotFound"),
        ("virtualservices", {**NO_ROUTE, **NO_SERVICE}, "ServiceNotUsable"),
        ("services", {**NO_ROUTE, **NO_SERVICE}, "RouteNotFound"),
    ],
)
def test_kind_that_could_not_be_listed_is_not_called_missing(plural, changes, left):
    first, second = said(world(**changes), unlisted=(Unlisted(plural, "", "503"),))
    assert first == (
        "warning",
        "CannotTell",
        f"The {plural} cannot be listed, so canaries were not checked against them: 503",
    )
    assert second[:2] == ("problem", left)


def test_what_is_known_anyway_is_not_said_again_and_nothing_is_called_healthy():
    findings = judge(facts(api=api(objects=Objects((world(**NO_ROUTE),), (Unlisted("virtualservices", "test", ""),)))))
    assert [f for f in findings if f.check == "canaries"] == []


def test_kind_that_could_not_be_listed_in_another_namespace_makes_no_difference():
    found = said(world(**NO_ROUTE), unlisted=(Unlisted("virtualservices", "elsewhere", "503"),))
    assert [reason for _, reason, _ in found] == ["CannotTell", "RouteNotFound"]


def test_there_is_no_second_opinion():
    """Whatever the controller complains of before a rollout, a check has said; and it says nothing that is not so."""
    parts = {
        "primary": [builders.primary(), None, UNREADABLE],
        "workload": [builders.workload(), None, UNREADABLE],
        "route": [builders.world(weight=0).route, None, FOREIGN_ROUTE["route"]],
        "service_problems": [(), NO_SERVICE["service_problems"]],
        "rivals": [(), (OLDER,)],
        "spec": [builders.spec(), InvalidSpec("spec.primary must be an object, not None")],
    }
    complained = 0
    for values in itertools.product(*parts.values()):
        changes = dict(zip(parts, values, strict=True))
        first_sight = builders.canary(status=replace(builders.status(), state=None), spec=changes.pop("spec"))
        the_world = builders.world(canary=first_sight, weight=0, **changes)
        plan = decide(the_world)
        found = [obstacle.what for obstacle in obstacles(the_world)]
        if plan.complaint is not None:
            complained += 1
            assert found[0] == plan.complaint.text
        else:
            assert found == []
        assert len(set(found)) == len(found)
    assert complained == 2 * 3 * 3 * 3 * 2 * 2 - 1


def test_every_reason_has_a_fix_that_can_be_filled_in():
    for fix in FIXES.values():
        assert "{" not in fix.format(namespace="test", name="podinfo", route="podinfo")


@pytest.mark.parametrize("state", [State.RUNNING, State.FAILED, State.FINISHED])
def test_rollout_that_runs_or_has_ended_is_fine(state):
    assert said(world(state=state)) == []
