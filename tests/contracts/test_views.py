"""Any JSON as any watched object becomes a view whose fields have their types, or unreadable (contract S18)."""

import copy
import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.canary import Canary
from controller.gather import overlap_keys, parts_keys
from controller.kinds import BUILT_IN, make_kinds
from deploy.types import Workload
from informers.namespaces import NamespaceView
from informers.namespaces import view as namespace_view
from informers.store import Store
from informers.types import IdentityError, Unreadable
from metrics.metric_template import MetricTemplate
from router.types import Service
from router.weighted import RouteView
from tests.canary_objects import seed
from tests.deploy.declared import WIDGET

META = {
    "namespace": "test",
    "name": "podinfo",
    "uid": "u",
    "resourceVersion": "9",
    "generation": 2,
    "creationTimestamp": "2018-10-10T12:00:00Z",
    "finalizers": ["x"],
    "labels": {"a": "b"},
    "annotations": {"flagger.app/promoted": "x", "flagger.app/hold": "why"},
}
TIME = "2018-10-10T12:00:00Z"
CANARY = {
    **seed(),
    "metadata": META,
    "status": {
        "state": "running",
        "stage": "progressing",
        "canaryRevision": "1",
        "canaryGeneration": 1,
        "canaryReplicas": 2,
        "failedChecks": 1,
        "canaryWeight": 10,
        "previousWeight": 5,
        "startTime": TIME,
        "lastCheckTime": TIME,
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": TIME}],
        "checks": [{"name": "a", "verdict": "pass", "threshold": 1, "value": 2.5, "time": TIME}],
        "failedRevisions": ["1"],
        "obeyed": {"abort": "1"},
        "fenceOwed": True,
    },
}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": META,
    "spec": {
        "replicas": 2,
        "paused": False,
        "progressDeadlineSeconds": 60,
        "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]},
        "template": {"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}, "spec": {"containers": []}},
    },
    "status": {
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "conditions": [
            {"type": "Progressing", "status": "True", "reason": "DeploymentResumed", "lastUpdateTime": TIME},
            {"type": "ReplicaFailure", "status": "True", "message": "quota"},
        ],
    },
}
STATEFUL_SET = {
    "kind": "StatefulSet",
    "metadata": META,
    "spec": {
        "replicas": 2,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}},
    },
    "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
}
DAEMON_SET = {
    "kind": "DaemonSet",
    "metadata": META,
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [], "nodeSelector": {"disk": "ssd", "flagger.app/parked": "true"}},
        },
    },
    "status": {
        "observedGeneration": 2,
        "desiredNumberScheduled": 2,
        "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
    },
}
ROUTE = {
    "kind": "VirtualService",
    "metadata": META,
    "spec": {"http": [{"route": [{"destination": {"host": "a"}, "weight": 100}, {"destination": {"host": "b"}}]}]},
}
HTTP_ROUTE = {
    "kind": "HTTPRoute",
    "metadata": META,
    "spec": {
        "rules": [{"backendRefs": [{"name": "a", "weight": 1}, {"name": "b", "namespace": "c", "kind": "Service"}]}]
    },
}
SERVICE = {
    "kind": "Service",
    "metadata": META,
    "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"name": "http"}], "selector": {"a": "b"}},
}
NAMESPACE = {"kind": "Namespace", "metadata": META}
READY = {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "reason": "a", "message": "b"}]}
HELM_RELEASE = {
    "kind": "HelmRelease",
    "metadata": META,
    "spec": {"chart": {"spec": {"version": "1"}}, "values": {"nameOverride": "a", "b": 1}, "suspend": False},
    "status": READY,
}
FUNCTION = {"kind": "Function", "metadata": META, "spec": {"name": "a", "image": "b"}, "status": READY}
WIDGET_OBJECT = {
    "kind": "Widget",
    "metadata": META,
    "spec": {"image": "a", "settings": {"name": "b", "c": 1}, "hold": False},
    "status": READY,
}
METRIC_TEMPLATE = {
    "kind": "MetricTemplate",
    "metadata": META,
    "spec": {"query": "up{job='{{ target }}'}", "provider": {"type": "prometheus", "address": "http://p:9090/"}},
}
PARTS = make_kinds([WIDGET]).parts
KINDS = {
    "Canary": (BUILT_IN.view, CANARY, Canary),
    "Namespace": (namespace_view, NAMESPACE, NamespaceView),
    **{
        obj["kind"]: (PARTS[obj["kind"]].view, obj, hint)
        for obj, hint in [
            (DEPLOYMENT, Workload),
            (STATEFUL_SET, Workload),
            (DAEMON_SET, Workload),
            (HELM_RELEASE, Workload),
            (FUNCTION, Workload),
            (WIDGET_OBJECT, Workload),
            (ROUTE, RouteView),
            (HTTP_ROUTE, RouteView),
            (SERVICE, Service),
            (METRIC_TEMPLATE, MetricTemplate),
        ]
    },
}
INDEXES = {"Canary": {"overlap": overlap_keys, "parts": parts_keys}}

