"""What the environment says is shown to Prometheus, what is refused at the start, and how tokens from files go on."""

import base64
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.access import access_of
from metrics.address import MetricsServerError
from tests.controller.clock import FakeClock

URL = "http://prometheus:9090"


def access(environ, url=URL, clock=None):
    return access_of(url, environ, clock or FakeClock())


def basic(login):
    return [(b"Authorization", b"Basic " + base64.b64encode(login.encode()))]


@pytest.mark.parametrize(
    ("environ", "url", "headers"),
    [
        pytest.param({}, URL, [], id="nothing"),
        pytest.param({"PROMETHEUS_TOKEN": " abc\r\n"}, URL, [(b"Authorization", b"Bearer abc")], id="token"),
        pytest.param(
            {"PROMETHEUS_TOKEN": "abc", "PROMETHEUS_TOKEN_FILE": "/nowhere", "PROMETHEUS_USERNAME": "u"},
            "http://v:w@p",
            [(b"Authorization", b"Bearer abc")],
            id="the token before all others",
        ),
        pytest.param({"PROMETHEUS_TOKEN": " \n", "PROMETHEUS_USERNAME": ""}, URL, [], id="empty ones are not set"),
        pytest.param(
            {"PROMETHEUS_USERNAME": "user\n", "PROMETHEUS_PASSWORD": " pass:word \n"},
            "http://v:w@p",
            basic("user: pass:word "),
            id="user and password without the line break of echo",
        ),
        pytest.param({"PROMETHEUS_USERNAME": "üser"}, URL, basic("üser:"), id="user alone"),
        pytest.param({}, "http://us%40er:p%2Fw%0A@p", basic("us@er:p/w"), id="user and password in the address"),
        pytest.param({}, "http://:pw@p", basic(":pw"), id="password in the address"),
        pytest.param(
            {"PROMETHEUS_HEADERS": "\nX-Scope-OrgID: team-a\r\n\n x-other :\ta b;c \n"},
            URL,
            [(b"X-Scope-OrgID", b"team-a"), (b"x-other", b"a b;c")],
            id="headers, one a line",
        ),
        pytest.param(
            {"PROMETHEUS_HEADERS": "Authorization: Token abc"}, URL, [(b"Authorization", b"Token abc")], id="any scheme"
        ),
        pytest.param(
            {"PROMETHEUS_HEADERS": "A: b", "PROMETHEUS_TOKEN": "abc"},
            URL,
            [(b"A", b"b"), (b"Authorization", b"Bearer abc")],
            id="headers beside a token",
        ),
    ],
)
def test_what_is_shown(environ, url, headers):
    it = access(environ, url)
    assert it.headers() == headers
    assert not it.renewed(headers)


HEADERS = "PROMETHEUS_HEADERS, line {}, is not a header in ASCII such as X-Scope-OrgID: team-a"
TOKEN = "{} must be one word of visible ASCII characters, and its character {} is U+{}"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"PROMETHEUS_TOKEN": "sec\nret"}, TOKEN.format("PROMETHEUS_TOKEN", 4, "000A")),
        ({"PROMETHEUS_TOKEN": "\ufeffsecret"}, TOKEN.format("PROMETHEUS_TOKEN", 1, "FEFF")),
        ({"PROMETHEUS_TOKEN": "sec ret"}, TOKEN.format("PROMETHEUS_TOKEN", 4, "0020")),
        ({"PROMETHEUS_TOKEN": "secretä"}, TOKEN.format("PROMETHEUS_TOKEN", 7, "00E4")),
        ({"PROMETHEUS_TOKEN": "secret\udcff"}, TOKEN.format("PROMETHEUS_TOKEN", 7, "DCFF")),
        ({"PROMETHEUS_HEADERS": "secret"}, HEADERS.format(1)),
        ({"PROMETHEUS_HEADERS": "A: b\n\nB:"}, HEADERS.format(3)),
        ({"PROMETHEUS_HEADERS": "A: b\n: secret"}, HEADERS.format(2)),
        ({"PROMETHEUS_HEADERS": "A b: secret"}, HEADERS.format(1)),
        ({"PROMETHEUS_HEADERS": "A: secret\x00"}, HEADERS.format(1)),
        ({"PROMETHEUS_HEADERS": "A: secretä"}, HEADERS.format(1)),
        ({"PROMETHEUS_HEADERS": "Host: secret"}, "PROMETHEUS_HEADERS, line 1: Host cannot be set"),
        ({"PROMETHEUS_HEADERS": "proxy-Authorization: secret"}, "line 1: proxy-Authorization cannot be set"),
        ({"PROMETHEUS_HEADERS": "Accept-Encoding: gzip"}, "line 1: Accept-Encoding cannot be set"),
        (
            {"PROMETHEUS_HEADERS": "authorization: secret", "PROMETHEUS_USERNAME": "u"},
            "PROMETHEUS_HEADERS holds an Authorization, and there are other credentials: keep one",
        ),
        (
            {"PROMETHEUS_USERNAME": "u:v", "PROMETHEUS_PASSWORD": "secret"},
            "PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD must be valid UTF-8, and the user without a colon",
        ),
        ({"PROMETHEUS_USERNAME": "u", "PROMETHEUS_PASSWORD": "secret\udcff"}, "must be valid UTF-8"),
        ({"PROMETHEUS_TOKEN_FILE": "/nowhere/token"}, "PROMETHEUS_TOKEN_FILE: /nowhere/token cannot be read: No such"),
        ({"PROMETHEUS_TOKEN_FILE": "/"}, "PROMETHEUS_TOKEN_FILE: / cannot be read: Is a directory"),
    ],
    ids=repr,
)
def test_what_cannot_be_sent_is_refused_without_its_value(environ, text):
    with pytest.raises(MetricsServerError) as raised:
        access(environ)
    assert text in str(raised.value)
    assert "secret" not in str(raised.value)


