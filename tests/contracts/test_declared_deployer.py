"""The same promises for a kind that is declared by fields, and parked by a switch."""

from dataclasses import replace

import pytest

from controller.kinds import make_kinds
from deploy.declaration import BySwitch
from deploy.types import PROMOTED_ANNOTATION
from informers.errors import ConflictError
from tests.deploy.declared import WIDGET, WIDGET_CRD, WIDGETS, widget
from tests.fakes.sandbox import SERVED, live

STAMP = "123@2018-10-10T12:00:00+00:00"
SWITCHED = replace(WIDGET, scaling=BySwitch(("spec", "parked")))


class Rig:
    def __init__(self, live):
        self.live = live
        kind = live.parts.kinds.workloads["Widget"]
        self.deployer = kind.make(live.parts.of_kind["Widget"], live.client, live.parts.versions["Widget"])
        for name, image in (("podinfo", "app:1"), ("podinfo-canary", "app:2")):
            obj = widget(name, image)
            obj["metadata"] = {"namespace": "test", "name": name}
            live.cluster.add(obj)
            while self.deployer.get("test", name) is None:
                pass

    def both(self):
        return self.deployer.get("test", "podinfo-canary"), self.deployer.get("test", "podinfo")

    def change_unseen(self, name, change):
        for informer in self.live.parts.of_kind["Widget"].all:
            informer.stop()
        self.live.change(*WIDGETS, name, change)

    def object(self, name):
        return self.live.object(*WIDGETS, name)


@pytest.fixture
def rig(tmp_path):
    with live(tmp_path, make_kinds([SWITCHED]), (*SERVED, "Widget"), [WIDGET_CRD]) as it:
        yield Rig(it)


def test_served_version_is_found_and_the_object_is_seen(rig):
    canary, primary = rig.both()
    assert (canary.replicas, primary.replicas, canary.counts_pods) == (1, 1, False)
    assert canary.template != primary.template


def test_switch_is_seen_at_once_and_moves_the_generation_by_one(rig):  # contract S19
    canary, _ = rig.both()
    rig.deployer.scale(canary, replicas=0)
    parked, _ = rig.both()
    assert (parked.replicas, parked.generation) == (0, canary.generation + 1)
    assert parked.template == canary.template
    rig.deployer.scale(parked, replicas=1)
    assert rig.object("podinfo-canary")["spec"]["parked"] is False


def test_what_changed_unseen_is_not_parked(rig):
    canary, _ = rig.both()
    rig.change_unseen("podinfo-canary", lambda obj: obj["spec"].update(size=7))
    with pytest.raises(ConflictError):
        rig.deployer.scale(canary, replicas=0)


def test_copy_carries_the_fields_costs_two_reads_and_one_write_and_stamps(rig):  # behaviour 10; contract S17
    canary, primary = rig.both()
    before = len(rig.live.cluster.api.log.of("contract"))
    rig.deployer.copy_template(canary, primary, stamp=STAMP)
    verbs = [request.verb for request in rig.live.cluster.api.log.of("contract")[before:]]
    assert sorted(verb for verb in verbs if verb != "watch") == ["get", "get", "patch"]
    after = rig.object("podinfo")
    assert (after["spec"]["image"], after["spec"]["settings"]["name"]) == ("app:2", "podinfo")
    assert after["metadata"]["annotations"][PROMOTED_ANNOTATION] == STAMP
    assert rig.both()[1].template.body == canary.template.body


@pytest.mark.parametrize("name", ["podinfo", "podinfo-canary"])
def test_copy_is_refused_where_a_side_changed_unseen(rig, name):  # contract W4
    canary, primary = rig.both()
    rig.change_unseen(name, lambda obj: obj["spec"].update(image="app:3"))
    with pytest.raises(ConflictError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)
    assert "annotations" not in rig.object("podinfo")["metadata"]


def test_copy_of_which_only_other_fields_have_moved_is_still_the_analysed_one(rig):
    canary, primary = rig.both()
    rig.change_unseen("podinfo-canary", lambda obj: obj["spec"].update(size=7))
    rig.deployer.copy_template(canary, primary, stamp=STAMP)
    assert rig.object("podinfo")["spec"]["image"] == "app:2"


def test_copy_that_was_decided_before_a_fence_is_refused(rig):
    canary, primary = rig.both()
    rig.deployer.fence(primary)
    with pytest.raises(ConflictError):
        rig.deployer.copy_template(canary, primary, stamp=STAMP)
    rig.deployer.copy_template(*rig.both(), stamp=STAMP)
    assert rig.both()[1].promoted == STAMP
