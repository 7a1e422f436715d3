"""One Namespace object, read and watched by what a Role in it can grant."""

import json

import pytest

from informers.client import KubeClient
from informers.errors import NotFoundError, ServerError, TransportError
from informers.namespaces import NamespaceView, OneNamespaceSource, view
from informers.stop import Stop
from tests.fakes.api import FakeApi, refuses, says, streams

META = {"name": "test", "uid": "u", "resourceVersion": "7"}
NAMESPACE = {"kind": "Namespace", "metadata": META}


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


def breaks_off(handler):
    """Send less than was announced."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kind": ')
    handler.close_connection = True


@pytest.fixture
def source(api, tmp_path):
    client = KubeClient(api.login(tmp_path), user_agent="x", pool_size=4)
    yield OneNamespaceSource(client, "test")
    client.close()


def listed(source):
    taken = []
    page = source.list(resource_version="0", limit=500, continue_token="", take=taken.append, stop=Stop())
    return page, taken


@pytest.mark.parametrize(
    ("meta", "terminating"), [({}, False), ({"deletionTimestamp": None}, False), ({"deletionTimestamp": "2018"}, True)]
)
def test_namespace_is_terminating_once_it_is_marked(meta, terminating):
    assert view({"metadata": {**META, **meta}}, None) == NamespaceView("test", "u", "7", terminating)


def test_one_object_is_the_whole_list_at_its_own_version(api, source):
    api.default = says(NAMESPACE)
    page, taken = listed(source)
    assert (page.resource_version, page.continue_token, taken) == ("7", "", [NAMESPACE])
    assert (api.requests[0].path, api.requests[0].query) == ("/api/v1/namespaces/test", {})


def test_watch_takes_the_path_that_a_role_can_grant(api, source):
    change = json.dumps({"type": "MODIFIED", "object": NAMESPACE}).encode() + b"\n"
    api.default = streams([change])
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        assert [(event.type, event.object) for event in events] == [("MODIFIED", NAMESPACE)]
    request = api.requests[0]
    assert request.path == "/api/v1/watch/namespaces/test"
    assert (request.query["resourceVersion"], request.query["timeoutSeconds"]) == ("7", "300")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (refuses(404, "NotFound"), NotFoundError, "namespaces"),
        (says({"kind": "Table", "metadata": {}}), ServerError, "the answer is not a Namespace"),
        (says({"kind": "Namespace", "metadata": {}}), ServerError, "the answer is not a Namespace"),
        (says({"kind": "Namespace", "metadata": []}), ServerError, "the answer is not a Namespace"),
        (says([]), ServerError, "JSON that is not an object"),
        (says(b"<html>"), ServerError, "which is not JSON"),
        (streams([b'{"kind": "Namesp']), ServerError, "which is not JSON"),
        (breaks_off, TransportError, "broke off"),
    ],
    ids=["no such namespace", "table", "no version", "no metadata", "no object", "html", "ends early", "breaks off"],
)
def test_answer_that_is_not_the_namespace_is_an_error(api, source, answer, error, text):
    api.default = answer
    with pytest.raises(error, match=text):
        listed(source)
