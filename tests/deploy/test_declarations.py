"""Declarations as an operator writes them, and what is said of each mistake."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.declaration import ByReplicas, BySwitch, Counts, Declaration, Fixed, PodTemplate
from deploy.declarations import DeclarationError, parse_declarations
from deploy.taken import Taken
from informers.resources import ApiKind

LEAST = {"group": "example.com", "versions": ["v1"], "plural": "widgets", "kind": "Widget", "fields": ["spec.image"]}
COUNTED = {"counts": {"available": "status.available"}}
SWITCHED = {"scale": {"switch": "spec.parked"}, **COUNTED}
WITHOUT_FIELDS = {key: value for key, value in LEAST.items() if key != "fields"}


def entry(**changes):
    return {**LEAST, **changes}


TAKEN = Taken(
    kinds={"Deployment": "is built in", "Service": "is what canaries are made of"},
    plurals={"services": "Service", "functions": "Function"},
)


def parsed(*entries):
    return parse_declarations(list(entries), TAKEN)


def test_least_that_must_be_said():
    (found,) = parsed(LEAST)
    assert found == Declaration(ApiKind("example.com", ("v1",), "widgets", "Widget"), fields=(("spec", "image"),))
    assert (found.scaling, found.conditions, found.progress_deadline) == (Fixed(), (), timedelta(minutes=10))


def test_all_that_can_be_said():
    (found,) = parsed(
        entry(
            versions=["v2", "v1beta1"],
            fields=["spec.values", r"spec.labels.example\.com/x"],
            podTemplate="spec.template",
            selector="spec.selector",
            identity=["spec.values.name"],
            scale={"replicas": "spec.replicas"},
            paused="spec.paused",
            conditions=["Ready", "Synced"],
            counts={"current": "status.replicas", "available": "status.availableReplicas"},
            progressDeadlineSeconds=60,
        )
    )
    assert found == Declaration(
        ApiKind("example.com", ("v2", "v1beta1"), "widgets", "Widget"),
        fields=(("spec", "values"), ("spec", "labels", "example.com/x")),
        pod_template=PodTemplate(("spec", "template"), ("spec", "selector")),
        identity=(("spec", "values", "name"),),
        scaling=ByReplicas(("spec", "replicas")),
        paused=("spec", "paused"),
        conditions=("Ready", "Synced"),
        counts=Counts(current=("status", "replicas"), available=("status", "availableReplicas")),
        progress_deadline=timedelta(minutes=1),
    )


def test_switch_and_pod_template_alone():
    (found,) = parsed({**WITHOUT_FIELDS, "podTemplate": "spec.pod", **SWITCHED})
    assert (found.pod_template, found.scaling) == (PodTemplate(("spec", "pod")), BySwitch(("spec", "parked")))


def test_whole_spec_may_be_released_without_what_each_side_keeps():
    (found,) = parsed(entry(fields=["spec"], identity=["spec.name"], paused="spec.off", **SWITCHED))
    assert found.own_below(("spec",)) == (("name",), ("parked",), ("off",))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "it must hold a list of kinds, each with group, versions, plural, kind and fields"),
        ({"kinds": []}, "it must hold a list of kinds, each with group, versions, plural, kind and fields"),
        (["Widget"], "entry 1 must be an object with group, versions, plural, kind and fields"),
        ([{}], "entry 1: group must be an API group such as example.com, not None"),
        ([entry(group="Example")], "entry 1 (Widget): group must be an API group such as example.com, not 'Example'"),
        ([entry(versions="v1")], "entry 1 (Widget): versions must be a list of versions such as [v1, v1beta1], newest"),
        ([entry(versions=[])], "entry 1 (Widget): versions must be a list of versions such as [v1, v1beta1], newest"),
        ([entry(versions=[1])], "entry 1 (Widget): versions must be a list of versions such as [v1, v1beta1], newest"),
        ([entry(plural="Widgets")], "entry 1 (Widget): plural must be the plural in lower case, such as widgets"),
        ([entry(kind="widget")], "entry 1 (widget): kind must be a kind in CamelCase, such as Widget, not 'widget'"),
        ([entry(kind=3)], "entry 1: kind must be a kind in CamelCase, such as Widget, not 3"),
        ([entry(kind="Deployment")], "entry 1 (Deployment): kind Deployment is built in, remove the entry"),
        ([LEAST, LEAST], "entry 2 (Widget): kind Widget stands in the file twice, remove the entry"),
        ([entry(kind="Service")], "entry 1 (Service): kind Service is what canaries are made of, remove the entry"),
        ([entry(plural="functions")], "entry 1 (Widget): plural functions is that of kind Function, and two"),
        ([LEAST, entry(kind="Gadget", group="a.io")], "entry 2 (Gadget): plural widgets is that of kind Widget, and"),
        ([entry(group="apps")], "entry 1 (Widget): group apps is one of Kubernetes' own or Flagger's, in which no"),
        ([entry(group="batch")], "entry 1 (Widget): group batch is one of Kubernetes' own or Flagger's, in which no"),
        ([entry(group="networking.k8s.io")], "group networking.k8s.io is one of Kubernetes' own or Flagger's, in"),
        ([entry(group="k8s.io")], "group k8s.io is one of Kubernetes' own or Flagger's, in which no kind can be"),
        ([entry(group="flagger.app")], "group flagger.app is one of Kubernetes' own or Flagger's, in which no kind"),
        ([entry(scale={"replicas": "spec.n"})], "entry 1 (Widget): scale needs counts.available, so that the canary"),
        ([entry(scale={"switch": "spec.n"}, counts={"current": "status.n"})], "(Widget): scale needs counts.available"),
        ([entry(**SWITCHED, paused="spec.parked")], "paused spec.parked is what scale names too, name two fields"),
        ([entry(**SWITCHED, paused="spec.parked.x")], "paused spec.parked.x is what scale names too, name two fields"),
        ([entry(field=[])], "entry 1 (Widget): field is not known, did you mean fields?"),
        ([entry(xyz=1)], "entry 1 (Widget): xyz is not known, use group, versions, plural, kind, fields, podTemplate"),
        ([{**LEAST, 5: 1}], "entry 1 (Widget): 5 is not known, use group"),
        ([WITHOUT_FIELDS], "entry 1 (Widget): fields must name at least one field, or podTemplate must"),
        ([entry(fields=[])], "entry 1 (Widget): fields must name at least one field, or podTemplate must"),
        ([entry(fields="spec")], "entry 1 (Widget): fields must be a list of paths, such as [spec.image], not 'spec'"),
        ([entry(fields=["image"])], "entry 1 (Widget): fields[0] must be a path below spec, such as spec.image, not"),
        ([entry(fields=["spec.a", 1])], "(Widget): fields[1] must be a path below spec, such as spec.image, not"),
        ([entry(fields=["spec..a"])], "such as spec.image: 'spec..a' has an empty step"),
        ([entry(fields=["spec.a", "spec.a.b"])], "fields names spec.a.b twice, since spec.a holds it; keep one"),
        ([entry(fields=["spec.a", "spec.a"])], "fields names spec.a twice, since spec.a holds it; keep one"),
        ([entry(podTemplate="spec")], "podTemplate must be a path below spec, such as spec.image, not 'spec'"),
        ([entry(podTemplate="spec.image")], "fields names spec.image twice"),
        ([entry(selector="spec.selector")], "selector requires podTemplate"),
        ([entry(identity=["spec.name"])], "identity spec.name is not below one of fields, so it is not copied anyway"),
        ([entry(identity=["spec.image"])], "identity spec.image would keep spec.image from being copied"),
        ([entry(paused="spec.image")], "paused spec.image would keep spec.image from being copied"),
        ([entry(scale={"switch": "spec.image"}, **COUNTED)], "scale spec.image would keep spec.image from being"),
        ([entry(scale="spec.replicas")], "scale must be {replicas: PATH} or {switch: PATH}; leave it out for what"),
        ([entry(scale={})], "scale must be {replicas: PATH} or {switch: PATH}"),
        ([entry(scale={"by": "spec.replicas"})], "scale must be {replicas: PATH} or {switch: PATH}"),
        ([entry(scale={"replicas": None})], "scale.replicas must be a path, such as spec.replicas"),
        ([entry(scale={"replicas": "status.x"})], "scale.replicas must be a path below spec"),
        ([entry(conditions=[])], "conditions must be a list of types of conditions, such as [Ready], not []"),
        ([entry(conditions=["no words"])], "conditions must be a list of types of conditions, such as [Ready]"),
        ([entry(counts=[])], "counts must be an object with current, updated, available"),
        ([entry(counts={"ready": "status.x"})], "counts.ready is not known, use current, updated, available"),
        ([entry(counts={"current": "spec.x"})], "counts.current must be a path below status, such as status."),
        ([entry(progressDeadlineSeconds=0)], "progressDeadlineSeconds must be a whole number of at least 1, not 0"),
        ([entry(progressDeadlineSeconds=True)], "progressDeadlineSeconds must be a whole number of at least 1, not"),
        ([entry(progressDeadlineSeconds="1m")], "progressDeadlineSeconds must be a whole number of at least 1, not"),
    ],
)  # fmt: skip
def test_mistake_is_one_sentence(data, said):
    with pytest.raises(DeclarationError) as error:
        parse_declarations(data, TAKEN)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("group", ["example.k8s.io.example.com", "leaderworkerset.x-k8s.io", "my.flagger.app.io"])
def test_group_of_somebody_else_is_taken(group):
    assert parsed(entry(group=group))[0].api.group == group


def test_kind_of_ours_that_is_declared_anew_keeps_its_plural():
    assert parsed(entry(group="openfaas.com", kind="Function", plural="functions"))[0].api.kind == "Function"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from([*LEAST, "podTemplate", "selector", "identity", "scale", "paused", "conditions", "counts"]), JSON
)
def test_whatever_stands_in_a_field_is_taken_or_refused_in_words(key, value):
    with suppress(DeclarationError):
        parsed(entry(**{key: value}))
