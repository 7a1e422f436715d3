"""From an answer of Prometheus to a number: any answer is a number, no data, or a sentence."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.answers import Answer, AnswerError, number_in, numbers_in
from metrics.queries import QUERIES
from metrics.types import Value


def answer(body, status=200, reason=b"OK", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, reason, {name.encode(): value for name, value in headers.items()}, data)


def success(data, **more):
    return {"status": "success", "data": data, **more}


def vector(*values, **more):
    return success({"resultType": "vector", "result": [{"metric": {}, "value": [1, v]} for v in values]}, **more)


def scalar(value):
    return success({"resultType": "scalar", "result": [1, value]})


def problem(an_answer):
    with pytest.raises(AnswerError) as raised:
        number_in(an_answer)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5),
        ("1", 1.0),
        ("-10", -10.0),
        ("+1.5e-07", 1.5e-07),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e+308", 1e308),
        ("NaN", None),
        ("Inf", None),
        ("+Inf", None),
        ("-Inf", None),
        ("1e999", None),
        ("9" * 400, None),
    ],
)
def test_number_as_prometheus_writes_it(text, number):
    assert number_in(answer(vector(text))) == number
    assert number_in(answer(scalar(text))) == number


def test_no_series_is_no_data():
    assert number_in(answer(vector())) is None


@pytest.mark.parametrize(
    "value",
    [True, 1, 0.5, 10**400, None, [], {}, "true", "", " 1", "1_0", "\u0661", "infinity", "nan", "0x1", "1\n", "1 2"],
    ids=repr,
)
def test_what_only_looks_like_a_number_is_none(value):
    for said in (vector(value), scalar(value)):
        assert problem(answer(said)) == "answered with JSON that is not a query result"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "vector",
        {},
        {"resultType": "vector"},
        {"resultType": None, "result": []},
        {"resultType": "vector", "result": None},
        {"resultType": "vector", "result": {}},
        {"resultType": "vector", "result": "ab"},
        {"resultType": "vector", "result": [None]},
        {"resultType": "vector", "result": [{}]},
        {"resultType": "vector", "result": [{"value": ["1"]}]},
        {"resultType": "vector", "result": [{"value": [1, "1", 2]}]},
        {"resultType": "vector", "result": [{"histogram": [1, {}]}]},
        {"resultType": "scalar", "result": [1]},
    ],
    ids=repr,
)
def test_what_is_no_query_result_says_so(data):
    assert problem(answer(success(data))) == "answered with JSON that is not a query result"


def test_other_results_are_named():
    assert problem(answer(vector("1", "2", "3"))) == "answered with 3 series where one was expected"
    for kind in ("matrix", "string"):
        text = f"answered with a {kind} where a vector was expected"
        assert problem(answer(success({"resultType": kind, "result": [1, "1"]}))) == text
    long = success({"resultType": "x" * 10**6, "result": []})
    assert len(problem(answer(long))) < 120


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (vector("1", warnings=["store away: timeout", "another"]), "store away: timeout"),
        (vector("1", warnings=["two\nlines \ud800"]), "two lines"),
        (vector(warnings=["no store answered"]), "no store answered"),
        (vector("1", warnings=[7]), "it gives no reason"),
        (vector("1", warnings="words"), "words"),
        (vector("1", isPartial=True), "it gives no reason"),
        ({**vector("1"), "status": "partial"}, "it gives no reason"),
    ],
    ids=repr,
)
def test_a_part_of_the_data_is_no_number(said, words):
    assert problem(answer(said)) == f"answered only in part: {words}"


def test_infos_are_no_sign_of_missing_data():
    info = "PromQL info: input to histogram_quantile needed to be fixed for monotonicity"
    assert number_in(answer(vector("1", warnings=[], infos=[info], isPartial=False))) == 1.0


@pytest.mark.parametrize(
    ("an_answer", "text"),
    [
        (answer({"status": "error", "errorType": "bad_data", "error": "no"}, 400), "answered bad_data: no"),
        (answer({"status": "error"}), "answered error: it gives no reason"),
        (answer({"status": "error", "errorType": 7, "error": ["x"]}), "answered error: it gives no reason"),
        (
            answer({"status": "error", "errorType": "\ud800", "error": "\x1b[2J"}),
            "answered error: [2J",
        ),
        (answer(b"no org id\n", 401, b"Unauthorized"), "answered 401 Unauthorized: no org id"),
        (answer({"message": "no"}, 403, b""), 'answered 403: {"message": "no"}'),
        (answer(b"<html>", 502, b"Bad Gateway"), "answered 502 Bad Gateway"),
        (answer(b"", 503, b"Service\x1bUnavailable"), "answered 503 Service Unavailable"),
        (answer(b"", 204, b"No Content"), "answered 204 No Content"),
        (
            answer(b"", 302, b"Found", location=b"https://u:secret@sso.example/login?secret"),
            "answered 302 Found: it redirects to https://sso.example/login, and that is not followed",
        ),
        (answer(b"", 307, b"x"), "answered 307 x: it redirects to nowhere, and that is not followed"),
        (
            answer(b"<html>", **{"content-type": b"text/html"}),
            "answered text/html where JSON of Prometheus was expected, is the address right?",
        ),
        (answer([]), "answered no content type where JSON of Prometheus was expected, is the address right?"),
        (
            answer({"status": []}),
            "answered no content type where JSON of Prometheus was expected, is the address right?",
        ),
    ],
)
def test_anything_else_says_what_was_answered(an_answer, text):
    assert problem(an_answer) == text


@pytest.mark.parametrize(
    "an_answer",
    [
        answer({"status": "error", "errorType": "x" * 10**6, "error": "y" * 10**6}),
        answer(b"x" * 10**6, 500, b"r" * 10**5),
        answer(b"", 302, b"r" * 10**5, location=b"http://x/" + b"l" * 10**6),
        answer(b"", **{"content-type": b"c" * 10**6}),
        answer(vector("1", warnings=["w" * 10**6])),
        answer(b"[" * 10**6),
        answer(b'{"status":' * 10**5),
        answer(b"9" * 10**6),
    ],
    ids=["error", "500", "redirect", "type", "warning", "brackets", "objects", "digits"],
)
def test_however_much_is_said_the_sentence_is_short(an_answer):
    assert len(problem(an_answer)) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
WORDS = st.sampled_from(["success", "error", "partial", "vector", "scalar", "matrix", "string"])
NEARLY = st.fixed_dictionaries(
    {"status": WORDS | JSON},
    optional={
        "data": JSON | st.fixed_dictionaries({"resultType": WORDS | JSON, "result": JSON | st.lists(
            st.fixed_dictionaries({"value": st.lists(JSON | st.floats().map(str), max_size=3)}) | JSON, max_size=2,
        )}),
        **dict.fromkeys(("errorType", "error", "warnings", "infos", "isPartial"), JSON),
    },
)  # fmt: skip


@given(
    st.integers(100, 999),
    st.binary(max_size=50),
    st.dictionaries(st.sampled_from([b"location", b"content-type", b"x"]), st.binary(max_size=50)),
    st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode) | NEARLY.map(json.dumps).map(str.encode),
)
@example(200, b"OK", {}, json.dumps(vector("9" * 400)).encode())
@example(200, b"OK", {}, json.dumps(vector("1e308")).encode())
@example(200, b"OK", {}, json.dumps(vector(10**400)).encode())
@example(200, b"OK", {}, b"[" * 100_000)
def test_any_answer_is_a_number_or_no_data_or_a_sentence(status, reason, headers, body):
    number, sentence = None, ""
    try:
        number = number_in(Answer(status, reason, headers, body))
    except AnswerError as error:
        sentence = str(error)
    assert sentence.isprintable()
    assert len(sentence) < 400
    if number is None:
        return
    assert isinstance(number, float)
    assert math.isfinite(number)
    for kind in QUERIES.values():
        value = kind.reading(number)
        assert value is None or (isinstance(value, Value) and math.isfinite(value.number) and value.number >= 0)


def test_answer_can_be_changed_as_a_whole():
    changed = answer(b"b", 500, b"r", h=b"v").changed(bytes.upper)
    assert changed == Answer(500, b"R", {b"h": b"V"}, b"B")


def of_many(*series, kind="vector"):
    body = json.dumps({"status": "success", "data": {"resultType": kind, "result": list(series)}}).encode()
    return numbers_in(Answer(200, b"OK", {}, body), ("a", "b"))


def one(value="1", **labels):
    return {"metric": labels, "value": [0, value]}


def test_numbers_of_many_are_told_apart_by_their_labels():  # contract O4
    found = of_many(one("0.5", a="x", b="y", c="z"), one("NaN", a="x", b="z"))
    assert found == {("x", "y"): 0.5, ("x", "z"): None}
    assert of_many() == {}


@pytest.mark.parametrize(
    ("series", "kind"),
    [
        pytest.param((one(),), "vector", id="no labels"),
        pytest.param((one(a="x"),), "vector", id="a label is missing"),
        pytest.param((one(a="x", b=1),), "vector", id="a label is no text"),
        pytest.param((None,), "vector", id="no series"),
        pytest.param((one(a="x", b="y"), one("2", a="x", b="y")), "vector", id="two of the same labels"),
        pytest.param((0, "1"), "scalar", id="a scalar"),
    ],
)
def test_answer_that_cannot_be_told_apart_is_none(series, kind):  # contract O4
    with pytest.raises(AnswerError, match="not a query result"):
        of_many(*series, kind=kind)
