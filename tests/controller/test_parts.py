"""Which changes wake which canaries: every part of a canary, who stood back for it, and a namespace that goes."""

from dataclasses import replace

import pytest

from controller.core.canary import InvalidSpec, Side
from controller.core.world import Unseen, WhyUnseen, seniority
from controller.echoes import Echoes
from controller.gather import OVERLAP_INDEX, PARTS_INDEX, overlap_keys, parts_keys
from controller.kinds import BUILT_IN
from controller.parts import NAMESPACE_INDEX, Parts
from controller.watched import Watched
from informers.change import Change
from informers.namespaces import NamespaceView
from informers.outage import Outage
from informers.types import Unreadable
from router.types import Service
from router.virtualservice import FORM
from router.weighted import RouteView
from tests.controller.core.builders import MINUTE, NOW, at_rest, canary, primary, spec, status, workload
from tests.fakes.caches import FakeCache

OURS = canary()
SHARES = canary(name="shares", uid="other", spec=spec(canary=Side("other", "other")))
APART = canary(
    name="apart",
    uid="apart",
    spec=spec(route_name="apart", primary=Side("apart", "apart"), canary=Side("apart-canary", "apart-canary")),
)
INDEXES = {
    OVERLAP_INDEX: overlap_keys,
    PARTS_INDEX: parts_keys,
    NAMESPACE_INDEX: lambda view: [view.namespace],
}
UNREADABLE = Unreadable("test", "podinfo", "u", "1", "no spec")


class FakeInformers(FakeCache):
    """A cache whose changes a test tells."""

    @property
    def all(self):
        return (self,)

    def by_namespace(self):
        return (("", self),)

    def add_handler(self, handle, *, present=True):
        self.handle = handle

    has_synced = refusal = None

    def start(self):
        pass


class Run:
    def __init__(self, canaries=(OURS, SHARES, APART)):
        self.canaries = FakeInformers(canaries, indexes=INDEXES, orders={OVERLAP_INDEX: seniority})
        self.deployments, self.routes, self.services = FakeInformers(), FakeInformers(), FakeInformers()
        self.namespace = FakeInformers()
        self.woken = []
        of_kind = {"Deployment": self.deployments, "VirtualService": self.routes, "Service": self.services}
        watched = Watched(of_kind, BUILT_IN.parts)
        watched.need(of_kind)
        self.outage = Outage()
        self.parts = Parts(BUILT_IN, self.canaries, of_kind, watched, {}, {"test": self.namespace}, self.outage)
        self.echoes = Echoes()
        self.parts.wake(self.woken.append, self.echoes)
        self.at_start = self.woken.copy()
        self.woken.clear()


@pytest.fixture
def run():
    return Run()


def changed(view, **changes):
    return Change(f"{view.namespace}/{view.name}", view, replace(view, resource_version="2", **changes))


def service(name):
    return Service("test", name, "u", "1", "ClusterIP", (), ())


def test_rollouts_come_first_at_the_start_and_of_them_whoever_has_waited_longest():  # contract L12
    def progressing(name, last_check_time):
        return canary(name=name, uid=name, status=status(last_check_time=last_check_time))

    late, later = progressing("late", NOW - MINUTE), progressing("later", NOW - 2 * MINUTE)
    new = progressing("new", None)
    rest = canary(name="rest", uid="rest", status=at_rest())
    assert Run([late, rest, UNREADABLE, new, later]).at_start == ["test/new", "test/later", "test/late"]


def test_change_of_a_canary_wakes_it_and_nobody_else(run):
    run.canaries.handle(changed(OURS))
    assert run.woken == ["test/podinfo"]


@pytest.mark.parametrize(
    ("kind", "plural", "view"),
    [
        ("canaries", "canaries", OURS),
        ("deployments", "deployments", primary()),
        ("routes", "virtualservices", RouteView("test", "podinfo", "u", "1", (), FORM)),
    ],
)
def test_own_write_wakes_nobody(run, kind, plural, view):  # contract W6
    with run.echoes.writing(plural, "test/podinfo") as answered:
        answered("2")
    getattr(run, kind).handle(changed(view))
    assert run.woken == []
    getattr(run, kind).handle(Change("test/podinfo", view, replace(view, resource_version="3")))
    assert "test/podinfo" in run.woken


def test_canary_that_is_deleted_wakes_who_stood_back_for_it(run):
    del run.canaries.known["test", "podinfo"]
    run.canaries.handle(Change("test/podinfo", OURS, None))
    assert set(run.woken) == {"test/podinfo", "test/shares"}


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(replace(OURS, uid="another", created=OURS.created + MINUTE), id="created anew between two lists"),
        pytest.param(replace(OURS, spec=InvalidSpec("spec is missing")), id="invalid"),
        pytest.param(replace(OURS, spec=APART.spec), id="made of other parts"),
        pytest.param(UNREADABLE, id="unreadable"),
    ],
)
def test_canary_that_gives_up_its_parts_wakes_who_stood_back_for_it(run, now):
    run.canaries.known["test", "podinfo"] = now = replace(now, resource_version="2")
    run.canaries.handle(Change("test/podinfo", OURS, now))
    assert set(run.woken) == {"test/podinfo", "test/shares"}


