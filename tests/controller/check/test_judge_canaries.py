"""What is said of a canary object: what the controller would say, and all of it at once."""

import itertools
from dataclasses import replace

import pytest

from controller.check.facts import Objects, Unlisted
from controller.check.judge import judge
from controller.check.judge_canaries import FIXES, standing_in_the_way
from controller.core import events, gates
from controller.core.canary import CanaryStatus, InvalidSpec, State
from controller.core.decide import decide
from controller.core.gates import Needs
from controller.core.verbs import Verbs
from informers.types import Unreadable
from router.types import Backend, Route, Weights
from tests.controller.check.facts_builders import api, bad, facts, world
from tests.controller.core import builders

UNREADABLE = Unreadable("test", "podinfo", "uid", "1", "KeyError: 'template'")
OLDER = builders.canary(name="older", uid="older-uid", created=builders.NOW - builders.MINUTE * 60)
NO_ROUTE = {"route": None}
FOREIGN_ROUTE = {"route": Route(None, "no HTTP route holds host podinfo-canary")}
NO_SERVICE = {"primary_backend": Backend("service podinfo.test not found, create it or correct the host", gone=True)}
IDLE = {"replicas": 0, "updated_replicas": 0, "current_replicas": 0, "available_replicas": 0}


def said(*looks, unlisted=()):
    return bad(facts(api=api(objects=Objects(looks, unlisted))))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"primary": None, "canary_workload": None, **NO_ROUTE, **NO_SERVICE},
            [
                (
                    "problem",
                    "WorkloadNotFound",
                    (
                        "primary deployment podinfo.test not found, create it or correct spec.primary.name, "
                        "canary deployment podinfo-canary.test not found, create it or correct spec.canary.name"
                    ),
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
            {"canary_workload": UNREADABLE},
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
                    "canary older.test is older and names the same workload or route, delete one of them",
                )
            ],
            id="an older canary",
        ),
        pytest.param(
            {"canary_backend": builders.backend("other")},
            [
                (
                    "problem",
                    "ServiceNotUsable",
                    "service podinfo-canary selects app=other, which no pod of deployment podinfo-canary.test has",
                )
            ],
            id="a service that selects other pods",
        ),
        pytest.param(
            {"canary_workload": builders.workload(available_replicas=0)},
            [
                (
                    "warning",
                    "WorkloadNotConverged",
                    "The rollout waits: 0 of 1 updated replicas are available (deployment podinfo-canary.test)",
                )
            ],
            id="a canary that is not ready",
        ),
        pytest.param({"canary_workload": builders.workload(**IDLE)}, [], id="a canary at rest has no pods"),
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


@pytest.mark.parametrize(
    ("changes", "sentence", "fix"),
    [
        pytest.param(
            {"primary": builders.primary(paused=True)},
            "primary deployment podinfo.test is paused, resume it to go on",
            "kubectl -n test rollout resume deployment/podinfo",
            id="a paused primary",
        ),
        pytest.param(
            {"canary_workload": builders.workload(paused=True)},
            "canary deployment podinfo-canary.test is paused, resume it to go on",
            "kubectl -n test rollout resume deployment/podinfo-canary",
            id="a paused canary",
        ),
        pytest.param(
            {"primary": builders.primary(**IDLE)},
            "primary deployment podinfo.test replicas 0 < 1",
            "kubectl -n test scale deployment/podinfo --replicas 1",
            id="a primary that is scaled to 0",
        ),
        pytest.param(
            {
                "primary": builders.primary(per_node=True, **IDLE),
                "canary": replace(world().canary, spec=builders.spec(target_kind="DaemonSet")),
            },
            "primary daemon set podinfo.test replicas 0 < 1",
            "kubectl -n test patch daemonset/podinfo --type json -p "
            """'[{"op": "remove", "path": "/spec/template/spec/nodeSelector/flagger.app~1parked"}]'""",
            id="a primary that is parked",
        ),
        pytest.param(
            {"canary": replace(world().canary, verbs=Verbs(hold="waiting for Ann"))},
            "held by the annotation flagger.app/hold (waiting for Ann), remove it to go on",
            "flagger resume podinfo -n test",
            id="a hold",
        ),
    ],
)
def test_rollout_that_is_held_on_purpose_is_a_warning(changes, sentence, fix):
    found = [f for f in judge(facts(api=api(objects=Objects((world(**changes),))))) if f.reason == "RolloutHeld"]
    assert [(str(f.level), f.what, f.fix, f.about) for f in found] == [("warning", sentence, fix, "test/podinfo")]


TO_NOTHING = {"route": Route(Weights(50, 50), sends_to_canary=True), "canary_workload": builders.workload(**IDLE)}


def test_route_that_sends_users_to_nothing_at_rest_is_a_problem():
    sentence = (
        "virtual service podinfo.test sends 50% of its requests to podinfo-canary.test, "
        "which has no available pod behind it"
    )
    assert said(world(**TO_NOTHING)) == [("problem", "TrafficToNothing", sentence)]
    assert said(world(**TO_NOTHING, state=State.RUNNING)) == []


@pytest.mark.parametrize("kind", ["Deployment", "VirtualService", "Service"])
def test_route_is_not_said_to_send_users_to_what_could_not_be_listed(kind):
    reasons = [reason for _, reason, _ in said(world(**TO_NOTHING), unlisted=(Unlisted(kind, "x", "", "503"),))]
    assert reasons == ["CannotTell"]