ODD_TIMES = st.sampled_from(
    [
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "2018-10-10",
        "2018-10-10T12:00:00",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63, -1, 101])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "99999999999999h", "0m", "x" * 3000])
    | ODD_TIMES
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def paths(value, path=()):
    """Yield where every part of some JSON stands."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def changed(obj, path, value):
    if not path:
        return value
    obj = copy.deepcopy(obj)
    holder = obj
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return obj


def fits(value: Any, hint: Any) -> bool:
    """Whether a value has the type that a field declares, at any depth."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return any(fits(value, arg) for arg in args)
    if origin is tuple:
        inner = args[:1] * len(value) if args[-1] is ... else args
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(fits, value, inner))
    if origin is Callable:
        return callable(value)
    if hint in {int, float}:
        return type(value) in {int, hint}
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return isinstance(value, hint) and all(fits(getattr(value, f.name), hints[f.name]) for f in fields(hint))
    return isinstance(value, hint) and (hint is not datetime or value.tzinfo is not None)


def stored(kind, obj):
    """Return what a store makes of an object, or None if nobody can tell which object it is."""
    build, _, _ = KINDS[kind]
    store = Store(build, indexes=INDEXES.get(kind, {}), listener=lambda _: None)
    try:
        view = store.view(obj)
    except IdentityError:
        return None
    store.put(view)
    return view


def packed(kind, obj):
    """Return what a store makes of an object that comes as text and that nobody wanted before."""
    build, _, _ = KINDS[kind]
    shape = PARTS[kind].shape
    text = json.dumps(obj, separators=(",", ":"))
    slim = shape.object(text) if shape else None
    store = Store(build, indexes={}, listener=lambda _: None, wanted=lambda *_: False)
    try:
        view = store.view(json.loads(text) if slim is None else slim)
    except IdentityError:
        return None
    store.put(view)
    return store.get(view.namespace, view.name)


def test_every_kind_that_is_watched_is_tried():
    assert KINDS.keys() == {"Canary", "Namespace", *PARTS}


@pytest.mark.parametrize("kind", KINDS)
def test_object_as_it_should_be_has_a_view(kind):
    _, obj, hint = KINDS[kind]
    assert fits(stored(kind, obj), hint)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_object_with_any_json_anywhere_has_a_view_or_is_unreadable(kind, data):
    _, obj, hint = KINDS[kind]
    places = sorted(paths(obj), key=str)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places))
        try:
            obj = changed(obj, path, data.draw(ANY))
        except (KeyError, IndexError, TypeError):  # an earlier change has taken the place away
            continue
    found = stored(kind, obj)
    assert found is None or isinstance(found, Unreadable) or fits(found, hint), found
    if kind in PARTS:
        assert repr(packed(kind, obj)) == repr(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "odd", [10**400, float("inf"), float("nan"), "\ud800", "9999-12-31T23:59:59-01:00", [], {}, -1, True]
)
def test_every_single_field_may_be_odd(kind, odd):
    _, obj, hint = KINDS[kind]
    for path in paths(obj):
        found = stored(kind, changed(obj, path, odd))
        assert found is None or isinstance(found, Unreadable) or fits(found, hint), (path, found)
        if kind in PARTS:
            assert repr(packed(kind, changed(obj, path, odd))) == repr(found)


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+23:59"])
@pytest.mark.parametrize("field", ["lastCheckTime", "startTime"])
def test_reason_names_field_value_and_what_would_be_right(field, time):
    found = stored("Canary", changed(CANARY, ("status", field), time))
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(f"status.{field} must be a time such as 2018-10-10T12:00:00Z: {time!r}")
