"""Client and informers against an API server that has no script: the sandbox's (contracts C, R, S, end to end)."""

import json
import threading
from types import SimpleNamespace

import pytest

from informers.client import KubeClient
from informers.credentials import find_login
from informers.discovery import ServedVersion
from informers.errors import ConflictError, KindNotServedError, NotFoundError, TransportError
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.resources import ApiKind, Resource
from router.services import SERVICES
from testbed.sandbox.api.server import ApiServer, RequestLog
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.faults import Fault
from tests.fakes.source import Thing

PATIENCE = 10.0
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
WIDGET = ApiKind("example.com", ("v2", "v1"), "widgets", "Widget")
WIDGETS = WIDGET.at("v1")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


def view(obj, _previous):
    meta = obj["metadata"]
    return Thing(meta["namespace"], meta["name"], meta["uid"], meta["resourceVersion"], tuple(obj.get("data") or ()))


class AwaitedLog(RequestLog):
    """Says when there is something new in it."""

    def __init__(self):
        super().__init__()
        self.changed = threading.Condition()

    def note(self, request):
        with self.changed:
            super().note(request)
            self.changed.notify_all()


class Server:
    """An API server with one client, and what an administrator does to it."""

    def __init__(self, directory):
        self.api = ApiServer(now=wall_clock)
        self.api.log = AwaitedLog()
        self.api.start()
        self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}})
        path = directory / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": self.api.url}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "users": [{"name": "x", "user": {}}],
        }
        path.write_text(json.dumps(config))
        self.client = KubeClient(find_login(str(path), None), user_agent="tests", pool_size=4)
        self.informers = []

    def kind(self, name):
        return next(kind for kind in self.api.objects.kinds() if kind.kind == name)

    def add(self, obj):
        kind = self.kind(obj["kind"])
        return self.api.objects.create(kind, kind.versions[0], obj["metadata"].get("namespace", ""), obj)

    def config_map(self, name, **data):
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "test"}, "data": data}

    def delete(self, name):
        self.api.objects.delete(self.kind("ConfigMap"), "test", name)

    def watch(self, resource=CONFIG_MAPS, resource_of=None):
        source = KubeSource(
            self.client, resource_of or (lambda: resource), kind=resource.kind, plural=resource.plural, namespace="test"
        )
        informer = Informer(source, view, wait=lambda stop, _: stop.wait(0.01))
        heard, failed = Heard(), threading.Event()
        informer.add_handler(heard)
        informer.set_error_hook(lambda _: failed.set())
        self.informers.append(informer)
        informer.start()
        return SimpleNamespace(informer=informer, heard=heard, failed=failed)

    def asked(self, verb):
        return [request for request in self.api.log.of("tests") if request.verb == verb]

    def until_asked(self, verb, count):
        changed = self.api.log.changed
        with changed:
            assert changed.wait_for(lambda: len(self.asked(verb)) >= count, PATIENCE), self.api.log.of("tests")

    def close(self):
        for informer in self.informers:
            informer.stop()
        self.client.close()
        self.api.stop()


class Heard:
    def __init__(self):
        self.changes = []
        self._changed = threading.Condition()

    def __call__(self, change):
        with self._changed:
            self.changes.append(change)
            self._changed.notify_all()

    def until(self, holds):
        with self._changed:
            assert self._changed.wait_for(lambda: holds([change.key for change in self.changes]), PATIENCE)

    def until_told(self, *keys):
        self.until(lambda told: set(keys) <= set(told))


@pytest.fixture
def server(tmp_path):
    it = Server(tmp_path)
    yield it
    it.close()


def held(watched):
    return sorted(view.name for view in watched.informer._store.views())


def test_store_follows_the_server(server):  # contracts R1, R10, R11
    server.add(server.config_map("a"))
    watched = server.watch()
    assert watched.informer.wait_for_sync(PATIENCE)
    server.add(server.config_map("b"))
    watched.heard.until_told("test/a", "test/b")
    server.delete("a")
    watched.heard.until(lambda told: told.count("test/a") == 2)
    assert held(watched) == ["b"]
    assert [len(server.asked(verb)) for verb in ("list", "watch")] == [1, 1]


def test_watch_that_the_server_ends_is_resumed_without_a_list(server):  # contract R12
    watched = server.watch()
    server.until_asked("watch", 1)
    server.add(server.config_map("a"))
    watched.heard.until_told("test/a")
    server.api.cut_watches()
    server.until_asked("watch", 2)
    server.add(server.config_map("b"))
    watched.heard.until_told("test/b")
    assert len(server.asked("list")) == 1


def test_tombstone_on_missed_delete(server):  # contracts R15, S4
    server.add(server.config_map("a"))
    server.add(server.config_map("b"))
    watched = server.watch()
    watched.heard.until_told("test/a", "test/b")
    server.until_asked("watch", 1)
    with server.api.store.changed:  # the watch sees nothing of this, and the history is gone
        server.delete("a")
        server.add(server.config_map("c"))
        server.api.store.compact()
    watched.heard.until_told("test/c")
    assert held(watched) == ["b", "c"]
    (gone,) = [change for change in watched.heard.changes if change.new is None]
    assert (gone.key, gone.old.name) == ("test/a", "a")
    assert len(server.asked("list")) == 2


