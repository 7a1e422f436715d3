"""What every router promises, held against the fake and against Istio's on an API server."""

from dataclasses import replace
from functools import partial

import pytest

from informers.errors import ConflictError, NotFoundError
from informers.types import Unreadable
from router.istio import VIRTUAL_SERVICES
from router.registry import ROUTES
from router.services import backend
from router.types import ALL_TO_PRIMARY, Backend, Route, RouteRef, Weights
from router.weighted import patch
from tests.fakes.caches import FakeCache
from tests.fakes.parts import FakeRouter
from tests.fakes.sandbox import live
from tests.fakes.writer import FakeWriter
from tests.router.http_routes import http_route, refs

REF = RouteRef("test", "podinfo", "podinfo", "podinfo-canary")
ISTIO = ("networking.istio.io", "virtualservices", "podinfo")


class FakeRig:
    def __init__(self):
        self.router = FakeRouter()
        self.router.routes["test", "podinfo"] = Route(ALL_TO_PRIMARY)

    def weights(self):
        weights = self.router.routes["test", "podinfo"].weights
        return (weights.primary, weights.canary)

    def writes(self):
        return self.router.writes

    def change_unseen(self):
        self.router.changed.add(("test", "podinfo"))

    def delete(self):
        del self.router.routes["test", "podinfo"]


class LiveRig:
    kind = "VirtualService"
    where = ISTIO

    def __init__(self, live):
        self.live = live
        parts = live.parts
        self.router = ROUTES[self.kind].make(parts.of_kind[self.kind], live.client, parts.versions[self.kind])
        self.backend = partial(backend, parts.of_kind["Service"])

    def route(self):
        return self.live.object(*self.where)["spec"]["http"][0]["route"]

    def weights(self):
        return tuple(destination["weight"] for destination in self.route())

    def writes(self):
        return self.live.writes()

    def change_unseen(self):
        for informer in self.live.parts.of_kind[self.kind].all:
            informer.stop()
        self.live.change(*self.where, lambda obj: obj["metadata"].update(labels={"changed": "behind-our-back"}))

    def delete(self):
        self.live.delete(*self.where)
        while self.router.get(REF) is not None:
            pass


class GatewayRig(LiveRig):
    kind = "HTTPRoute"
    where = ("gateway.networking.k8s.io", "httproutes", "podinfo")

    def __init__(self, live):
        super().__init__(live)
        live.cluster.add(http_route(refs(100, 0), uid="", resourceVersion=""))
        while self.router.get(REF) is None:
            pass

    def route(self):
        return self.live.object(*self.where)["spec"]["rules"][0]["backendRefs"]


@pytest.fixture(params=["fake", "istio", "gateway"])
def rig(request, tmp_path):
    if request.param == "fake":
        yield FakeRig()
        return
    with live(tmp_path) as it:
        yield {"istio": LiveRig, "gateway": GatewayRig}[request.param](it)


@pytest.fixture
def istio(tmp_path):
    with live(tmp_path) as it:
        yield LiveRig(it)


def test_route_is_found(rig):
    assert rig.router.get(REF) == Route(ALL_TO_PRIMARY)


def test_shift_is_one_write_and_seen_at_once(rig):  # contract S19
    rig.router.shift(REF, Weights(95, 5))
    assert rig.router.get(REF) == Route(Weights(95, 5), sends_to_canary=True)
    assert rig.weights() == (95, 5)
    assert rig.writes() == 1


def test_shift_to_what_it_is_writes_nothing(rig):
    rig.router.shift(REF, ALL_TO_PRIMARY)
    assert rig.writes() == 0


def test_shifts_build_on_each_other(rig):
    for weight in (5, 10, 0):
        rig.router.shift(REF, Weights.to_canary(weight))
    assert rig.weights() == (100, 0)
    assert rig.writes() == 3


def test_fence_is_one_write_that_changes_no_weight(rig):
    rig.router.fence(REF)
    rig.router.fence(REF)
    assert (rig.weights(), rig.writes()) == ((100, 0), 2)
    rig.router.shift(REF, Weights(95, 5))
    assert rig.weights() == (95, 5)


def test_fence_around_a_route_that_is_gone_is_none(rig):
    rig.delete()
    rig.router.fence(REF)
    assert rig.writes() == 0


def test_fence_on_a_route_that_changed_unseen_is_a_conflict(rig):
    rig.change_unseen()
    with pytest.raises(ConflictError):
        rig.router.fence(REF)


def test_step_that_was_sent_before_the_fence_is_refused(istio):
    found = istio.router.routes.get("test", "podinfo")
    istio.router.fence(REF)
    with pytest.raises(ConflictError):
        istio.live.client.json_patch(istio.router.resource(), "test", "podinfo", patch(found, REF, Weights(95, 5)))
    assert istio.weights() == (100, 0)


