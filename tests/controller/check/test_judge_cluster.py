"""What the API server's answers mean."""

from dataclasses import replace

import pytest

from controller.check.facts import Access, NoApi, NotServed, Unknown, Version
from controller.check.judge import judge
from controller.check.permissions import NEEDED, NEEDED_TO_LEAD, optional
from controller.kinds import BUILT_IN, make_kinds
from tests.controller.check.facts_builders import KINDS, USER, access, api, bad, facts
from tests.deploy.declared import WIDGET

ALL = "in all namespaces"
HTTP_ROUTES = optional(BUILT_IN)["HTTPRoute"]
DROPPED = "which the API server drops from every object"
LEASE = access(namespace="istio-system", needed=NEEDED_TO_LEAD)


def test_nothing_to_fix():
    findings = judge(facts())
    assert {str(f.level) for f in findings} == {"ok"}
    assert len(findings) == 8
    assert all(f.fix == "" for f in findings)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param(
            {"version": Version(1, 24, "v1.24.9")},
            (
                "problem",
                "KubernetesTooOld",
                "Kubernetes v1.24.9 is older than 1.25, the first that can check the schema of Canary",
            ),
            id="a minor too old",
        ),
        pytest.param({"version": Version(1, 25, "v1.25.0")}, None, id="the oldest"),
        pytest.param({"version": Version(2, 0, "v2.0.0")}, None, id="a new major"),
        pytest.param(
            {"version": Version(0, 99, "v0.99.0")},
            (
                "problem",
                "KubernetesTooOld",
                "Kubernetes v0.99.0 is older than 1.25, the first that can check the schema of Canary",
            ),
            id="an old major",
        ),
        pytest.param(
            {"version": Unknown("403")},
            ("warning", "CannotTell", "The version of Kubernetes is unknown: 403"),
            id="a version that is not told",
        ),
        pytest.param({"user": Unknown("not served")}, None, id="a server too old to say who we are"),
        pytest.param(
            {"user": "system:anonymous", "access": access(("list", "canaries"))},
            (
                "problem",
                "NotAuthenticated",
                "The API server takes the requests as those of system:anonymous: they have no credentials",
            ),
            id="nobody, whose rights are not listed",
        ),
        pytest.param(
            {"missing_namespaces": ("nowhere",)},
            ("problem", "NamespaceNotFound", "Namespace nowhere does not exist"),
            id="a namespace that does not exist",
        ),
        pytest.param(
            {"kinds": {**KINDS, "Canary": NotServed("canaries.flagger.app is not served", "kubectl apply")}},
            ("problem", "KindNotServed", "canaries.flagger.app is not served"),
            id="our kind is not installed",
        ),
        pytest.param(
            {
                "kinds": {
                    **KINDS,
                    "VirtualService": NotServed("virtualservices.networking.istio.io is not served", "Install Istio."),
                }
            },
            ("problem", "KindNotServed", "virtualservices.networking.istio.io is not served"),
            id="Istio is not installed",
        ),
        pytest.param(
            {"kinds": {**KINDS, "VirtualService": Unknown("503")}},
            ("warning", "CannotTell", "It is unknown whether VirtualService is served: 503"),
            id="a group that cannot be read",
        ),
        pytest.param(
            {"missing_fields": ("spec.primary", "status.stage")},
            (
                "problem",
                "SchemaDiffers",
                f"The served schema of Canary lacks spec.primary, status.stage, {DROPPED}",
            ),
            id="another schema",
        ),
        pytest.param(
            {"missing_fields": tuple("abcdef")},
            (
                "problem",
                "SchemaDiffers",
                f"The served schema of Canary lacks a, b, c, d and 2 more, {DROPPED}",
            ),
            id="a quite different schema",
        ),
        pytest.param(
            {"access": access(("patch", "virtualservices"))},
            ("problem", "NotAllowed", f"{USER} may not patch virtualservices.networking.istio.io {ALL}"),
            id="one verb is not allowed",
        ),
        pytest.param(
            {"access": access(("list", "services"), ("watch", "services"), namespace="test")},
            ("problem", "NotAllowed", f"{USER} may not list or watch services in namespace test"),
            id="two verbs in a namespace",
        ),
        pytest.param(
            {"access": access(("patch", "deployments/scale"))},
            ("problem", "NotAllowed", f"{USER} may not patch deployments.apps/scale {ALL}"),
            id="a subresource",
        ),
        pytest.param(
            {"access": access(*((p.verb, p.resource) for p in NEEDED))},
            ("problem", "NotAllowed", f"{USER} may do nothing that the controller does {ALL}"),
            id="nothing is allowed",
        ),
        pytest.param(
            {"access": (*access(), *LEASE)},
            None,
            id="the lease is allowed",
        ),
        pytest.param(
            {"access": (*access(), *access(("update", "leases"), namespace="x", needed=NEEDED_TO_LEAD))},
            (
                "problem",
                "NotAllowed",
                f"{USER} may not update leases.coordination.k8s.io flagger-leader-election in namespace x",
            ),
            id="the lease is not allowed",
        ),
        pytest.param(
            {"access": (Access(NEEDED[0], "", Unknown("no reviews")),), "user": Unknown("")},
            (
                "warning",
                "CannotTell",
                f"It is unknown whether this user may do what the controller does {ALL}: no reviews",
            ),
            id="a server that does not say what is allowed",
        ),
    ],
)
def test_what_is_said_of_the_cluster(changes, found):
    assert bad(facts(api=api(**changes))) == ([found] if found else [])


