"""The autoscaler of the sandbox, stepped by hand."""

import pytest

from testbed.sandbox import hpa


@pytest.mark.parametrize(("load", "replicas"), [(0.0, 2), (2.5, 3), (100.0, 4)])
def test_autoscaler_follows_the_load_within_its_bounds(stepped, load, replicas):
    stepped.add("primary-deployment")
    stepped.add("primary-hpa")
    stepped.after(0)
    hpa.step(stepped.cluster.api.objects, lambda *_: load)
    assert stepped.object()["spec"]["replicas"] == replicas


def test_autoscaler_leaves_what_is_scaled_to_zero(stepped):
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(replicas=0))
    stepped.add("primary-hpa")
    hpa.step(stepped.cluster.api.objects, lambda *_: 3.0)
    assert stepped.object()["spec"]["replicas"] == 0
