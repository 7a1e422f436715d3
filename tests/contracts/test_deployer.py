"""What every deployer promises, held against the fake and against Deployments on an API server."""

import re
from dataclasses import replace

import pytest

from controller.kinds import BUILT_IN, make_kinds
from deploy.declaration import ByReplicas, Counts, Declaration, PodTemplate
from deploy.parking import PARKED_LABEL
from deploy.registry import CODED
from deploy.template import would_change_nothing
from deploy.types import PROMOTED_ANNOTATION
from informers.errors import ConflictError, InvalidError, NotFoundError, ServerError
from tests.fakes.parts import FakeDeployer
from tests.fakes.sandbox import live
from tests.fakes.workloads import AS_KIND
from tests.simulator import workload_running

STAMP = "123@2018-10-10T12:00:00+00:00"
DEPLOYMENTS = ("apps", "deployments")
DECLARED = Declaration(
    CODED["Deployment"].watched.api,
    pod_template=PodTemplate(("spec", "template"), ("spec", "selector")),
    scaling=ByReplicas(("spec", "replicas")),
    paused=("spec", "paused"),
    counts=Counts(("status", "replicas"), ("status", "updatedReplicas"), ("status", "availableReplicas")),
)
"""A Deployment as an operator could have declared it."""


class FakeRig:
    pods = 2

    def __init__(self):
        self.deployer = FakeDeployer()
        for name, body, replicas in (("podinfo", "1", 2), ("podinfo-canary", "2", 1)):
            self.deployer.workloads["test", name] = workload_running(name, body, replicas=replicas)

    def change_template(self, name):
        known = self.deployer.workloads["test", name]
        other = workload_running(name, "changed", replicas=known.replicas)
        self.deployer._store(known, template=other.template, generation=known.generation + 1)

    def label(self, name, **labels):
        known = self.deployer.workloads["test", name]
        of_both = tuple(sorted({**dict(known.template.labels), **labels}.items()))
        self.deployer._store(known, template=replace(known.template, labels=of_both), generation=known.generation + 1)

    def touch(self, name):
        self.deployer._store(self.deployer.workloads["test", name], promoted="touched")

    def delete(self, name):
        del self.deployer.workloads["test", name]


def deployer(live, writer, kind="Deployment"):
    parts = live.parts
    return parts.kinds.workloads[kind].make(parts.of_kind[kind], writer, parts.versions[kind])


class LiveRig:
    """Workloads of a kind on an API server."""

    def __init__(self, live, kind="Deployment"):
        self.live, self.kind = live, kind
        self.deployer = deployer(live, live.client, kind)
        self.resource = ("apps", CODED[kind].watched.api.plural)
        self.pods = 3 if kind == "DaemonSet" else 2  # of the primary; one on each node
        if kind != "Deployment":
            for name in ("podinfo", "podinfo-canary"):
                live.cluster.add(AS_KIND[kind](live.object(*DEPLOYMENTS, name)))
            live.cluster.step()
            while not all(map(self.is_seen, ("podinfo", "podinfo-canary"))):
                pass

    def is_seen(self, name):
        view = self.deployer.get("test", name)
        version = self.live.object(*self.resource, name)["metadata"]["resourceVersion"]
        return view is not None and view.resource_version == version

    def _unseen(self):
        for informer in self.live.parts.of_kind[self.kind].all:
            informer.stop()

    def change_template(self, name):
        self._unseen()

        def change(obj):
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "changed"

        self.live.change(*self.resource, name, change)

    def label(self, name, **labels):
        def change(obj):
            obj["spec"]["template"]["metadata"]["labels"].update(labels)

        self.live.change(*self.resource, name, change)
        while not set(labels.items()) <= set(self.deployer.get("test", name).template.labels):
            pass

    def touch(self, name):
        self._unseen()
        self.live.change(*self.resource, name, lambda obj: obj["metadata"].update(labels={"touched": "yes"}))

    def delete(self, name):
        self._unseen()
        self.live.delete(*self.resource, name)