@pytest.mark.parametrize(
    ("refused", "found"),
    [
        (
            False,
            (
                "problem",
                "ApiServerUnreachable",
                "The API server has not answered, so nothing in the cluster was checked: away",
            ),
        ),
        (True, ("problem", "NotAuthenticated", "The API server refuses the credentials: away")),
    ],
)
def test_server_that_does_not_answer_us_is_said_once_and_prometheus_is_judged_all_the_same(refused, found):
    findings = judge(facts(api=NoApi("away", refused=refused)))
    assert [(str(f.level), str(f.reason), f.what) for f in findings if f.level != "ok"] == [found]
    assert {f.check for f in findings if f.level == "ok"} == {"prometheus"}


def test_several_namespaces_are_judged_each():
    both = (*access(("list", "canaries"), namespace="a"), *access(("list", "canaries"), namespace="b"))
    said = [what for _, _, what in bad(facts(api=api(access=both)))]
    assert said == [f"{USER} may not list canaries.flagger.app in namespace {name}" for name in "ab"]


@pytest.mark.parametrize(
    ("the_access", "fix"),
    [
        (
            access(("list", "canaries")),
            "Bind the rules of artifacts/flagger/account.yaml to it (the chart does: rbac.create), or restrict",
        ),
        (access(("list", "canaries"), namespace="test"), "Give it a Role with the rules of the ClusterRole"),
        (access(("get", "leases"), namespace="x", needed=NEEDED_TO_LEAD), "--leader-election-namespace"),
    ],
    ids=["cluster", "namespace", "lease"],
)
def test_missing_permission_says_how_to_grant_it(the_access, fix):
    (finding,) = [f for f in judge(facts(api=api(access=the_access))) if f.level == "problem"]
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("denied", "what"),
    [
        ((), None),
        ((("patch", "httproutes"),), "may not patch httproutes.gateway.networking.k8s.io"),
        (
            tuple((p.verb, p.resource) for p in HTTP_ROUTES),
            "may do nothing that the controller does for canaries that name HTTPRoute",
        ),
    ],
    ids=["granted", "one verb is not", "nothing is"],
)
def test_permissions_of_an_optional_kind_are_granted_by_a_manifest_of_their_own(denied, what):
    asked = (replace(a, kind="HTTPRoute") for a in access(*denied, needed=HTTP_ROUTES))
    findings = judge(facts(api=api(access=(*access(), *asked))))
    found = [f for f in findings if f.reason == "NotAllowed"]
    assert [f.what for f in found] == ([f"{USER} {what} {ALL}"] if what else [])
    assert all("artifacts/kinds/httproutes.yaml" in f.fix for f in found)
    said = f"{USER} may do what the controller does {ALL} for canaries that name HTTPRoute"
    assert (said in [f.what for f in findings]) is (what is None)


def test_permissions_of_a_declared_kind_are_printed_as_rules():
    needed = optional(make_kinds([WIDGET]))["Widget"]
    asked = tuple(replace(a, kind="Widget") for a in access(("patch", "widgets"), needed=needed))
    the_api = api(access=(*access(), *asked), declared=frozenset({"Widget"}))
    (finding,) = [f for f in judge(facts(api=the_api)) if f.reason == "NotAllowed"]
    rule = "{apiGroups: [example.com], resources: [widgets], verbs: [get, list, watch, patch]}"
    assert finding.what == f"{USER} may not patch widgets.example.com {ALL}"
    assert finding.fix.endswith(f"(the chart does with the value `declaredKinds`): [{rule}]")