def test_route_that_changed_unseen_is_a_conflict_and_stays(rig):  # contracts W4, L9
    rig.change_unseen()
    with pytest.raises(ConflictError):
        rig.router.shift(REF, Weights(95, 5))
    assert rig.weights() == (100, 0)


def test_route_that_is_gone(rig):
    rig.delete()
    assert rig.router.get(REF) is None
    with pytest.raises(NotFoundError):
        rig.router.shift(REF, Weights(95, 5))


def test_service_that_is_there_is_known_by_its_selector(istio):
    assert istio.backend("test", "podinfo") == Backend(None, selector=(("app", "podinfo"),))


def test_service_that_is_missing_is_named_and_gone(istio):
    text = "service nowhere.test not found, create it or correct the host"
    assert istio.backend("test", "nowhere") == Backend(text, gone=True)


def test_istio_keeps_everything_but_the_two_numbers(istio):  # contracts C12, C13; behaviour 1
    def enrich(obj):
        http = obj["spec"]["http"][0]
        http.update(match=[{"uri": {"prefix": "/"}}], timeout="3s", retries={"attempts": 3}, fault=None)
        obj["spec"]["http"].append({"route": [{"destination": {"host": "other"}}], "name": "extra"})
        obj["spec"]["tls"] = [{"match": []}]

    istio.live.change(*ISTIO, enrich)
    while len(istio.router.routes.get("test", "podinfo").rules) < 2:
        pass
    before = istio.live.object(*ISTIO)["spec"]
    istio.router.shift(REF, Weights(80, 20))
    after = istio.live.object(*ISTIO)["spec"]
    assert [d.pop("weight") for d in after["http"][0]["route"]] == [80, 20]
    for destination in before["http"][0]["route"]:
        destination.pop("weight")
    assert after == before


def test_istio_route_that_cannot_be_read_is_a_problem_and_not_absent(istio):
    istio.live.change(*ISTIO, lambda obj: obj["spec"].update(http=[{"route": [{"destination": {"host": 7}}]}]))
    while (route := istio.router.get(REF)).problem is None:
        pass
    assert route.problem.startswith("it cannot be read: ")
    assert route.unreadable
    with pytest.raises(NotFoundError, match="cannot be read"):
        istio.router.shift(REF, ALL_TO_PRIMARY)


def test_istio_route_that_cannot_be_read_is_fenced_all_the_same():
    """It became so after it was gathered: what was decided on it must not arrive."""
    obj = {"metadata": {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "7"}, "spec": []}
    unreadable = Unreadable("test", "podinfo", "u", "7", "spec must be an object")

    def build(answer, _):
        return replace(unreadable, resource_version=answer["metadata"]["resourceVersion"])

    cache = FakeCache([unreadable], build=build)
    writer = FakeWriter(("virtualservices", obj))
    router = ROUTES["VirtualService"].make(cache, writer, lambda: VIRTUAL_SERVICES.newest)
    router.fence(REF)
    ((_, _, name, _, patch_sent),) = writer.requests
    assert (name, patch_sent["metadata"]["resourceVersion"]) == ("podinfo", "7")
    assert cache.get("test", "podinfo").resource_version == "8"


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("podinfo.other", "host podinfo.other is not a service of namespace test"),
        ("www.example.com", "host www.example.com is not a service of namespace test"),
        ("podinfo.test.svc.cluster.local", None),
    ],
)
def test_istio_hosts_are_services_of_the_namespace(istio, host, text):  # behaviour 2
    behind = istio.backend("test", host)
    assert (behind.problem, behind.gone) == (text, False)
    assert (behind.selector is None) is (text is not None)


def test_istio_service_that_is_unusable_is_named(istio):  # behaviour 2
    istio.live.change("", "services", "podinfo", lambda obj: obj["spec"].update(ports=[{"name": "tcp", "port": 1}]))
    while istio.backend("test", "podinfo").problem is None:
        pass
    assert "has no port named http or https" in istio.backend("test", "podinfo").problem


def test_istio_service_that_is_deleted_is_gone(istio):
    istio.live.delete("", "services", "podinfo-canary")
    while not istio.backend("test", "podinfo-canary").gone:
        pass
    assert not istio.backend("test", "podinfo-canary").leads_to([("app", "podinfo-canary")])


def test_istio_service_that_cannot_be_read_is_named():
    services = FakeCache([Unreadable("test", "podinfo", "u", "1", "no spec")])
    assert backend(services, "test", "podinfo") == Backend("service podinfo.test cannot be read: no spec")
