"""The one client (contracts C), against a server that misbehaves on request."""

import contextlib
import itertools
import threading
import time

import pytest

from controller.resources import CANARIES, EVENTS
from deploy.deployments import DEPLOYMENTS
from informers import client as client_module
from informers.client import KubeClient
from informers.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    KindNotServedError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
    error_from,
    error_from_status,
)
from tests.fakes.api import FakeApi, hangs_up, kept, refuses, says, streams

PATH = "/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo"


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


@pytest.fixture
def counted():
    return []


@pytest.fixture
def client(api, tmp_path, counted):
    login = api.login(tmp_path, {"token": "secret\n"})
    it = KubeClient(login, user_agent="flagger/1", pool_size=4, count=lambda *request: counted.append(request[:3]))
    yield it
    it.close()


def test_requests_say_what_they_are(api, client, counted):  # contracts C12, C14
    api.default = says(kept(kind="Canary"))
    client.get(CANARIES, "test", "podinfo")
    client.create(EVENTS, "test", {"metadata": {"name": "e"}, "ü": None})
    client.json_patch(DEPLOYMENTS.newest, "test", "podinfo", ({"op": "test"},))
    client.merge_patch(CANARIES, "test", "podinfo", {"status": {}}, subresource="status")
    client.get_path("/apis")
    sent = [(r.method, r.path, r.headers.get("content-type")) for r in api.requests]
    assert sent == [
        ("GET", PATH, None),
        ("POST", "/api/v1/namespaces/test/events", "application/json"),
        ("PATCH", "/apis/apps/v1/namespaces/test/deployments/podinfo", "application/json-patch+json"),
        ("PATCH", f"{PATH}/status", "application/merge-patch+json"),
        ("GET", "/apis", None),
    ]
    assert api.requests[1].json() == {"metadata": {"name": "e"}, "ü": None}
    assert api.requests[2].json() == [{"op": "test"}]
    assert {r.headers["user-agent"] for r in api.requests} == {"flagger/1"}
    assert {r.headers["authorization"] for r in api.requests} == {"Bearer secret"}
    assert counted == [
        ("get", "canaries", 200),
        ("create", "events", 200),
        ("patch", "deployments", 200),
        ("patch", "canaries", 200),
        ("get", "", 200),
    ]


def test_request_without_an_answer_is_counted_with_its_time(api, tmp_path):
    counted = []
    clock = itertools.count(step=2.5)
    login = api.login(tmp_path)
    client = KubeClient(
        login,
        user_agent="x",
        pool_size=1,
        count=lambda *request: counted.append(request),
        monotonic=lambda: next(clock),
    )
    api.default = hangs_up
    with pytest.raises(TransportError):
        client.create(EVENTS, "test", {})
    assert counted == [("create", "events", 0, 2.5)]
    client.close()


def test_path_prefix_of_the_host_is_kept_and_the_namespace_known(api, tmp_path):  # contract C14
    client = KubeClient(api.login(tmp_path, prefix="/prefix/"), user_agent="x", pool_size=1)
    client.get(CANARIES, "test", "podinfo")
    assert api.requests[0].path == f"/prefix{PATH}"
    assert client.host == f"{api.url}/prefix"
    assert client.namespace == "test"
    assert "authorization" not in api.requests[0].headers
    client.close()


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.merge_patch(CANARIES, "test", "podinfo", {}),
        lambda c: c.json_patch(CANARIES, "test", "podinfo", []),
        lambda c: c.create(EVENTS, "test", {}),
    ],
    ids=["merge patch", "json patch", "create"],
)
def test_write_sent_once_on_dropped_connection(api, client, write):  # contract C1
    client.get(CANARIES, "test", "warm")
    api.answers = [hangs_up]
    with pytest.raises(TransportError, match="the connection broke off"):
        write(client)
    assert len(api.requests) == 2


def test_read_is_repeated_once_on_a_kept_connection_that_was_closed(api, client):  # contract C2
    api.answers = [says(kept()), hangs_up, says(kept(found=True))]
    client.get(CANARIES, "test", "warm")
    assert client.get(CANARIES, "test", "podinfo") == kept(found=True)
    api.answers = [hangs_up, hangs_up]
    with pytest.raises(TransportError, match="get canaries: http"):
        client.get(CANARIES, "test", "podinfo")