@pytest.fixture(params=["fake", *CODED, "declared"])
def rig(request, tmp_path):
    if request.param == "fake":
        yield FakeRig()
        return
    declared = request.param == "declared"
    with live(tmp_path, make_kinds([DECLARED]) if declared else BUILT_IN) as it:
        yield LiveRig(it, "Deployment" if declared else request.param)


@pytest.fixture
def real(tmp_path):
    with live(tmp_path) as it:
        yield LiveRig(it)


def both(rig):
    return rig.deployer.get("test", "podinfo-canary"), rig.deployer.get("test", "podinfo")


def test_workload_is_found_or_absent(rig):
    assert rig.deployer.get("test", "podinfo").replicas == rig.pods
    assert rig.deployer.get("test", "nobody") is None


def test_scale_is_seen_at_once_and_moves_the_generation_by_one(rig):  # contract S19
    canary, _ = both(rig)
    rig.deployer.scale(canary, replicas=0)
    none, _ = both(rig)
    assert (none.replicas, none.generation) == (0, canary.generation + 1)
    rig.deployer.scale(none, replicas=3)
    scaled, _ = both(rig)
    assert (scaled.replicas, scaled.generation) == (3, canary.generation + 2)
    assert scaled.template == none.template == canary.template


def test_scale_to_what_it_is_moves_no_generation(rig):
    canary, _ = both(rig)
    rig.deployer.scale(canary, replicas=canary.replicas)
    assert both(rig)[0].generation == canary.generation


def test_workload_that_changed_unseen_is_not_scaled(rig):
    canary, _ = both(rig)
    rig.touch("podinfo-canary")
    with pytest.raises(ConflictError):
        rig.deployer.scale(canary, replicas=3)


def test_workload_that_is_gone_is_not_scaled(rig):
    canary, _ = both(rig)
    rig.delete("podinfo-canary")
    with pytest.raises(NotFoundError):
        rig.deployer.scale(canary, replicas=3)


def test_copy_carries_the_template_and_stamps_the_target(rig):  # behaviour 10
    canary, primary = both(rig)
    rig.deployer.copy_template(canary, primary, stamp=STAMP)
    after, promoted = both(rig)
    assert promoted.template.body == canary.template.body
    assert promoted.promoted == STAMP
    assert promoted.generation == primary.generation + 1
    assert promoted.replicas == primary.replicas
    assert after == canary


def test_label_that_services_select_by_stays_on_its_side(rig):  # behaviour 10
    rig.label("podinfo-canary", role="canary", version="2")
    rig.label("podinfo", role="primary", version="1")
    rig.deployer.copy_template(*both(rig), stamp=STAMP, identity={"role"})
    labels = dict(both(rig)[1].template.labels)
    assert (labels["role"], labels["version"]) == ("primary", "2")


def test_template_that_was_not_analysed_is_never_copied(rig):  # contract W4; behaviour 10
    canary, primary = both(rig)
    rig.change_template("podinfo-canary")
    with pytest.raises(ConflictError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)
    assert rig.deployer.get("test", "podinfo").promoted == ""


def test_target_that_changed_unseen_is_not_overwritten(rig):  # contract W4
    canary, primary = both(rig)
    rig.change_template("podinfo")
    with pytest.raises(ConflictError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)


@pytest.mark.parametrize("name", ["podinfo", "podinfo-canary"])
def test_workload_that_is_gone_is_not_copied(rig, name):
    canary, primary = both(rig)
    rig.delete(name)
    with pytest.raises(NotFoundError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)


def test_deployment_copy_costs_two_reads_and_one_write(real):  # contract S17
    canary, primary = both(real)
    before = len(real.live.cluster.api.log.of("contract"))
    real.deployer.copy_template(canary, primary, stamp=STAMP)
    verbs = [request.verb for request in real.live.cluster.api.log.of("contract")[before:]]
    assert sorted(verb for verb in verbs if verb != "watch") == ["get", "get", "patch"]


