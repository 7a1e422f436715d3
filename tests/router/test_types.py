"""Weights cannot be built wrong, and what stands behind a host leads to pods or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.types import Backend, Weights


@given(st.integers(0, 100))
def test_weights_add_up(percent):
    weights = Weights.to_canary(percent)
    assert (weights.canary, weights.primary + weights.canary) == (percent, 100)


@pytest.mark.parametrize(("primary", "canary"), [(50, 49), (101, -1), (-1, 101), (0, 0)])
def test_other_weights_are_refused(primary, canary):
    with pytest.raises(ValueError, match=f"at least 0 and add up to 100, not {primary}/{canary}"):
        Weights(primary, canary)


LABELS = {("app", "podinfo"), ("role", "primary"), ("version", "2")}


@pytest.mark.parametrize(
    ("backend", "leads"),
    [
        (Backend(None, selector=(("app", "podinfo"),)), True),
        (Backend(None, selector=(("app", "podinfo"), ("role", "primary"))), True),
        (Backend("it is headless", selector=(("app", "podinfo"),)), True),
        (Backend(None, selector=(("app", "podinfo"), ("role", "canary"))), False),
        (Backend(None, selector=(("app", "podinfo"), ("tier", "web"))), False),
        (Backend("it has no selector", selector=()), False),
        (Backend("it cannot be read"), True),
        (Backend("not found", gone=True), False),
        (Backend("not found", gone=True, selector=(("app", "podinfo"),)), False),
    ],
    ids=[
        "one label",
        "several labels",
        "a problem of another kind",
        "another value",
        "a label that the pods lack",
        "no pods",
        "not known",
        "gone",
        "gone, whatever it selected",
    ],
)
def test_backend_leads_to_pods_that_have_every_label_of_its_selector(backend, leads):
    assert backend.leads_to(LABELS) is leads
    assert backend.leads_to(tuple(LABELS)) is leads


@pytest.mark.parametrize(
    ("selector", "keys"), [((("app", "podinfo"), ("role", "primary")), ("app", "role")), ((), ()), (None, ())]
)
def test_keys_of_a_selector_are_identity(selector, keys):
    assert Backend(None, selector=selector).identity == frozenset(keys)
