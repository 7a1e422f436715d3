"""Which error an answer becomes (contract C5)."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from informers.errors import (
    AlreadyExistsError,
    ApiError,
    Cause,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    KindNotServedError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    error_from,
    error_from_status,
    is_refusal,
)

NAMED = {"name": "podinfo"}


def status(code, reason="", **more):
    return {"kind": "Status", "code": code, "reason": reason, "message": "said", **more}


def body(*args, **more):
    return json.dumps(status(*args, **more)).encode()


@pytest.mark.parametrize(
    ("code", "reason", "details", "error"),
    [
        pytest.param(400, "BadRequest", {}, InvalidError, id="a bad request is invalid"),
        pytest.param(401, "Unauthorized", {}, UnauthorizedError, id="credentials that are not accepted"),
        pytest.param(403, "Forbidden", {}, ForbiddenError, id="RBAC says no"),
        pytest.param(404, "NotFound", NAMED, NotFoundError, id="an object that is missing has a name"),
        pytest.param(404, "NotFound", {}, KindNotServedError, id="a path that is missing has none"),
        pytest.param(409, "Conflict", NAMED, ConflictError, id="a precondition failed"),
        pytest.param(409, "AlreadyExists", NAMED, AlreadyExistsError, id="the reason wins over the code"),
        pytest.param(410, "", {}, ExpiredError, id="code 410 is enough"),
        pytest.param(500, "Expired", {}, ExpiredError, id="reason Expired is enough"),
        pytest.param(0, "Gone", {}, ExpiredError, id="so is reason Gone"),
        pytest.param(415, "UnsupportedMediaType", {}, InvalidError, id="a patch type that is not supported"),
        pytest.param(422, "Invalid", NAMED, InvalidError, id="an object that is invalid"),
        pytest.param(429, "", {}, TooManyRequestsError, id="code 429 is enough"),
        pytest.param(503, "TooManyRequests", {}, TooManyRequestsError, id="so is its reason"),
        pytest.param(504, "Timeout", {}, ServerError, id="whatever else is the server's fault"),
        pytest.param(302, "", {}, ServerError, id="a redirect is no answer"),
    ],
)
def test_error_is_told_by_reason_then_code(code, reason, details, error):  # contract C5
    found = error_from("get canaries podinfo", code, body(code, reason, details=details))
    assert type(found) is error
    assert (found.code, found.reason) == (code, reason)
    assert str(found) == f"get canaries podinfo: {code} {reason}: said"


def test_status_in_a_stream_is_told_apart_alike():  # contracts C5, R14, R15
    found = error_from_status("watch canaries", status(429, "TooManyRequests", details={"retryAfterSeconds": 4}))
    assert type(found) is TooManyRequestsError
    assert found.retry_after == 4.0
    assert error_from_status("watch canaries", {}).code == 0


def test_causes_are_kept_also_where_they_are_incomplete():  # contracts C5, R6
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large", "field": "f"}, {"message": "only this"}]
    found = error_from("x", 504, body(504, "Timeout", details={"causes": causes}))
    assert found.causes == (Cause("ResourceVersionTooLarge", "Too large", "f"), Cause("", "only this", ""))


@pytest.mark.parametrize("empty", [{"details": None}, {"details": {"causes": None}}, {"reason": None}], ids=repr)
def test_nulls_in_a_status_are_as_if_nothing_stood_there(empty):  # contracts C5, C13
    found = error_from("x", 500, body(500, **empty))
    assert (type(found), found.causes, found.reason) == (ServerError, (), "")


@pytest.mark.parametrize(
    ("code", "causes", "json_patch", "error"),
    [
        pytest.param(422, [], True, ConflictError, id="a failed test of a JSON patch is a conflict"),
        pytest.param(422, [{"reason": "FieldValueInvalid"}], True, InvalidError, id="validation names causes"),
        pytest.param(422, [], False, InvalidError, id="of another patch it is invalid"),
        pytest.param(403, [], True, ForbiddenError, id="other codes mean what they mean"),
    ],
)
def test_failed_precondition_of_a_json_patch(code, causes, json_patch, error):  # contracts C5, C12
    found = error_from("x", code, body(code, details={"causes": causes}), json_patch=json_patch)
    assert type(found) is error


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        pytest.param("2", {"retryAfterSeconds": 9}, 2.0, id="the header wins"),
        pytest.param(None, {"retryAfterSeconds": 9}, 9.0, id="the details are enough"),
        pytest.param(
            "soon", {"retryAfterSeconds": 9}, None, id="a header that is neither number nor date says nothing"
        ),
        pytest.param("inf", {}, 600.0, id="for ever is cut"),
        pytest.param("9" * 400, {}, 600.0, id="so are 400 digits"),
        pytest.param(None, {"retryAfterSeconds": 10**400}, 600.0, id="in the details too"),
        pytest.param("99999999999", {}, 600.0, id="and three thousand years"),
        pytest.param("nan", {}, None, id="not a number is no wait"),
        pytest.param("-5", {}, None, id="nor is a negative one"),
        pytest.param(None, {"retryAfterSeconds": True}, None, id="nor a boolean"),
        pytest.param(None, {"retryAfterSeconds": [9]}, None, id="nor a list"),
        pytest.param("", {}, None, id="an empty one neither"),
        pytest.param(None, {"retryAfterSeconds": 0}, None, id="nor does zero"),
    ],
)
def test_wait_that_the_server_asks_for(header, details, seconds):  # contracts C3, C5
    assert error_from("x", 429, body(429, details=details), retry_after=header).retry_after == seconds


@given(st.integers(100, 599), st.binary(max_size=400))
def test_any_answer_becomes_an_error_that_names_the_request(code, answer):  # contract C5
    found = error_from("get canaries podinfo", code, answer)
    assert isinstance(found, ApiError)
    assert found.code == code
    assert str(found).startswith(f"get canaries podinfo: {code} ")


def test_long_answer_that_is_no_status_is_quoted_in_part_and_an_empty_one_is_said_to_be():  # contract C5
    assert str(error_from("x", 502, b"<html>" + b"a" * 1000)) == f"x: 502 : <html>{'a' * 194}"
    assert str(error_from("x", 502, b"")) == "x: 502 : (nothing)"
    assert str(error_from("x", 502, b"\xff")) == "x: 502 : \N{REPLACEMENT CHARACTER}"


@given(st.floats(0, exclude_min=True, allow_nan=False))
def test_any_number_of_seconds_is_read_up_to_ten_minutes(seconds):  # contract C3
    found = error_from("x", 503, b"", retry_after=repr(seconds)).retry_after
    assert found is not None
    assert math.isclose(found, min(seconds, 600.0))


@pytest.mark.parametrize(
    ("until", "now", "seconds"),
    [
        pytest.param("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0, id="counted by its clock"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT", None, id="in the past"),
        pytest.param("Wed, 21 Oct 2926 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT", 600.0, id="in 900 years"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, None, id="a server that does not say what time it is"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", "now", None, id="nor in a way that can be read"),
        pytest.param("Wed, 21 Oct 2026 07:28:00", "Wed, 21 Oct 2026 07:27:00 GMT", 60.0, id="without a zone it is GMT"),
        pytest.param("Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:00 GMT", None, id="no such day"),
    ],
)
def test_wait_until_a_date(until, now, seconds):  # contract C3
    assert error_from("x", 503, b"", retry_after=until, date=now).retry_after == seconds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CAUSE = st.fixed_dictionaries({}, optional=dict.fromkeys(("reason", "message", "field"), JSON))
STATUS = st.fixed_dictionaries(
    {"kind": st.just("Status")},
    optional={
        "code": JSON,
        "reason": JSON | st.sampled_from(["Expired", "Conflict", "TooManyRequests"]),
        "message": JSON,
        "details": JSON
        | st.fixed_dictionaries(
            {}, optional={"name": JSON, "causes": JSON | st.lists(JSON | CAUSE), "retryAfterSeconds": JSON}
        ),
    },
)


def assert_is_whole(found):
    assert isinstance(found, ApiError)
    assert type(found.code) is int
    assert isinstance(found.reason, str)
    assert all(isinstance(text, str) for cause in found.causes for text in (cause.reason, cause.message, cause.field))
    assert found.retry_after is None or 0 < found.retry_after <= 600
    str(found).encode()
    assert len(str(found)) < 3000


@given(STATUS | JSON, st.none() | st.text(max_size=30), st.none() | st.text(max_size=30))
def test_any_json_becomes_an_error_with_the_types_that_it_promises(answer, retry_after, date):  # contract C5
    sent = json.dumps(answer).encode()
    for json_patch in (False, True):
        found = error_from("x", 422, sent, retry_after=retry_after, date=date, json_patch=json_patch)
        assert_is_whole(found)
    assert_is_whole(error_from_status("watch canaries", answer))


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"kind": "Status", "code": "410"}, id="a code that is text"),
        pytest.param({"kind": "Status", "code": 1e999}, id="an infinite code"),
        pytest.param({"kind": "Status", "code": 10**400}, id="a code of 400 digits"),
        pytest.param({"kind": "Status", "code": 500, "details": ["x"]}, id="details that are a list"),
        pytest.param({"kind": "Status", "code": 500, "details": {"causes": 5}}, id="causes that are a number"),
        pytest.param({"kind": "Status", "code": 500, "details": {"causes": ["x"]}}, id="a cause that is text"),
        pytest.param({"kind": "Status", "code": 500, "reason": {"a": 1}}, id="a reason that is an object"),
        pytest.param({"kind": "Status", "code": 500, "message": "\ud800" * 9}, id="a message that is no text"),
        pytest.param({"kind": "Status", "code": 500, "message": "x" * 10**6}, id="a message of a megabyte"),
        pytest.param({"kind": "Status", "details": {"causes": [{}] * 10**4}}, id="ten thousand causes"),
        pytest.param([], id="a list"),
        pytest.param(None, id="nothing"),
    ],
)
def test_status_of_wrong_types_is_an_error_all_the_same(status):  # contract C5
    assert_is_whole(error_from("x", 500, json.dumps(status).encode()))
    found = error_from_status("watch canaries", status)
    assert_is_whole(found)
    assert len(found.causes) <= 100


def test_answer_that_nests_too_deeply_is_quoted_in_part():  # contract C5
    found = error_from("x", 500, b"[" * 100_000)
    assert str(found) == f"x: 500 : {'[' * 200}"


def test_status_in_a_stream_that_nests_too_deeply_is_an_error_all_the_same():  # contract C5
    nested = []
    for _ in range(100_000):
        nested = [nested]
    found = error_from_status("watch canaries", {"kind": "Status", "code": 410, "details": nested})
    assert str(found) == "watch canaries: 410 : (what nests too deeply)"
    while nested:  # or freeing it would nest as deeply
        nested = nested.pop()


@pytest.mark.parametrize("code", [409, 422])
@pytest.mark.parametrize(
    "words", ['admission webhook "policy" denied the request: no', "ValidatingAdmissionPolicy 'p' denied request: no"]
)
def test_denial_by_a_webhook_or_a_policy_is_no_conflict_whatever_its_code(code, words):
    body = json.dumps({"kind": "Status", "code": code, "message": words}).encode()
    error = error_from("patch virtualservices podinfo", code, body, json_patch=True)
    assert isinstance(error, InvalidError)
    assert is_refusal(error)


def test_name_of_an_object_makes_no_refusal():
    assert not is_refusal(error_from("patch virtualservices webhook-receiver", 504, b"timeout"))
    assert is_refusal(error_from("patch virtualservices podinfo", 500, b'failed calling webhook "policy"'))