def test_user_with_a_colon_in_the_address_is_refused():
    with pytest.raises(MetricsServerError, match="the user and password of the address must be valid UTF-8"):
        access({}, "http://u%3Av:w@p")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not a text"),
        (b"\xef\xbb\xbfsecret", "must be one word of visible ASCII characters, and its character 1 is U+FEFF"),
        (b"sec\nret", "its character 4 is U+000A"),
    ],
)
def test_token_file_that_holds_no_token_is_refused(tmp_path, content, text):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(MetricsServerError, match=f"PROMETHEUS_TOKEN_FILE: {path}") as raised:
        access({"PROMETHEUS_TOKEN_FILE": str(path)})
    assert text in str(raised.value)


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


def shown(it):
    ((_, value),) = it.headers()
    return value.decode()


def test_token_file_is_read_again_after_ten_seconds(token_file):
    clock = FakeClock()
    it = access({"PROMETHEUS_TOKEN_FILE": f" {token_file}\n"}, clock=clock)
    token_file.write_text("second")
    clock.advance(9.9)
    assert shown(it) == "Bearer first"
    clock.advance(0.1)
    assert shown(it) == "Bearer second"
    token_file.write_text("third")
    clock.advance(9.9)
    assert shown(it) == "Bearer second"


def test_token_file_is_read_at_once_when_the_token_is_refused(token_file):
    it = access({"PROMETHEUS_TOKEN_FILE": str(token_file)})
    first = it.headers()
    assert not it.renewed(first)
    token_file.write_text("second")
    assert it.renewed(first)
    assert not it.renewed(it.headers())
    assert shown(it) == "Bearer second"


def test_token_that_cannot_be_read_again_stays(token_file, caplog):
    clock = FakeClock()
    it = access({"PROMETHEUS_TOKEN_FILE": str(token_file)}, clock=clock)
    for content in (b"", b"\xff", b"a b"):
        token_file.write_bytes(content)
        clock.advance(10)
        assert shown(it) == "Bearer first"
    token_file.unlink()
    assert not it.renewed(it.headers())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
    assert "No such file" in caplog.records[-1].error


@pytest.mark.parametrize(
    ("environ", "url", "text", "hidden"),
    [
        ({"PROMETHEUS_TOKEN": "abc"}, URL, b"bad token abc.", b"bad token ...."),
        ({"PROMETHEUS_USERNAME": "u", "PROMETHEUS_PASSWORD": "pw"}, URL, b"pw dTpwdw==", b"... ..."),
        ({}, "http://u:pw@p", b"pw", b"..."),
        ({"PROMETHEUS_HEADERS": "X-Key: 12345678\nX-Scope-OrgID: team-a"}, URL, b"12345678 team-a", b"... team-a"),
        ({}, URL, b"text", b"text"),
        ({"PROMETHEUS_USERNAME": "u"}, URL, b"text", b"text"),
    ],
)
def test_what_was_shown_is_hidden_in_answers(environ, url, text, hidden):
    assert access(environ, url).hide(text) == hidden


def test_both_tokens_are_hidden_after_one_replaced_the_other(token_file):
    it = access({"PROMETHEUS_TOKEN_FILE": str(token_file)})
    token_file.write_text("second")
    it.renewed(it.headers())
    assert it.hide(b"first, second") == b"..., ..."


@given(
    st.dictionaries(
        st.sampled_from(["TOKEN", "USERNAME", "PASSWORD", "HEADERS"]).map("PROMETHEUS_{}".format),
        st.text(st.characters()),
    )
)
@example({"PROMETHEUS_HEADERS": "A: b\x0bC: d"})
def test_any_environment_is_headers_or_a_refusal(environ):
    headers, problem = [], ""
    try:
        headers = access(environ).headers()
    except MetricsServerError as error:
        problem = str(error)
    assert problem.isprintable()
    for name, value in headers:
        assert not set(name + value) & set(b"\r\n\x00")
