"""What parks pods is neither compared nor copied, and nothing else is lost with it."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.parking import PARKED_LABEL, is_parked, parked_like, unparked
from deploy.template import copy_operations, revision_of, template_of, would_change_nothing
from tests.deploy.deployment_objects import deployment

PARKED = {"nodeSelector": {PARKED_LABEL: "true"}}
SSD = {"nodeSelector": {"disk": "ssd"}}
PARKED_SSD = {"nodeSelector": {"disk": "ssd", PARKED_LABEL: "true"}}

specs = st.fixed_dictionaries(
    {"containers": st.just([])},
    optional={"nodeSelector": st.none() | st.dictionaries(st.sampled_from(["disk", "zone"]), st.text())},
)


@pytest.mark.parametrize("spec", [{}, SSD, {"nodeSelector": None}, {"nodeSelector": "disk"}, None, []])
def test_what_is_not_parked_is_left_as_it_is(spec):
    assert not is_parked(spec)
    assert unparked(spec) is spec
    assert parked_like(spec, SSD) is spec


@pytest.mark.parametrize(
    ("parked", "spec"), [pytest.param(PARKED, {}, id="alone"), pytest.param(PARKED_SSD, SSD, id="beside another")]
)
def test_what_is_parked_keeps_the_rest(parked, spec):
    before = copy.deepcopy(parked)
    assert is_parked(parked)
    assert unparked({"containers": [], **parked}) == {"containers": [], **spec}
    assert parked == before


def test_whatever_its_value_the_label_parks():
    assert is_parked({"nodeSelector": {PARKED_LABEL: "false"}})


@given(specs, specs)
def test_parking_and_bringing_back_loses_nothing(spec, other):
    parked = parked_like(spec, {**other, **PARKED})
    assert is_parked(parked)
    left = {key: value for key, value in parked["nodeSelector"].items() if key != PARKED_LABEL}
    assert left == (spec.get("nodeSelector") or {})
    assert unparked(parked).get("nodeSelector") == (spec.get("nodeSelector") or None)
    assert revision_of({"spec": parked}) == revision_of({"spec": spec})


def with_selector(obj, selector):
    obj["spec"]["template"]["spec"].update(copy.deepcopy(selector))
    return obj


@pytest.mark.parametrize(
    ("source", "target", "copied"),
    [
        pytest.param(PARKED_SSD, {}, SSD, id="a parked canary does not park the primary"),
        pytest.param(PARKED, {}, None, id="and leaves no empty selector"),
        pytest.param(SSD, PARKED, PARKED_SSD, id="a primary that somebody parked stays parked"),
        pytest.param({}, PARKED, PARKED, id="by that alone"),
        pytest.param(PARKED_SSD, PARKED, PARKED_SSD, id="both parked"),
    ],
)
def test_copy_takes_the_selector_without_what_parks(source, target, copied):
    canary, primary = with_selector(deployment(), source), with_selector(deployment(), target)
    after = jsonpatch.apply_patch(copy.deepcopy(primary), list(copy_operations(canary, primary, "stamp")))
    assert after["spec"]["template"]["spec"].get("nodeSelector") == (copied or {}).get("nodeSelector")
    assert would_change_nothing(template_of(canary), template_of(after))
