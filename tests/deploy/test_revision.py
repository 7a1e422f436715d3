"""Fingerprints of templates: fixed, and blind for what says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.revision import fingerprint
from tests.deploy.deployment_objects import deployment

TEMPLATE = deployment()["spec"]["template"]


def test_known_templates_keep_their_number_in_every_release():  # behaviour 17
    assert fingerprint(TEMPLATE) == "135934613926595"
    assert fingerprint(deployment(image="podinfo:1.2.2")["spec"]["template"]) == "820423935241338"
    assert fingerprint({"spec": {"ü": [1, 2.5, True, None, {"b": "", "a": {}}]}}) == "202176303555462"
    assert fingerprint({}) == "318061354680202"


@pytest.mark.parametrize(
    "noise",
    [{"creationTimestamp": None}, {"resources": {}}, {"x": ""}, {"args": []}, {"deep": {"er": {"null": None}}}],
    ids=["null", "empty object", "empty string", "empty list", "empty after pruning"],
)
def test_empty_values_do_not_count(noise):  # behaviour 17
    assert fingerprint({**TEMPLATE, **noise}) == fingerprint(TEMPLATE)


@pytest.mark.parametrize(
    "change",
    [
        {"volumes": [{"name": "tmp", "emptyDir": {}}]},
        {"affinity": {"labelSelector": {}}},
        {"affinity": {"namespaceSelector": {}}},
        {"annotations": {"a": ""}},
        {"labels": {"a": ""}},
        {"matchLabels": {"a": ""}},
        {"nodeSelector": {"a": ""}},
        {"replicas": 0},
        {"paused": False},
        {"list": [None]},
    ],
    ids=[
        "emptyDir",
        "label selector",
        "namespace selector",
        "annotation",
        "label",
        "match label",
        "node selector",
        "zero",
        "false",
        "entries of lists count by their place",
    ],
)
def test_emptiness_that_says_something_counts(change):
    assert fingerprint({**TEMPLATE, **change}) != fingerprint(TEMPLATE)


def test_zero_and_false_differ():
    assert fingerprint({"a": 0}) != fingerprint({"a": False})


def test_order_of_a_list_counts():
    assert fingerprint([1, 2]) != fingerprint([2, 1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_order_of_keys_does_not_count(value):  # behaviour 17
    backwards = dict(reversed(value.items()))
    assert fingerprint(backwards) == fingerprint(value)
    assert fingerprint(value).isdecimal()
    assert len(fingerprint(value)) <= 15