def test_workload_that_is_waited_for_is_named_with_what_shows_it():
    short = world(primary=builders.primary(available_replicas=1), canary_workload=builders.workload(updated_replicas=0))
    found = [f for f in judge(facts(api=api(objects=Objects((short,))))) if f.level != "ok"]
    assert [f.fix for f in found] == [
        "kubectl -n test rollout status deployment/podinfo shows its progress",
        "kubectl -n test rollout status deployment/podinfo-canary shows its progress",
    ]


def test_fixes_of_a_kind_that_kubectl_cannot_roll_out_name_the_object():
    of_widgets = builders.canary(finalizers=(), spec=builders.spec(target_kind="Widget"), status=builders.at_rest())
    parts = {"primary": builders.primary(paused=True), "canary_workload": builders.workload(unready="Ready is False")}
    found = [f for f in judge(facts(api=api(objects=Objects((world(canary=of_widgets, **parts),))))) if f.level != "ok"]
    assert [(f.what, f.fix) for f in found] == [
        ("primary widget podinfo.test is paused, resume it to go on", "kubectl -n test edit widget/podinfo"),
        (
            "The rollout waits: Ready is False (widget podinfo-canary.test)",
            "kubectl -n test get widget/podinfo-canary -o yaml shows its progress",
        ),
    ]


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
    ("kind", "changes", "left"),
    [
        ("Deployment", {"primary": None, "canary_workload": None, **NO_ROUTE}, "RouteNotFound"),
        ("VirtualService", {**NO_ROUTE, **NO_SERVICE}, "ServiceNotUsable"),
        ("Service", {**NO_ROUTE, **NO_SERVICE}, "RouteNotFound"),
    ],
)
def test_kind_that_could_not_be_listed_is_not_called_missing(kind, changes, left):
    plural = f"{kind.lower()}s"
    first, second = said(world(**changes), unlisted=(Unlisted(kind, plural, "", "503"),))
    assert first == (
        "warning",
        "CannotTell",
        f"The {plural} cannot be listed, so canaries were not checked against them: 503",
    )
    assert second[:2] == ("problem", left)


def test_what_is_known_anyway_is_not_said_again_and_nothing_is_called_healthy():
    findings = judge(
        facts(
            api=api(objects=Objects((world(**NO_ROUTE),), (Unlisted("VirtualService", "virtualservices", "test", ""),)))
        )
    )
    assert [f for f in findings if f.check == "canaries"] == []


def test_kind_that_could_not_be_listed_in_another_namespace_makes_no_difference():
    found = said(world(**NO_ROUTE), unlisted=(Unlisted("VirtualService", "virtualservices", "elsewhere", "503"),))
    assert [reason for _, reason, _ in found] == ["CannotTell", "RouteNotFound"]


@pytest.mark.parametrize("status", [CanaryStatus(), world().canary.status], ids=["at first sight", "at rest"])
def test_there_is_no_second_opinion(status):
    """Whatever the controller complains of before a rollout, a check has said; and it says nothing that is not so."""
    parts = {
        "primary": [builders.primary(), None, UNREADABLE],
        "canary_workload": [builders.workload(), builders.workload(**IDLE), None, UNREADABLE],
        "route": [
            builders.world(weight=0).route,
            Route(Weights(50, 50), sends_to_canary=True),
            None,
            FOREIGN_ROUTE["route"],
        ],
        "primary_backend": [builders.backend("podinfo"), NO_SERVICE["primary_backend"]],
        "rivals": [(), (OLDER,)],
        "spec": [builders.spec(), InvalidSpec("spec.primary must be an object, not None")],
    }
    silent = 0
    for values in itertools.product(*parts.values()):
        changes = dict(zip(parts, values, strict=True))
        the_canary = builders.canary(finalizers=(), status=status, spec=changes.pop("spec"))
        the_world = builders.world(canary=the_canary, **changes)
        plan = decide(the_world)
        found = [
            events.halt("podinfo.test", closed.what, kind=closed.gate.reason).text
            for closed in standing_in_the_way(the_world)
        ]
        if plan.complaint is not None:
            assert found[0] == plan.complaint.text
        else:
            silent += 1
            assert found == []
        assert len(set(found)) == len(found)
    assert silent == (4 if status.state is None else 3)  # two workloads with two routes, of which one sends to nothing


def test_gates_of_a_check_are_those_of_the_controller():
    """A gate that is added there is found here: with a fix if it needs a repair, with a command otherwise."""
    by_other_checks = gates.KINDS  # by what is served and what is allowed
    asked = {gate.reason: gate.needs for gate in (*gates.GATES, *gates.AT_REST) if gate not in by_other_checks}
    assert {reason for reason, needs in asked.items() if needs is Needs.REPAIR} == set(FIXES)


def test_every_reason_has_a_fix_that_can_be_filled_in():
    for fix in FIXES.values():
        words = {"namespace": "test", "name": "podinfo", "route": "route podinfo", "routes": "x", "workloads": "y"}
        assert "{" not in fix.format(**words)


@pytest.mark.parametrize("state", [State.RUNNING, State.FAILED, State.FINISHED])
def test_rollout_that_runs_or_has_ended_is_fine(state):
    assert said(world(state=state)) == []
