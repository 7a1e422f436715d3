"""What a declared kind is seen as, and what a promotion copies of it."""

from dataclasses import replace

import jsonpatch
import pytest

from deploy.declaration import ByReplicas, BySwitch, Counts, PodTemplate
from deploy.declared import content_of, content_operations, declared_kind, view
from deploy.flux import HELM_RELEASE
from deploy.openfaas import FUNCTION
from deploy.registry import CODED, DECLARED, WORKLOADS
from deploy.rollout import rollout_status
from deploy.template import would_change_nothing
from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION
from informers.types import FieldError
from tests.deploy.declared import WIDGET, widget
from tests.fakes.caches import FakeCache

STAMP = "123@2018-10-10T12:00:00+00:00"
SWITCHED = replace(WIDGET, scaling=BySwitch(("spec", "parked")))
SCALED = replace(WIDGET, scaling=ByReplicas(("spec", "replicas")))
COUNTS = Counts(("status", "replicas"), ("status", "updated"), ("status", "available"))
POD = {"metadata": {"labels": {"app": "podinfo", "tier": "a"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
TEMPLATED = replace(
    WIDGET, fields=(("spec", "size"),), identity=(), pod_template=PodTemplate(("spec", "pod"), ("spec", "selector"))
)


def with_pods(name, image="i:1", **labels):
    pod = {
        "metadata": {"labels": {"app": name, **labels}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    return widget(name, pod=pod, selector={"matchLabels": {"app": name}})


def status(obj, **changes):
    obj["status"].update(changes)
    return obj


def test_view():
    obj = widget()
    obj["metadata"]["annotations"] = {PROMOTED_ANNOTATION: "stamp", FENCE_ANNOTATION: "5"}
    seen = view(WIDGET, obj, None)
    assert (seen.namespace, seen.name, seen.uid, seen.resource_version) == ("test", "podinfo", "podinfo-uid", "7")
    assert (seen.generation, seen.observed_generation, seen.promoted, seen.fenced) == (2, 2, "stamp", "5")
    assert (seen.replicas, seen.available_replicas, seen.paused, seen.failure) == (1, 1, False, "")
    assert (seen.lowest_replicas, seen.highest_replicas, seen.counts_pods, seen.pod_labels) == (1, 1, False, None)


@pytest.mark.parametrize(
    ("declared", "obj", "numbers", "why"),
    [
        pytest.param(WIDGET, widget(), (1, 1, 1, 1), None, id="ready"),
        pytest.param(WIDGET, widget(ready=False), (1, 1, 1, 0), "Ready is False, Playing", id="not ready"),
        pytest.param(
            WIDGET,
            status(widget(), observedGeneration=1),
            (1, 1, 1, 0),
            "the change of its spec is not observed yet",
            id="not observed",
        ),
        pytest.param(SWITCHED, widget(), (1, 1, 1, 1), None, id="switched on"),
        pytest.param(SWITCHED, widget(parked=True), (0, 0, 0, 0), None, id="parked"),
        pytest.param(SCALED, widget(), (1, 1, 1, 1), None, id="as many as Kubernetes has it"),
        pytest.param(SCALED, widget(replicas=3), (3, 3, 3, 3), None, id="as many as are wanted"),
        pytest.param(
            replace(SCALED, counts=COUNTS),
            status(widget(replicas=3), replicas=3, updated=3, available=2),
            (3, 3, 3, 2),
            "2 of 3 updated replicas are available",
            id="counted, and not available yet",
        ),
        pytest.param(
            replace(SCALED, counts=COUNTS),
            status(widget(replicas=2), replicas=3, updated=2, available=3),
            (2, 3, 2, 3),
            "1 of 3 running replicas are old",
            id="counted, with an old one",
        ),
        pytest.param(
            replace(WIDGET, counts=COUNTS),
            status(widget(), replicas=4, updated=4, available=4),
            (4, 4, 4, 4),
            None,
            id="counted, with nobody who says how many are wanted",
        ),
        pytest.param(
            replace(WIDGET, counts=COUNTS), widget(), (1, 0, 0, 0), "0 of 1 replicas are updated", id="counted as none"
        ),
    ],
)
def test_numbers(declared, obj, numbers, why):
    seen = view(declared, obj, None)
    assert numbers == (seen.replicas, seen.current_replicas, seen.updated_replicas, seen.available_replicas)
    assert rollout_status(seen) == why


def test_bounds_say_how_it_can_be_scaled():
    assert [view(WIDGET, widget(), None).within_bounds(n) for n in (0, 1, 5)] == [1, 1, 1]
    assert [view(SWITCHED, widget(), None).within_bounds(n) for n in (0, 1, 5)] == [0, 1, 1]
    assert [view(SCALED, widget(), None).within_bounds(n) for n in (0, 1, 5)] == [0, 1, 5]


def test_what_nobody_counts_may_answer_unless_it_is_parked():
    assert view(WIDGET, widget(ready=False), None).may_answer
    assert not view(SWITCHED, widget(parked=True), None).may_answer
    assert not view(replace(WIDGET, counts=COUNTS), widget(), None).may_answer


def test_stalled_is_a_deadline_that_has_passed():
    seen = view(WIDGET, status(widget(), conditions=[{"type": "Stalled", "status": "True"}]), None)
    assert (seen.deadline_exceeded, seen.failure) == (True, "Stalled is True")


def test_what_is_being_deleted_is_not_ready_where_nobody_counts_its_pods():
    obj = widget()
    obj["metadata"]["deletionTimestamp"] = "2018-10-10T12:00:00Z"
    seen = view(WIDGET, obj, None)
    assert (seen.unready, seen.failure, seen.available_replicas) == (("it is being deleted",) * 2 + (0,))
    assert rollout_status(seen) == "it is being deleted"
    counted = view(replace(WIDGET, counts=COUNTS), status(obj, replicas=1, updated=1, available=1), None)
    assert (counted.unready, rollout_status(counted)) == ("", None)


def test_paused_by_a_field():
    assert view(WIDGET, widget(hold=True), None).paused


@pytest.mark.parametrize(
    ("declared", "obj", "what"),
    [
        (WIDGET, widget(hold="yes"), "spec.hold must be true or false, not 'yes'"),
        (SCALED, widget(replicas="3"), "spec.replicas must be a whole number"),
        (replace(WIDGET, counts=COUNTS), status(widget(), available=-1), "status.available must be a whole number"),
        (WIDGET, widget(settings=[]), "spec.settings must be an object, for spec.settings.name is a field in it"),
        (TEMPLATED, widget(), "spec.pod must be a pod template"),
    ],
)
def test_field_of_another_type_is_named(declared, obj, what):
    with pytest.raises(FieldError, match=what):
        view(declared, obj, None)


def test_fingerprints_are_taken_over_while_nothing_has_moved():
    before = view(WIDGET, widget(), None)
    obj = widget(image="app:2")
    assert view(WIDGET, obj, before).template is before.template
    obj["metadata"]["generation"] = 3
    assert view(WIDGET, obj, before).template.revision != before.template.revision


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({"image": "app:2"}, False, id="a field"),
        pytest.param({"settings": {"name": "podinfo", "level": 4}}, False, id="within a field"),
        pytest.param(
            {"settings": {"name": "podinfo", "level": 3, "x": None}}, False, id="a null, which may say something"
        ),
        pytest.param({"settings": {"name": "podinfo", "level": 3, "x": []}}, False, id="an empty list, likewise"),
        pytest.param({"settings": {"name": "other", "level": 3}}, True, id="identity"),
        pytest.param({"size": 7}, True, id="what is not declared"),
        pytest.param({"hold": True}, True, id="what pauses"),
    ],
)
def test_revision_is_that_of_the_fields(change, same):
    assert (content_of(WIDGET, widget(**change)).revision == content_of(WIDGET, widget()).revision) is same


def test_whole_spec_without_what_each_side_keeps():
    whole = replace(SWITCHED, fields=(("spec",),), identity=(("spec", "settings", "name"),))
    one, other = widget("a", hold=True, parked=True), widget("b")
    assert content_of(whole, one).revision == content_of(whole, other).revision
    assert content_of(whole, widget("b", extra=1)).revision != content_of(whole, other).revision


def promoted(declared, source, target, identity=()):
    before = (repr(source), repr(target))
    operations = content_operations(declared, source, target, STAMP, identity)
    assert (repr(source), repr(target)) == before
    after = jsonpatch.apply_patch(target, list(operations))
    assert after["metadata"]["annotations"][PROMOTED_ANNOTATION] == STAMP
    assert would_change_nothing(content_of(declared, source), content_of(declared, after), identity)
    return operations, after


def test_copy_takes_the_fields_and_keeps_the_rest():
    source = widget("podinfo-canary", "app:2", size=9, hold=True)
    source["spec"]["settings"]["level"] = 4
    operations, after = promoted(WIDGET, source, widget())
    assert operations[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert after["spec"] == {"image": "app:2", "settings": {"name": "podinfo", "level": 4}, "size": 5}


def test_copy_leaves_alone_what_is_the_same():
    operations, _ = promoted(WIDGET, widget("podinfo-canary", "app:2"), widget())
    assert [operation["path"] for operation in operations] == [
        "/metadata/resourceVersion",
        "/spec/image",
        "/metadata/annotations",
    ]


def test_copy_takes_away_what_the_source_lacks():
    source = widget("podinfo-canary")
    del source["spec"]["image"], source["spec"]["settings"]
    _, after = promoted(WIDGET, source, widget())
    assert after["spec"] == {"settings": {"name": "podinfo"}, "size": 5}


@pytest.mark.parametrize(
    ("source", "target", "spec"),
    [
        pytest.param({}, {}, {}, id="nothing on either side"),
        pytest.param({"size": 1}, {"size": 5}, {"size": 5}, id="nothing but what each side keeps"),
        pytest.param({"size": 1}, {"image": "app:1"}, {}, id="nothing to copy, and nothing to keep"),
        pytest.param({}, {"image": "app:1", "size": 5}, {"size": 5}, id="nothing to copy"),
    ],
)
def test_copy_of_an_empty_spec_leaves_one(source, target, spec):
    whole = replace(WIDGET, fields=(("spec",),), identity=(("spec", "size"),))
    _, after = promoted(whole, {**widget(), "spec": source}, {**widget(), "spec": target})
    assert after["spec"] == spec


def test_copy_makes_the_objects_around_two_fields_that_the_target_lacks():
    deep = replace(WIDGET, fields=(("spec", "a", "b"), ("spec", "a", "c")), identity=())
    _, after = promoted(deep, widget(a={"b": 1, "c": 2, "own": 3}), widget())
    assert after["spec"]["a"] == {"b": 1, "c": 2}


def test_copy_of_a_pod_template_keeps_what_tells_the_sides_apart():
    source, target = (
        with_pods("podinfo-canary", "i:2", version="2", role="canary"),
        with_pods("podinfo", role="primary"),
    )
    source["spec"]["size"] = 6
    _, after = promoted(TEMPLATED, source, target, {"role"})
    assert after["spec"]["pod"]["metadata"]["labels"] == {"app": "podinfo", "version": "2", "role": "primary"}
    assert after["spec"]["pod"]["spec"] == source["spec"]["pod"]["spec"]
    assert (after["spec"]["size"], after["spec"]["selector"]) == (6, {"matchLabels": {"app": "podinfo"}})


def test_labels_of_a_pod_template_are_known():
    assert dict(view(TEMPLATED, with_pods("podinfo"), None).pod_labels) == {"app": "podinfo"}
    without_selector = replace(TEMPLATED, pod_template=PodTemplate(("spec", "pod")))
    assert content_of(without_selector, with_pods("podinfo")).selector == ()


@pytest.mark.parametrize(("replicas", "parked"), [(0, True), (1, False)])
def test_switch_is_turned_by_one_patch(replicas, parked):
    sent = []

    class Writer:
        def merge_patch(self, resource, namespace, name, patch):
            sent.append((resource.plural, namespace, name, patch))
            answer = widget(parked=patch["spec"]["parked"])
            answer["metadata"]["resourceVersion"] = "8"
            return answer

    kind = declared_kind(SWITCHED)
    cache = FakeCache([view(SWITCHED, widget(parked=not parked), None)], build=kind.watched.view)
    deployer = kind.make(cache, Writer(), lambda: WIDGET.api.newest)
    deployer.scale(deployer.get("test", "podinfo"), replicas=replicas)
    patch = {"metadata": {"resourceVersion": "7"}, "spec": {"parked": parked}}
    assert sent == [("widgets", "test", "podinfo", patch)]
    assert deployer.get("test", "podinfo").replicas == replicas


def test_permissions_follow_from_how_it_is_scaled():
    read_and_patch = {"": ("get", "list", "watch", "patch")}
    assert declared_kind(WIDGET).watched.verbs == declared_kind(SWITCHED).watched.verbs == read_and_patch
    assert declared_kind(SCALED).watched.verbs == {**read_and_patch, "scale": ("patch",)}
    assert declared_kind(WIDGET).watched.declared
    assert not declared_kind(WIDGET, grant="widgets").watched.declared


def release(name, **spec):
    return {
        "metadata": {"namespace": "test", "name": name, "uid": name, "resourceVersion": "7", "generation": 1},
        "spec": {
            "interval": "10m",
            "chart": {"spec": {"chart": "podinfo", "version": "6.0.0", "sourceRef": {"kind": "HelmRepository"}}},
            "values": {"fullnameOverride": name, "replicaCount": 2},
            **spec,
        },
        "status": {"observedGeneration": -1},
    }


def test_helm_release_is_paused_by_suspend_and_waits_for_its_first_condition():
    seen = HELM_RELEASE.watched.view(release("podinfo", suspend=True), None)
    assert (seen.paused, seen.observed_generation, seen.within_bounds(0)) == (True, 0, 1)
    assert rollout_status(seen) == "the change of its spec is not observed yet"
    assert seen.unready == "has no condition Ready yet"


def test_helm_release_of_another_chart_or_with_other_values_is_another_revision():
    def revision(**spec):
        return HELM_RELEASE.watched.view(release("podinfo", **spec), None).template.revision

    values = {"fullnameOverride": "podinfo-canary", "replicaCount": 2}
    assert revision() == revision(interval="5m", values=values)
    for change in (
        {"chart": {"spec": {"version": "6.1.0"}}},
        {"chartRef": {"name": "x"}},
        {"values": {"replicaCount": 3}},
    ):
        assert revision(**change) != revision()


def function(name, **spec):
    meta = {"namespace": "openfaas-fn", "name": name, "uid": name, "resourceVersion": "7", "generation": 1}
    return {"metadata": meta, "spec": {"name": name, "image": "f:1", **spec}}


def shows(**conditions):
    return {"conditions": [{"type": kind, "status": said} for kind, said in conditions.items()]}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        pytest.param(None, "has no condition Ready yet", id="the Community Edition writes none"),
        pytest.param(shows(Ready="True", Healthy="True"), None, id="its Deployment is made, and a pod is ready"),
        pytest.param(
            {**shows(Ready="True", Healthy="True"), "observedGeneration": 0},
            "the change of its spec is not observed yet",
            id="said of the version before",
        ),
        pytest.param(shows(Ready="Unknown", Healthy="True"), "Ready is Unknown", id="its Deployment is not changed"),
        pytest.param(shows(Ready="True", Healthy="False"), "Healthy is False", id="no pod is ready"),
        pytest.param(shows(Ready="True"), "has no condition Healthy yet", id="no pod was ready yet"),
    ],
)
def test_function_is_ready_only_by_its_conditions(status, why):
    obj = {**function("f"), **({"status": status} if status else {})}
    seen = FUNCTION.watched.view(obj, None)
    assert (rollout_status(seen), seen.available_replicas) == (why, 0 if why else 1)


def test_name_of_a_function_is_its_own():
    seen = FUNCTION.watched.view(function("f"), None)
    other = FUNCTION.watched.view(function("f-canary"), None)
    assert seen.template == other.template
    for change in ({"image": "f:2"}, {"environment": {"a": "b"}}, {"labels": {"a": "b"}}):
        assert FUNCTION.watched.view(function("f", **change), None).template != seen.template


def test_every_kind_is_coded_or_declared():
    assert {**CODED, **DECLARED} == WORKLOADS
    assert all(kind.watched.grant for kind in DECLARED.values())