def test_deployment_keeps_what_a_promotion_does_not_copy(real):
    before = real.live.object(*DEPLOYMENTS, "podinfo")
    source = real.live.object(*DEPLOYMENTS, "podinfo-canary")
    canary, primary = both(real)
    real.deployer.copy_template(canary, primary, stamp=STAMP)
    after = real.live.object(*DEPLOYMENTS, "podinfo")
    assert after["spec"]["template"]["spec"] == source["spec"]["template"]["spec"]
    assert after["spec"]["template"]["metadata"]["labels"]["app"] == "podinfo"
    assert after["metadata"]["annotations"][PROMOTED_ANNOTATION] == STAMP
    for field in ("replicas", "selector", "strategy"):
        assert after["spec"][field] == before["spec"][field]


def test_deployment_keeps_away_from_its_own_pods(real):  # behaviour 10
    def select(obj):
        selector = {"matchLabels": {"app": "podinfo-canary"}}
        spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        obj["spec"]["template"]["spec"]["topologySpreadConstraints"] = [spread]

    real.live.change(*DEPLOYMENTS, "podinfo-canary", select)
    while not both(real)[0].template.selected:
        pass
    canary, primary = both(real)
    assert not would_change_nothing(canary.template, primary.template)
    real.deployer.copy_template(canary, primary, stamp=STAMP)
    (spread,) = real.live.object(*DEPLOYMENTS, "podinfo")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"] == {"matchLabels": {"app": "podinfo"}}
    assert would_change_nothing(canary.template, both(real)[1].template)


def test_deployment_of_which_only_the_scale_has_moved_is_still_the_analysed_one(real):
    canary, primary = both(real)
    for informer in real.live.parts.of_kind["Deployment"].all:
        informer.stop()
    real.live.change(*DEPLOYMENTS, "podinfo-canary", lambda obj: obj["spec"].update(replicas=4))
    real.deployer.copy_template(canary, primary, stamp=STAMP)
    assert real.live.object(*DEPLOYMENTS, "podinfo")["metadata"]["annotations"][PROMOTED_ANNOTATION] == STAMP


def test_fence_moves_the_version_and_nothing_else(rig):
    canary, _ = both(rig)
    rig.deployer.fence(canary)
    fenced, _ = both(rig)
    assert fenced.resource_version != canary.resource_version
    assert (fenced.generation, fenced.replicas, fenced.template) == (
        canary.generation,
        canary.replicas,
        canary.template,
    )
    with pytest.raises(ConflictError):
        rig.deployer.scale(canary, replicas=3)


def test_copy_that_was_decided_before_a_fence_is_refused(rig):
    canary, primary = both(rig)
    rig.deployer.fence(primary)
    with pytest.raises(ConflictError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)
    rig.deployer.copy_template(*both(rig), stamp=STAMP)
    assert both(rig)[1].promoted == STAMP


def test_copy_does_not_wait_for_a_status_to_stand_still(real):
    canary, primary = both(real)
    real.touch("podinfo")
    real.deployer.copy_template(canary, primary, stamp=STAMP)
    assert real.live.object(*DEPLOYMENTS, "podinfo")["metadata"]["annotations"][PROMOTED_ANNOTATION] == STAMP


def test_copy_whose_stamp_is_taken_away_at_once_is_a_refusal(real):
    class Webhook:
        def get(self, *args):
            return real.live.client.get(*args)

        def json_patch(self, *args):
            answer = real.live.client.json_patch(*args)
            del answer["metadata"]["annotations"][PROMOTED_ANNOTATION]
            return answer

    canary, primary = both(real)
    through = deployer(real.live, Webhook())
    with pytest.raises(InvalidError, match="an admission webhook removes it"):
        through.copy_template(canary, primary, stamp=STAMP)


# --- pods of each node -----------------------------------------------------------------------------------------------


@pytest.fixture
def daemons(tmp_path):
    with live(tmp_path) as it:
        yield LiveRig(it, "DaemonSet")


def node_selector(rig, name):
    return rig.live.object(*rig.resource, name)["spec"]["template"]["spec"].get("nodeSelector")


def test_daemon_set_is_parked_beside_its_own_selector_and_gets_that_back(daemons):
    own = node_selector(daemons, "podinfo-canary")
    daemons.deployer.scale(both(daemons)[0], replicas=0)
    assert node_selector(daemons, "podinfo-canary") == {**own, PARKED_LABEL: "true"}
    daemons.deployer.scale(both(daemons)[0], replicas=1)
    assert node_selector(daemons, "podinfo-canary") == own


