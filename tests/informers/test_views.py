"""What caches hold is frozen through and through, so that nobody can change it (contract S14)."""

import dataclasses
from datetime import datetime, timedelta
from enum import Enum

import pytest

from controller.kinds import BUILT_IN
from deploy import deployments
from informers import namespaces
from informers.types import Unreadable
from router import services, virtualservice
from tests.canary_objects import seed
from tests.system.harness import objects

META = {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2018-10-10T12:00:00Z", "generation": 1}
PLAIN = (str, bytes, int, float, bool, type(None), datetime, timedelta, Enum)


def whole(obj):
    return {**obj, "metadata": {"namespace": "test", **META, **obj["metadata"]}}


def of(name):
    (obj,) = objects(f"workloads/{name}")
    return whole(obj)


def mutable(value, path):
    """Yield the path of everything below a value that could be changed."""
    if dataclasses.is_dataclass(value):
        if not type(value).__dataclass_params__.frozen or hasattr(value, "__dict__"):
            yield path
        for field in dataclasses.fields(value):
            yield from mutable(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from mutable(item, f"{path}[]")
    elif not isinstance(value, PLAIN):
        yield path


VIEWS = [
    pytest.param(lambda: BUILT_IN.parse(whole(seed())), id="canary"),
    pytest.param(
        lambda: BUILT_IN.parse(whole({**seed(), "spec": {}})),
        id="invalid canary",
    ),
    pytest.param(lambda: deployments.view(of("primary-deployment"), None), id="deployment"),
    pytest.param(lambda: services.view(of("primary-service"), None), id="service"),
    pytest.param(lambda: virtualservice.view(of("virtual-service"), None), id="virtual service"),
    pytest.param(lambda: namespaces.view(whole({"metadata": {"name": "test"}}), None), id="namespace"),
    pytest.param(lambda: Unreadable("test", "a", "u", "1", "no spec"), id="unreadable object"),
]


@pytest.mark.parametrize("view", VIEWS)
def test_view_is_frozen_at_any_depth(view):  # contracts S14, S17
    assert list(mutable(view(), "view")) == []


def test_what_could_be_changed_is_found():
    @dataclasses.dataclass(frozen=True, slots=True)
    class View:
        labels: object

    assert list(mutable(View(({"a": "b"},)), "view")) == ["view.labels[]"]
