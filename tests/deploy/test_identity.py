"""What tells the two sides apart stays on its side: labels that services select by, and selectors in the pod spec."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.revision import fingerprint
from deploy.template import copy_operations, promoted_labels, template_of, would_change_nothing
from tests.deploy.deployment_objects import deployment

REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))
OWN = {"matchLabels": {"app": "podinfo-canary"}}


def required(selector):
    return {REQUIRED: [{"labelSelector": selector, "topologyKey": "zone"}]}


def preferred(selector):
    term = {"labelSelector": selector, "topologyKey": "zone", "namespaceSelector": {"matchLabels": {"app": "x"}}}
    return {PREFERRED: [{"weight": 7, "podAffinityTerm": term}]}


def spread(selector):
    return {
        "topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]
    }


PLACES = {
    "required affinity": lambda selector: {"affinity": {"podAffinity": required(selector)}},
    "preferred affinity": lambda selector: {"affinity": {"podAffinity": preferred(selector)}},
    "required anti-affinity": lambda selector: {"affinity": {"podAntiAffinity": required(selector)}},
    "preferred anti-affinity": lambda selector: {"affinity": {"podAntiAffinity": preferred(selector)}},
    "spread": spread,
}


def with_spec(obj, **spec):
    obj["spec"]["template"]["spec"] |= copy.deepcopy(spec)
    return obj


def with_labels(obj, **labels):
    obj["spec"]["template"]["metadata"]["labels"] |= labels
    return obj


def promoted(source, target, identity=()):
    return jsonpatch.apply_patch(copy.deepcopy(target), list(copy_operations(source, target, "1@x", identity)))


def changes_nothing(source, target, identity=()):
    return would_change_nothing(template_of(source), template_of(target), identity)


def test_labels_that_services_select_by_are_not_copied():
    source = with_labels(deployment(), role="canary", version="2")
    target = with_labels(deployment("podinfo"), role="primary", version="1")
    labels = promoted_labels(template_of(source), template_of(target), {"role"})
    assert labels == (("app", "podinfo"), ("role", "primary"), ("tier", "web"), ("version", "2"))
    after = promoted(source, target, {"role"})
    assert after["spec"]["template"]["metadata"]["labels"] == dict(labels)
    assert changes_nothing(source, after, {"role"})
    assert not changes_nothing(source, after)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    ("selector", "after"),
    [
        (OWN, {"matchLabels": {"app": "podinfo"}}),
        ({"matchLabels": {"app": "podinfo-canary", "tier": "web"}}, {"matchLabels": {"app": "podinfo", "tier": "web"}}),
        (
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "podinfo-canary"]}], "new": None},
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "podinfo"]}], "new": None},
        ),
        (
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["podinfo-canary"], "new": 1}]},
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["podinfo"], "new": 1}]},
        ),
    ],
    ids=["label", "a label of several", "in", "not in"],
)
def test_selector_that_names_the_canary_names_the_primary_after_a_promotion(place, selector, after):
    source = with_spec(deployment(), **place(selector))
    before = copy.deepcopy(source)
    target = deployment("podinfo")
    result = promoted(source, target)
    assert result["spec"]["template"]["spec"] == with_spec(deployment(), **place(after))["spec"]["template"]["spec"]
    assert source == before
    assert not changes_nothing(source, target)
    assert changes_nothing(source, result)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "somebody"}},
        {"matchLabels": {"app": "podinfo"}},
        {"matchLabels": {"tier": "web"}},
        {"matchLabels": {"tier": "podinfo-canary"}},
        {"matchLabels": None, "matchExpressions": None},
        {"matchLabels": {"app": 7}, "matchExpressions": [None, "odd", {"key": 7, "operator": "In", "values": ["x"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": [None, 7]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": None}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "Odd", "values": ["podinfo-canary"]}]},
        {},
        None,
        "odd",
    ],
    ids=[
        "another application",
        "the other side",
        "a label that is copied",
        "another key of the same value",
        "nulls",
        "odd entries",
        "odd values",
        "null for values",
        "exists",
        "an operator of tomorrow",
        "everything",
        "nothing",
        "no selector",
    ],
)
def test_any_other_selector_is_copied_as_it_is(place, selector):
    source = with_spec(deployment(), **place(selector))
    after = promoted(source, with_labels(deployment("podinfo"), tier="db"))
    assert after["spec"]["template"]["spec"] == source["spec"]["template"]["spec"]
    assert changes_nothing(source, after)


@pytest.mark.parametrize(
    "spec",
    [
        {"affinity": None, "topologySpreadConstraints": None},
        {"affinity": {"podAntiAffinity": None}},
        {"affinity": {"podAntiAffinity": {REQUIRED: None, PREFERRED: [None, {"weight": 1}]}}},
        {"affinity": "odd", "topologySpreadConstraints": [7]},
        {"affinity": {"nodeAffinity": {REQUIRED: {"labelSelector": OWN}}}},
        {"tomorrow": [{"labelSelector": OWN}]},
    ],
    ids=["nulls", "null within", "entries without a selector", "odd", "nodes", "a field of tomorrow"],
)
def test_nothing_else_of_the_spec_is_changed(spec):
    source = with_spec(deployment(), **spec)
    after = promoted(source, deployment("podinfo"))
    assert after["spec"]["template"]["spec"] == source["spec"]["template"]["spec"]
    assert changes_nothing(source, after)


def test_label_that_only_the_services_select_by_is_rewritten_in_selectors():
    source = with_spec(with_labels(deployment(), role="canary"), **spread({"matchLabels": {"role": "canary"}}))
    target = with_labels(deployment("podinfo"), role="primary")
    result = promoted(source, target, ["role"])["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
    assert result["labelSelector"] == {"matchLabels": {"role": "primary"}}


def test_value_stays_where_the_target_has_no_such_label():
    source = with_spec(with_labels(deployment(), role="canary"), **spread({"matchLabels": {"role": "canary"}}))
    after = promoted(source, deployment("podinfo"), ["role"])
    assert after["spec"]["template"]["spec"] == source["spec"]["template"]["spec"]
    assert changes_nothing(source, after, ["role"])


@pytest.mark.parametrize("name", ["podinfo-canary", "podinfo", "somebody"])
def test_selectors_are_known_apart_from_the_body(name):
    obj = with_spec(deployment(), **spread({"matchLabels": {"app": name}}))
    plain, selecting, other = (template_of(d) for d in (deployment(), with_spec(deployment(), **spread(OWN)), obj))
    assert (plain.selected, other.selected) == ((), (("app", name),))
    assert other.body == selecting.body != plain.body
    assert other.revision == fingerprint(obj["spec"]["template"])


def test_order_of_labels_in_a_selector_does_not_count():
    one, other = ({"tier": "web", "app": "podinfo-canary"}, {"app": "podinfo-canary", "tier": "web"})
    seen = [template_of(with_spec(deployment(), **spread({"matchLabels": labels}))) for labels in (one, other)]
    assert seen[0] == seen[1]
    assert seen[0].selected == (("app", "podinfo-canary"), ("tier", "web"))


KEYS = st.sampled_from(["app", "role", "tier"])
VALUES = st.sampled_from(["podinfo", "podinfo-canary", "web", ""])
LABELS = st.dictionaries(KEYS, VALUES, min_size=1)
SELECTORS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.none() | st.dictionaries(KEYS, VALUES),
        "matchExpressions": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {"key": KEYS, "operator": st.sampled_from(["In", "NotIn", "Exists"])},
                optional={"values": st.none() | st.lists(VALUES, max_size=3)},
            ),
            max_size=2,
        ),
        "new": st.none(),
    },
)
AFFINITIES = st.fixed_dictionaries(
    {},
    optional={
        REQUIRED: st.lists(st.fixed_dictionaries({}, optional={"labelSelector": SELECTORS}), max_size=2),
        PREFERRED: st.lists(
            st.fixed_dictionaries({"weight": st.just(1), "podAffinityTerm": st.builds(dict, labelSelector=SELECTORS)}),
            max_size=2,
        ),
    },
)
SPECS = st.fixed_dictionaries(
    {"containers": st.sampled_from([[{"image": "1"}], [{"image": "2"}]])},
    optional={
        "affinity": st.fixed_dictionaries({}, optional={"podAffinity": AFFINITIES, "podAntiAffinity": AFFINITIES}),
        "topologySpreadConstraints": st.lists(st.builds(dict, labelSelector=SELECTORS), max_size=2),
    },
)


@st.composite
def sides(draw):
    """Return two Deployments and the keys that their services select by; the second may be as after a promotion."""
    both = []
    for name in ("podinfo-canary", "podinfo"):
        obj, labels = deployment(name), draw(LABELS)
        obj["spec"]["template"] = {"metadata": {"labels": labels}, "spec": draw(SPECS)}
        keys = draw(st.sets(st.sampled_from(sorted(labels)), min_size=1))
        obj["spec"]["selector"]["matchLabels"] = {key: labels[key] for key in keys}
        both.append(obj)
    source, target = both
    identity = draw(st.sets(KEYS))
    match draw(st.sampled_from(["apart", "the same spec", "promoted"])):
        case "the same spec":
            target["spec"]["template"]["spec"] = copy.deepcopy(source["spec"]["template"]["spec"])
        case "promoted":
            target = promoted(source, target, identity)
    return source, target, identity


def named(node, key=None):
    """Yield every pair of key and value that stands in a selector, wherever it stands."""
    if isinstance(node, list):
        for item in node:
            yield from named(item)
    elif isinstance(node, dict):
        if node.get("operator") in {"In", "NotIn"}:
            yield from ((node["key"], value) for value in node.get("values") or ())
        yield from (node.get("matchLabels") or {}).items()
        for item in node.values():
            yield from named(item)


@given(sides())
def test_promotion_leaves_each_side_its_identity_and_is_complete(both):
    source, target, identity = both
    known = copy.deepcopy((source, target))
    nothing = changes_nothing(source, target, identity)
    after = promoted(source, target, identity)
    assert (source, target) == known
    assert changes_nothing(source, after, identity)
    assert promoted(source, after, identity)["spec"]["template"] == after["spec"]["template"]
    changed = fingerprint(after["spec"]["template"]) != fingerprint(target["spec"]["template"])
    assert nothing is not changed

    own, others, left = (obj["spec"]["template"]["metadata"]["labels"] for obj in (target, source, after))
    keys = {*identity, *source["spec"]["selector"]["matchLabels"], *target["spec"]["selector"]["matchLabels"]}
    assert {key: left.get(key) for key in keys} == {key: own.get(key) for key in keys}
    foreign = {(key, others[key]) for key in keys if key in others and own.get(key, others[key]) != others[key]}
    assert foreign.isdisjoint(named(after["spec"]["template"]["spec"]))
