"""A kind is watched from the moment that it is needed, and what of it cannot be seen is told apart."""

import pytest

from controller.core.world import Unseen, WhyUnseen
from controller.kinds import BUILT_IN
from controller.watched import STALE_SECONDS, Watched
from informers.errors import ForbiddenError, KindNotServedError

NOT_SERVED = KindNotServedError("virtualservices.networking.istio.io is not served")
NO = ForbiddenError("list: 403 Forbidden")


class FakeInformer:
    def __init__(self):
        self.did = []
        self.has_synced = False
        self.refusal = None
        self.age = None

    def start(self):
        self.did.append("start")

    def stop(self):
        self.did.append("stop")

    def seconds_since_event(self):
        return self.age


class FakeInformers:
    def __init__(self, *namespaces):
        self._by_namespace = {namespace: FakeInformer() for namespace in namespaces}

    @property
    def all(self):
        return tuple(self._by_namespace.values())

    def by_namespace(self):
        return self._by_namespace.items()

    def of(self, namespace):
        return self._by_namespace.get(namespace)


@pytest.fixture
def informers():
    return {"Deployment": FakeInformers("test"), "VirtualService": FakeInformers("test", "prod")}


def did(informers, kind):
    return [informer.did for informer in informers[kind].all]


def shown(watched):
    return [(kind, namespace) for kind, namespace, _ in watched.by_namespace()]


def test_nothing_is_watched_before_it_is_needed_and_then_once(informers):
    watched = Watched(informers, BUILT_IN.parts)
    assert shown(watched) == []
    watched.need(["VirtualService"])
    watched.need(["VirtualService"])
    assert did(informers, "VirtualService") == [["start"], ["start"]]
    assert did(informers, "Deployment") == [[]]
    assert shown(watched) == [("VirtualService", "test"), ("VirtualService", "prod")]


def test_who_joins_is_told_of_what_runs_and_of_what_is_about_to_run(informers):
    watched = Watched(informers, BUILT_IN.parts)
    watched.need(["Deployment"])
    watched.each(lambda kind, informer: informer.did.append(f"handler of {kind}"))
    watched.need(["Deployment", "VirtualService"])
    assert did(informers, "Deployment") == [["start", "handler of Deployment"]]
    assert did(informers, "VirtualService") == [["handler of VirtualService", "start"]] * 2


def test_nothing_starts_after_the_end(informers):
    watched = Watched(informers, BUILT_IN.parts)
    watched.need(["Deployment"])
    watched.end()
    watched.need(["VirtualService"])
    assert did(informers, "Deployment") == [["start", "stop"]]
    assert did(informers, "VirtualService") == [["stop"]] * 2


@pytest.mark.parametrize(
    ("refusal", "why", "what"),
    [
        pytest.param(None, WhyUnseen.NOT_LISTED_YET, "", id="listed for the first time, or not even begun"),
        pytest.param(NOT_SERVED, WhyUnseen.NOT_SERVED, str(NOT_SERVED), id="not served"),
        pytest.param(
            NO,
            WhyUnseen.FORBIDDEN,
            "the controller may not list and watch virtualservices.networking.istio.io, grant it",
            id="forbidden",
        ),
    ],
)
def test_why_nothing_was_seen(informers, refusal, why, what):
    watched = Watched(informers, BUILT_IN.parts)
    informers["VirtualService"].of("prod").refusal = refusal
    assert watched.unseen("VirtualService", "prod") == Unseen("VirtualService", why, what)
    assert watched.unseen("VirtualService", "not watched") is None


@pytest.mark.parametrize(
    ("refusal", "age", "why"),
    [
        pytest.param(None, None, None, id="all is well"),
        pytest.param(None, 10 * STALE_SECONDS, None, id="lists fail for another reason, which may pass"),
        pytest.param(NO, STALE_SECONDS - 1, None, id="refused a moment ago, as by a server that has just started"),
        pytest.param(NO, STALE_SECONDS, WhyUnseen.FORBIDDEN, id="forbidden since"),
        pytest.param(NO, None, WhyUnseen.FORBIDDEN, id="listed, but never watched"),
        pytest.param(NOT_SERVED, STALE_SECONDS, WhyUnseen.NOT_SERVED, id="not served any more"),
    ],
)
def test_what_was_seen_long_ago_says_nothing_of_the_cluster(informers, refusal, age, why):  # behaviour 19
    watched = Watched(informers, BUILT_IN.parts)
    informer = informers["VirtualService"].of("prod")
    informer.has_synced, informer.refusal, informer.age = True, refusal, age
    unseen = watched.unseen("VirtualService", "prod")
    assert (unseen and unseen.why) == why


@pytest.mark.parametrize(("refusal", "counts"), [(None, True), (NOT_SERVED, False), (NO, True)])
def test_kind_that_the_cluster_lacks_counts_for_nobody(informers, refusal, counts):
    watched = Watched(informers, BUILT_IN.parts)
    watched.need(["Deployment", "VirtualService"])
    informers["VirtualService"].of("prod").refusal = refusal
    assert (("VirtualService", "prod") in shown(watched)) is counts
    assert ("VirtualService", "test") in shown(watched)


def test_optional_kind_is_waited_for_by_nobody_but_its_canaries():
    of_kind = {"Deployment": FakeInformers("test"), "HTTPRoute": FakeInformers("test")}
    watched = Watched(of_kind, BUILT_IN.parts)
    watched.need(of_kind)
    assert [kind for kind, *_ in watched.required()] == ["Deployment"]
    assert shown(watched) == [("Deployment", "test"), ("HTTPRoute", "test")]
    of_kind["HTTPRoute"].of("test").has_synced = True
    assert [kind for kind, *_ in watched.required()] == ["Deployment", "HTTPRoute"]


def test_optional_kind_that_is_not_granted_names_what_grants_it():
    of_kind = {"HTTPRoute": FakeInformers("test")}
    watched = Watched(of_kind, BUILT_IN.parts)
    watched.need(of_kind)
    of_kind["HTTPRoute"].of("test").refusal = NO
    assert shown(watched) == []
    assert "kinds.httpRoutes: true" in watched.unseen("HTTPRoute", "test").what


def test_kind_of_no_group_is_named_without_one():
    of_kind = {"Service": FakeInformers("test")}
    of_kind["Service"].of("test").refusal = NO
    unseen = Watched(of_kind, BUILT_IN.parts).unseen("Service", "test")
    assert unseen.what == "the controller may not list and watch services, grant it"


def test_permission_that_is_taken_away_leaves_a_cache_that_is_missed():
    of_kind = {"HTTPRoute": FakeInformers("test")}
    watched = Watched(of_kind, BUILT_IN.parts)
    watched.need(of_kind)
    of_kind["HTTPRoute"].of("test").has_synced = True
    of_kind["HTTPRoute"].of("test").refusal = NO
    assert [kind for kind, *_ in watched.required()] == ["HTTPRoute"]
