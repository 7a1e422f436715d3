"""A template that is worked out later is the same as one that is worked out at once (contracts P4, S18)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import template as template_module
from deploy.deployments import DEPLOYMENT, view
from deploy.template import template_later, template_of
from informers.packing import pack, unpack
from informers.types import Slim
from tests.controller.test_shapes import VALUES, places, put
from tests.deploy.deployment_objects import deployment

DENSE = {"separators": (",", ":")}
OBJECT = deployment()
SELECTING = {"matchLabels": {"app": "podinfo"}, "matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}


def rich():
    """A Deployment with selectors in its pod spec, and values that are odd but allowed."""
    obj = json.loads(json.dumps(OBJECT))
    obj["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{"labelSelector": SELECTING, "maxSkew": 1}]
    obj["spec"]["template"]["metadata"]["annotations"] = {"empty": "", "umlaut": "ä"}
    obj["spec"]["selector"] = SELECTING
    return obj


def slim(obj):
    return DEPLOYMENT.watched.shape.object(json.dumps(obj, **DENSE))


def outcome(work_out, obj):
    try:
        template = work_out(obj)
    except Exception as error:  # noqa: BLE001  # as a store does
        return type(error), str(error)
    return template.revision, template.body, template.labels, template.selector, template.selected, template.images


def test_fields_of_a_template_are_worked_out_when_somebody_asks(monkeypatch):  # contract P4
    worked_out = []
    monkeypatch.setattr(template_module, "fingerprint", lambda value: worked_out.append(value) or "1")
    seen = view(slim(rich()), None)
    assert (seen.pod_labels, worked_out) == (template_of(rich()).labels, [{}, {}] and worked_out)
    del worked_out[:]
    again = view(slim(rich()), None)
    assert again.pod_labels
    assert worked_out == []
    assert again.template.revision == "1"
    assert len(worked_out) == 2
    assert again.template.body == "1"
    assert len(worked_out) == 2


def test_template_that_is_worked_out_later_equals_the_one_at_once():
    later, now = template_later(slim(rich())), template_of(rich())
    assert later == now
    assert hash(later) == hash(now)
    assert repr(later) == repr(now)
    with pytest.raises(AttributeError):
        _ = later.no_such_field
    with pytest.raises(AttributeError):
        _ = now.no_such_field


@given(st.data())
def test_any_template_is_worked_out_as_at_once_or_refused_at_once(data):  # contract S18
    obj = rich()
    where = data.draw(st.sampled_from([path for path in places(obj) if path[:1] == ("spec",) and len(path) > 1]))
    obj = put(obj, where, data.draw(VALUES))
    found = slim(obj)
    if found is not None:
        assert outcome(template_later, found) == outcome(template_of, Slim(json.loads(json.dumps(found))))


@pytest.mark.parametrize("depth", [3, 260, 900])
def test_what_is_nested_deeply_is_worked_out_at_once(depth):  # contract S18
    nested = json.loads("[" * depth + "]" * depth)
    assert (pack({"a": nested}) is None) == (depth > 3)


@given(VALUES)
def test_what_is_packed_is_unpacked_as_it_was(value):
    packed = pack(value)
    if packed is not None:
        found = unpack(packed)
        assert json.dumps(found) == json.dumps(value) or "NaN" in json.dumps(value) or "Infinity" in json.dumps(value)
