"""What every deployer promises, held against the fake and against Deployments on an API server."""

from dataclasses import replace

import pytest

from deploy.registry import WORKLOADS
from deploy.template import would_change_nothing
from deploy.types import PROMOTED_ANNOTATION
from informers.errors import ConflictError, InvalidError, NotFoundError
from tests.fakes.parts import FakeDeployer
from tests.fakes.sandbox import live
from tests.simulator import workload_running

STAMP = "123@2018-10-10T12:00:00+00:00"
DEPLOYMENTS = ("apps", "deployments")


class FakeRig:
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


def deployer(live, writer):
    parts = live.parts
    return WORKLOADS["Deployment"].make(parts.of_kind["Deployment"], writer, parts.versions["Deployment"])


class DeploymentRig:
    def __init__(self, live):
        self.live = live
        self.deployer = deployer(live, live.client)

    def _unseen(self):
        for informer in self.live.parts.of_kind["Deployment"].all:
            informer.stop()

    def change_template(self, name):
        self._unseen()

        def change(obj):
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "changed"

        self.live.change(*DEPLOYMENTS, name, change)

    def label(self, name, **labels):
        def change(obj):
            obj["spec"]["template"]["metadata"]["labels"].update(labels)

        self.live.change(*DEPLOYMENTS, name, change)
        while not set(labels.items()) <= set(self.deployer.look("test", name).template.labels):
            pass

    def touch(self, name):
        self._unseen()
        self.live.change(*DEPLOYMENTS, name, lambda obj: obj["metadata"].update(labels={"touched": "yes"}))

    def delete(self, name):
        self._unseen()
        self.live.delete(*DEPLOYMENTS, name)


@pytest.fixture(params=["fake", "deployments"])
def rig(request, tmp_path):
    if request.param == "fake":
        yield FakeRig()
        return
    with live(tmp_path) as it:
        yield DeploymentRig(it)


@pytest.fixture
def real(tmp_path):
    with live(tmp_path) as it:
        yield DeploymentRig(it)


def both(rig):
    return rig.deployer.look("test", "podinfo-canary"), rig.deployer.look("test", "podinfo")


def test_workload_is_found_or_absent(rig):
    assert rig.deployer.look("test", "podinfo").replicas == 2
    assert rig.deployer.look("test", "nobody") is None


def test_scale_is_seen_at_once_and_moves_the_generation_by_one(rig):  # contract S19
    canary, _ = both(rig)
    rig.deployer.scale(canary, replicas=3)
    scaled, _ = both(rig)
    assert (scaled.replicas, scaled.generation) == (3, canary.generation + 1)
    assert scaled.template == canary.template
    rig.deployer.scale(scaled, replicas=0)
    assert both(rig)[0].replicas == 0


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
    assert rig.deployer.look("test", "podinfo").promoted == ""


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