@pytest.mark.parametrize(
    ("fault", "lists"),
    [
        pytest.param(Fault(verb="watch", code=429, count=4), 1, id="429 four times: one list"),
        pytest.param(
            Fault(verb="watch", drop="before", count=4), 2, id="hung up on four times: one list, and one of one object"
        ),
        pytest.param(Fault(verb="watch", code=500), 2, id="a failure of the watch: another list"),
        pytest.param(Fault(verb="watch", code=403), 2, id="a refusal of the watch: another list"),
        pytest.param(Fault(verb="watch", code=410), 2, id="a version that is too old: another list"),
        pytest.param(Fault(verb="list", code=500, count=2), 3, id="two failures of the list: three lists"),
        pytest.param(Fault(verb="list", drop="after"), 2, id="an answer that is lost: the list again"),
    ],
)
def test_store_is_right_after_a_fault(server, fault, lists):  # contracts R14, R15, R16, C2
    server.add(server.config_map("a"))
    server.api.faults.add(fault)
    watched = server.watch()
    watched.heard.until_told("test/a")
    server.until_asked("list", lists)
    server.add(server.config_map("b"))
    watched.heard.until_told("test/b")
    assert len(server.asked("list")) == lists
    assert held(watched) == ["a", "b"]
    assert watched.informer.problem is None


def test_kind_that_is_installed_after_us_is_found(server):  # contracts C15, R22
    watched = server.watch(WIDGETS, ServedVersion(server.client, WIDGET))
    assert watched.failed.wait(PATIENCE)
    assert watched.informer.problem.startswith("widgets.example.com is not served by the API server: install the")
    server.add(CRD)
    server.add({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "test"}})
    watched.heard.until_told("test/a")
    assert watched.informer.problem is None


def test_unknown_fields_survive_read_modify_write(server):  # contracts C12, C13
    server.add(CRD)
    odd = {"containers": None, "new": {"field": [1, None, {"deep": None}]}, "kept": 1.5}
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "test"}}
    server.client.create(WIDGETS, "test", {**widget, "spec": odd})
    read = server.client.get(WIDGETS, "test", "a")
    server.client.json_patch(
        WIDGETS,
        "test",
        "a",
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": read["metadata"]["resourceVersion"]},
            {"op": "add", "path": "/spec/ours", "value": 1},
        ],
    )
    assert server.client.get(WIDGETS, "test", "a")["spec"] == {**odd, "ours": 1}


def test_patch_with_a_stale_precondition_changes_nothing(server):  # contracts C12, C5
    server.add(server.config_map("a", x="1"))
    read = server.client.get(CONFIG_MAPS, "test", "a")
    version = read["metadata"]["resourceVersion"]
    server.client.merge_patch(CONFIG_MAPS, "test", "a", {"data": {"x": "2"}})
    with pytest.raises(ConflictError):
        server.client.merge_patch(CONFIG_MAPS, "test", "a", {"metadata": {"resourceVersion": version}, "data": None})
    with pytest.raises(ConflictError):
        server.client.json_patch(
            CONFIG_MAPS, "test", "a", [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
        )
    assert server.client.get(CONFIG_MAPS, "test", "a")["data"] == {"x": "2"}


def test_missing_object_and_missing_kind_are_told_apart(server):  # contract C5
    with pytest.raises(NotFoundError) as missing:
        server.client.get(SERVICES.newest, "test", "nobody")
    assert not isinstance(missing.value, KindNotServedError)
    with pytest.raises(KindNotServedError):
        server.client.get(WIDGETS, "test", "nobody")


def test_write_sent_once_on_dropped_connection(server):  # contract C1
    server.add(server.config_map("a", n="1"))
    server.api.faults.add(Fault(verb="patch", drop="after", count=-1))
    with pytest.raises(TransportError, match="broke off"):
        server.client.json_patch(CONFIG_MAPS, "test", "a", [{"op": "add", "path": "/data/m", "value": "1"}])
    assert len(server.asked("patch")) == 1
    server.api.faults.clear()
    assert server.client.get(CONFIG_MAPS, "test", "a")["data"] == {"n": "1", "m": "1"}


def test_answer_to_a_write_is_read_back_at_once(server):  # contracts S19, S22
    server.add(server.config_map("a", x="1"))
    watched = server.watch()
    watched.heard.until_told("test/a")
    answer = server.client.merge_patch(CONFIG_MAPS, "test", "a", {"data": {"y": "2"}})
    watched.informer.write_through(answer)
    found = watched.informer.get("test", "a")
    assert found.resource_version == answer["metadata"]["resourceVersion"]
    assert sorted(found.labels) == ["x", "y"]
