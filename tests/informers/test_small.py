"""Keys, back-off, stop, resources, caches over several namespaces."""

import pytest

from controller.resources import CANARIES
from deploy.deployments import DEPLOYMENTS
from informers.backoff import Backoff
from informers.caches import Informers
from informers.keys import key_of, split_key
from informers.stop import Stop
from router.services import SERVICES
from tests.fakes.caches import FakeCache
from tests.fakes.source import Thing, build, thing


@pytest.mark.parametrize(("key", "parts"), [("test/a", ("test", "a")), ("a", ("", "a"))])
def test_keys_read_back(key, parts):
    assert split_key(key) == parts
    assert key_of(*parts) == key


@pytest.mark.parametrize("key", ["", "a/b/c", "/a", "a/", "/"])
def test_other_keys_are_refused(key):
    with pytest.raises(ValueError, match="is not a key such as namespace/name"):
        split_key(key)


def test_backoff_doubles_spreads_and_starts_over():
    now = [0.0]
    backoff = Backoff(monotonic=lambda: now[0], random=lambda: 0.0)
    assert [backoff.seconds() for _ in range(8)] == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])
    now[0] = 120.0
    assert backoff.seconds() == 30
    now[0] = 240.1
    assert backoff.seconds() == pytest.approx(0.8)
    spread = Backoff(monotonic=lambda: 0.0, random=lambda: 0.75)
    assert spread.seconds() == pytest.approx(1.4)


def test_stop_is_a_state_and_wakes_whoever_is_registered():
    stop, woken = Stop(), []
    with stop.waking(lambda: woken.append("during")):
        stop.set()
        stop.set()
    with stop.waking(lambda: woken.append("after")):
        assert woken == ["during", "during", "after"]
    assert stop.is_set()
    assert stop.wait(100)
    stop.set()
    assert len(woken) == 3


@pytest.mark.parametrize(
    ("resource", "where", "path"),
    [
        (CANARIES, (), "/apis/flagger.app/v1beta1/canaries"),
        (DEPLOYMENTS.newest, ("test",), "/apis/apps/v1/namespaces/test/deployments"),
        (SERVICES.newest, ("test", "a"), "/api/v1/namespaces/test/services/a"),
        (CANARIES, ("te/st", "a?b", "status"), "/apis/flagger.app/v1beta1/namespaces/te%2Fst/canaries/a%3Fb/status"),
    ],
)
def test_paths(resource, where, path):
    assert resource.path(*where) == path


def test_api_versions():
    assert (CANARIES.api_version, SERVICES.newest.api_version) == ("flagger.app/v1beta1", "v1")


def cache(*names):
    return FakeCache(
        [Thing(n.split("/")[0], n.split("/")[1], "u", "1") for n in names],
        build=build,
        indexes={"all": lambda _: ["x"]},
    )


def test_namespaces_are_looked_up_where_they_are_watched():
    informers = Informers({"a": cache("a/1"), "b": cache("b/1", "b/2")})
    assert informers.get("a", "1").namespace == "a"
    assert informers.get("c", "1") is None
    assert [view.namespace for view in informers.by_index("all", "x")] == ["a", "b", "b"]
    informers.write_through(thing("1", 5, namespace="a", uid="u"))
    assert informers.get("a", "1").resource_version == "5"
    informers.write_through_view(Thing("b", "2", "u", "7"))
    assert informers.get("b", "2").resource_version == "7"
    informers.write_through(thing("1", 5, namespace="c"))
    informers.write_through_view(Thing("c", "1", "u", "7"))
    assert informers.get("c", "1") is None


def test_one_informer_may_watch_all_namespaces():
    informers = Informers({"": cache("a/1", "b/1")})
    assert informers.get("b", "1") is not None
    assert len(informers.all) == 1