def test_401_forces_one_reload_and_one_repeat(api, tmp_path):  # contract C9
    token = tmp_path / "token"
    token.write_text("old\n")
    clock = [100.0]
    login = api.login(tmp_path, {"tokenFile": str(token)})
    client = KubeClient(login, user_agent="x", pool_size=2, monotonic=lambda: clock[0])
    clock[0] += 11
    token.write_text(" new\n")
    api.answers = [refuses(401, "Unauthorized"), says(kept(ok=True))]
    assert client.merge_patch(CANARIES, "test", "podinfo", {}) == kept(ok=True)
    assert [r.headers["authorization"] for r in api.requests] == ["Bearer old", "Bearer new"]
    api.answers = [refuses(401, "Unauthorized")]
    with pytest.raises(UnauthorizedError):
        client.get(CANARIES, "test", "podinfo")
    assert len(api.requests) == 3
    client.close()


def test_token_rotation(api, tmp_path):  # contract C8
    token = tmp_path / "token"
    token.write_text("first\n")
    clock = [0.0]
    client = KubeClient(
        api.login(tmp_path, {"tokenFile": str(token)}), user_agent="x", pool_size=2, monotonic=lambda: clock[0]
    )
    client.get(CANARIES, "test", "a")
    token.write_text("second\n")
    clock[0] = 60.0
    client.get(CANARIES, "test", "a")
    token.unlink()
    clock[0] = 120.0
    client.get(CANARIES, "test", "a")
    assert [r.headers["authorization"] for r in api.requests] == ["Bearer first", "Bearer second", "Bearer second"]
    client.close()


def test_unknown_fields_survive_read_modify_write(api, client):  # contracts C12, C13
    obj = kept(spec={"containers": None, "new": {"field": [1, None]}})
    api.default = says(obj)
    assert client.get(DEPLOYMENTS.newest, "test", "podinfo") == obj
    client.create(DEPLOYMENTS.newest, "test", obj)
    assert api.requests[1].json() == obj


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (refuses(404, "NotFound", details={"name": "podinfo"}), NotFoundError, "get canaries podinfo: 404 NotFound"),
        (says(b"404 page not found", 404), KindNotServedError, "404 page not found"),
        (refuses(404, "NotFound"), KindNotServedError, "404"),
        (refuses(403, "Forbidden", message="no way"), ForbiddenError, "get canaries podinfo: 403 Forbidden: no way"),
        (refuses(409, "Conflict"), ConflictError, "409 Conflict"),
        (refuses(409, "AlreadyExists"), AlreadyExistsError, "AlreadyExists"),
        (refuses(410, "Expired"), ExpiredError, "410"),
        (refuses(410, "Gone"), ExpiredError, "Gone"),
        (refuses(422, "Invalid"), InvalidError, "422"),
        (refuses(500, "InternalError"), ServerError, "500"),
        (says(b"", 503), ServerError, r"503 : \(nothing\)"),
        (says(b"<html>", 302, Location="http://elsewhere"), ServerError, "302"),
        (says(b"<html>hello"), ServerError, "which is not JSON"),
        (says(b"[1]"), ServerError, "JSON that is not an object"),
        (says(b'"\xff"'), ServerError, "which is not JSON"),
        (hangs_up, TransportError, "the connection broke off"),
    ],
    ids=[
        "object",
        "path",
        "status without a name",
        "forbidden",
        "conflict",
        "exists",
        "expired",
        "gone",
        "invalid",
        "failure",
        "empty",
        "redirect",
        "html",
        "list",
        "no utf-8",
        "hangs up",
    ],
)
def test_errors_say_what_happened_to_which_request(api, client, answer, error, text):  # contract C5
    api.default = answer
    with pytest.raises(error, match=text):
        client.get(CANARIES, "test", "podinfo")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        {"name": 5, "uid": "u", "resourceVersion": "1"},
        {"name": "podinfo", "resourceVersion": "1"},
        {"name": "podinfo", "uid": "u", "resourceVersion": 1},
    ],
)
def test_answer_without_identity_is_no_object(api, client, metadata):
    api.default = says({"metadata": metadata, "spec": {}})
    for ask in (
        lambda: client.get(CANARIES, "test", "podinfo"),
        lambda: client.create(CANARIES, "test", {"metadata": {"name": "podinfo"}}),
        lambda: client.replace(CANARIES, "test", "podinfo", {}),
        lambda: client.merge_patch(CANARIES, "test", "podinfo", {}),
        lambda: client.json_patch(CANARIES, "test", "podinfo", []),
    ):
        with pytest.raises(ServerError, match=r"canaries podinfo: .* answered what is no object: metadata must "):
            ask()