def test_daemon_set_without_a_selector_has_none_after_it_was_parked(daemons):
    def forget(obj):
        del obj["spec"]["template"]["spec"]["nodeSelector"]

    daemons.live.change(*daemons.resource, "podinfo-canary", forget)
    while both(daemons)[0].generation != 2:
        pass
    daemons.deployer.scale(both(daemons)[0], replicas=0)
    assert node_selector(daemons, "podinfo-canary") == {PARKED_LABEL: "true"}
    daemons.deployer.scale(both(daemons)[0], replicas=1)
    assert not node_selector(daemons, "podinfo-canary")


def test_parked_daemon_set_parks_nobody_it_is_copied_to(daemons):  # behaviour 10
    own = node_selector(daemons, "podinfo")
    daemons.deployer.scale(both(daemons)[0], replicas=0)
    daemons.deployer.copy_template(*both(daemons), stamp=STAMP)
    assert node_selector(daemons, "podinfo") == own
    canary, primary = both(daemons)
    assert (canary.replicas, primary.replicas) == (0, 3)
    assert would_change_nothing(canary.template, primary.template)


def test_daemon_set_that_was_parked_unseen_is_still_the_analysed_one(daemons):
    canary, primary = both(daemons)
    for informer in daemons.live.parts.of_kind["DaemonSet"].all:
        informer.stop()

    def park(obj):
        obj["spec"]["template"]["spec"]["nodeSelector"][PARKED_LABEL] = "true"

    daemons.live.change(*daemons.resource, "podinfo-canary", park)
    daemons.deployer.copy_template(canary, primary, stamp=STAMP)
    assert PARKED_LABEL not in node_selector(daemons, "podinfo")


class Answers:
    """A writer whose API server answers what it wants."""

    def __init__(self, answer):
        self.answer = answer

    def merge_patch(self, *_, **__):
        return self.answer

    def get(self, *_):
        return self.answer


IDENTITY = {"namespace": "test", "name": "podinfo-canary", "uid": "u", "resourceVersion": "9"}


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (None, "spec must be an object"),
        ([], "spec must be an object"),
        ({"replicas": "many"}, "spec.replicas must be a whole number between 0 and 2147483647, not 'many'"),
        ({"replicas": 1 << 40}, "spec.replicas must be a whole number"),
    ],
)
def test_answer_that_is_no_scale_is_said_to_be_none(real, spec, what):
    canary, _ = both(real)
    deployer = replace(real.deployer, writer=Answers({"metadata": IDENTITY, "spec": spec}))
    with pytest.raises(ServerError, match=re.escape(what)) as told:
        deployer.scale(canary, replicas=3)
    assert "patch scale of podinfo-canary: the API server answered what is no Scale" in str(told.value)
    assert both(real)[0] == canary


@pytest.mark.parametrize("kind", ["Deployment", "declared"])
@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"spec": None},
        {"spec": {"template": 5, "selector": {}}},
        {"spec": {"template": {}, "selector": {}}},
        {"spec": {"template": {"spec": {}, "metadata": {"labels": 5}}, "selector": {}}},
        {"spec": {"template": {"spec": {}}, "selector": {"matchLabels": 5}}},
        {"metadata": {**IDENTITY, "generation": "many"}, "spec": {"template": {"spec": {}}, "selector": {}}},
        {"metadata": {**IDENTITY, "annotations": []}, "spec": {"template": {"spec": {}}, "selector": {}}},
    ],
)
def test_answer_that_is_no_workload_is_said_to_be_none_and_nothing_is_copied(tmp_path, kind, rest):
    with live(tmp_path, make_kinds([DECLARED]) if kind == "declared" else BUILT_IN) as it:
        rig = LiveRig(it)
        canary, primary = both(rig)
        deployer = replace(rig.deployer, writer=Answers({"metadata": IDENTITY, **rest}))
        with pytest.raises(ServerError, match="get deployments podinfo-canary: the API server answered what is no dep"):
            deployer.copy_template(canary, primary, stamp=STAMP)