def test_canary_that_could_not_be_read_wakes_itself_when_it_is_deleted(run):
    run.canaries.handle(Change("test/podinfo", UNREADABLE, None))
    assert run.woken == ["test/podinfo"]


@pytest.mark.parametrize(
    ("kind", "view", "woken"),
    [
        ("deployments", primary(), {"test/podinfo", "test/shares"}),
        ("deployments", workload(), {"test/podinfo"}),
        ("routes", RouteView("test", "podinfo", "u", "1", (), FORM), {"test/podinfo", "test/shares"}),
        ("services", service("podinfo-canary"), {"test/podinfo"}),
        ("services", service("apart"), {"test/apart"}),
        ("services", service("nobody"), set()),
        ("routes", RouteView("test", "podinfo-canary", "u", "1", (), FORM), set()),
        ("deployments", UNREADABLE, {"test/podinfo", "test/shares"}),
    ],
    ids=[
        "a shared deployment",
        "a deployment",
        "a shared route",
        "a service",
        "another's service",
        "nobody's service",
        "a route with the name of another part",
        "what cannot be read",
    ],
)
@pytest.mark.parametrize("change", ["added", "changed", "deleted"])
def test_change_of_a_part_wakes_the_canaries_that_it_belongs_to(run, kind, view, woken, change):
    key = f"{view.namespace}/{view.name}"
    changes = {"added": Change(key, None, view), "changed": changed(view), "deleted": Change(key, view, None)}
    getattr(run, kind).handle(changes[change])
    assert set(run.woken) == woken


@pytest.mark.parametrize(("kind", "view"), [("canaries", OURS), ("deployments", primary()), ("services", service("x"))])
def test_relist_that_finds_nothing_new_wakes_nobody(run, kind, view):  # contract S13
    getattr(run, kind).handle(Change(f"test/{view.name}", view, view))
    assert run.woken == []


@pytest.mark.parametrize(
    ("view", "woken"),
    [
        (NamespaceView("test", "u", "2", terminating=True), {"test/podinfo", "test/shares", "test/apart"}),
        (NamespaceView("other", "u", "2", terminating=True), set()),
        (NamespaceView("test", "u", "2", terminating=False), set()),
        (None, set()),
        (Unreadable("", "test", "u", "1", "no metadata"), set()),
    ],
    ids=["terminating", "another one", "changed", "gone", "unreadable"],
)
def test_namespace_that_is_terminating_wakes_its_canaries(run, view, woken):
    run.namespace.handle(Change("test", None, view))
    assert set(run.woken) == woken


@pytest.mark.parametrize(
    ("found", "terminating"),
    [
        (NamespaceView("test", "u", "2", terminating=True), True),
        (NamespaceView("test", "u", "2", terminating=False), False),
        (Unreadable("", "test", "u", "1", "no metadata"), False),
        (None, False),
    ],
    ids=["terminating", "not", "unreadable", "not seen yet"],
)
def test_namespace_is_terminating_as_far_as_is_known(run, found, terminating):
    if found is not None:
        run.namespace.known["", "test"] = found
    assert run.parts.is_terminating("test") is terminating
    assert run.parts.is_terminating("not watched") is False


def test_decisions_do_not_wait_for_the_namespace(run):
    assert [informer for *_, informer in run.parts.by_resource()] == [
        run.canaries,
        run.deployments,
        run.routes,
        run.services,
    ]


def test_canary_that_rests_behind_an_older_one_is_not_woken_by_their_parts(run):
    behind = replace(SHARES, created=OURS.created + MINUTE, status=at_rest())
    run.canaries.known["test", "shares"] = behind
    run.deployments.handle(changed(primary()))
    assert run.woken == ["test/podinfo"]
    run.canaries.known["test", "shares"] = replace(behind, status=OURS.status)
    run.deployments.handle(changed(primary()))
    assert run.woken == ["test/podinfo", "test/podinfo", "test/shares"]  # a rollout that runs is carried on


def test_nothing_is_decided_while_the_api_server_is_away(run):  # contract R26; behaviour 19
    run.deployments.has_synced, run.deployments.of = True, lambda _namespace: run.deployments
    assert run.parts.unseen("Deployment", "test") is None
    run.outage.note_failure("deployments", behind=True)
    assert run.parts.unseen("Deployment", "test") == Unseen("Deployment", WhyUnseen.NOT_LISTED_YET)