def test_failing_test_of_a_json_patch_is_a_conflict_and_an_invalid_object_is_not(api, client):  # contract C5
    api.default = refuses(422, "Invalid", message="the server rejected our request due to an error in our request")
    with pytest.raises(ConflictError):
        client.json_patch(CANARIES, "test", "podinfo", [])
    api.default = refuses(422, "Invalid", details={"causes": [{"reason": "FieldValueInvalid", "field": "spec"}]})
    with pytest.raises(InvalidError) as raised:
        client.json_patch(CANARIES, "test", "podinfo", [])
    assert (raised.value.causes[0].reason, raised.value.causes[0].field) == ("FieldValueInvalid", "spec")


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"headers": {"Retry_After": "7"}}, 7.0),
        ({"details": {"retryAfterSeconds": 3}}, 3.0),
        ({"headers": {"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}}, None),
        ({"headers": {"Retry_After": "Wed, 21 Oct 2999 07:28:00 GMT"}}, 600.0),
        ({"headers": {"Retry_After": "1e999"}}, 600.0),
        ({}, None),
    ],
    ids=["header", "details", "past date", "far date", "for ever", "nothing"],
)
def test_retry_after_is_handed_on(api, client, more, seconds):  # contract C3
    api.default = refuses(429, "TooManyRequests", **more)
    with pytest.raises(TooManyRequestsError) as raised:
        client.get(CANARIES, "test", "podinfo")
    assert raised.value.retry_after == seconds
    assert len(api.requests) == 1


def test_status_in_a_stream_is_the_same_error():
    error = error_from_status("watch canaries", {"kind": "Status", "code": 410, "reason": "Expired", "message": "old"})
    assert isinstance(error, ExpiredError)
    assert str(error) == "watch canaries: 410 Expired: old"


def test_status_that_is_none_is_an_error_all_the_same():
    assert type(error_from("x", 500, b'{"kind": "Other", "reason": "Expired"}')) is ServerError


def test_server_that_cannot_be_reached_is_named(tmp_path):
    with FakeApi() as api:
        login = api.login(tmp_path)
        url = api.url
    client = KubeClient(login, user_agent="x", pool_size=1)
    with pytest.raises(TransportError, match=f"{url} cannot be reached, is the address right"):
        client.get(CANARIES, "test", "podinfo")
    client.close()


def test_server_that_does_not_answer_in_time(api, client, monkeypatch):  # contract C4
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.05)
    gone = threading.Event()
    api.default = streams([], then=gone)
    api.default = lambda handler: gone.wait(5) and hangs_up(handler)
    with pytest.raises(TransportError, match="did not answer in time"), contextlib.closing(client):
        client._send("get", CANARIES, PATH, read_seconds=0.05)
    gone.set()


def test_answer_that_breaks_off(api, client):
    def breaks_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.close_connection = True

    api.default = breaks_off
    with pytest.raises(TransportError, match=r"get canaries podinfo: the answer from .* broke off"):
        client.get(CANARIES, "test", "podinfo")


def test_stream_that_is_refused_is_an_error(api, client):
    api.default = refuses(403, "Forbidden")
    with pytest.raises(ForbiddenError, match="watch canaries"):
        client.open("watch", CANARIES, "/x", {"watch": True}, read_seconds=5)


def test_booleans_in_queries_are_lower_case(api, client):  # contract C14
    client.open("watch", CANARIES, "/x", {"watch": True, "n": 5}, read_seconds=5).close()
    assert api.requests[0].query == {"watch": "true", "n": "5"}


def test_pool_discards_no_connection(api, client):  # contract C7
    threads = [threading.Thread(target=lambda: client.get(CANARIES, "test", "a")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.requests) == 4


def test_no_request_waits_because_of_those_before_it(api, client):  # contract C6
    began = time.monotonic()
    for _ in range(100):  # client-go's limiter would take 18 s: 10 at once, then 5 a second
        client.get(CANARIES, "test", "a")
    assert len(api.requests) == 100
    assert time.monotonic() - began < 15


def test_base_error_carries_nothing_it_was_not_given():
    error = ApiError("x")
    assert (error.code, error.reason, error.causes, error.retry_after) == (0, "", (), None)
