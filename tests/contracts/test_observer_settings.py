"""Credentials, headers, proxies and certificates of the observer, as a server sees them."""

import socket
import ssl
from contextlib import closing
from urllib.parse import quote

import pytest
import trustme

from informers.errors import ConfigurationError
from metrics.address import MetricsServerError
from metrics.prometheus import PrometheusObserver
from metrics.types import Check, Target, Unavailable, Value
from tests.controller.clock import FakeClock
from tests.fakes.api import FakeApi, says
from tests.fakes.raw import RawServer, read_request

TARGET = Target("test", "podinfo-canary")
RATE = Check("istio_requests_total", 99.0, "1m")
ONE = {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "1"]}]}}
PASSES = (Value(100.0),)


@pytest.fixture
def api():
    with FakeApi() as it:
        it.default = says(ONE)
        yield it


def observed(url, environ=None):
    with closing(PrometheusObserver(url, threads=1, environ=environ or {})) as observer:
        return observer.observe(TARGET, (RATE,))


def test_headers_name_a_tenant(api):
    assert observed(api.url, {"PROMETHEUS_HEADERS": "X-Scope-OrgID: team-a"}) == PASSES
    assert api.requests[0].headers["x-scope-orgid"] == "team-a"
    assert api.requests[0].headers["host"] == api.url.removeprefix("http://")


def test_refusal_says_what_the_server_said(api):
    api.default = says(b"no org id\n", 401)
    assert observed(api.url) == (Unavailable(f"{api.url} answered 401 Unauthorized: no org id"),)


@pytest.mark.parametrize("where", ["body", "location", "reason"])
def test_token_that_a_server_repeats_is_hidden(api, where):
    answers = {
        "body": says(b"unknown token secret!", 401),
        "location": says(b"", 302, Location="http://sso/secret"),
        "reason": lambda handler: handler.send_error(403, "secret"),
    }
    api.default = answers[where]
    (reading,) = observed(api.url, {"PROMETHEUS_TOKEN": "secret"})
    assert "..." in reading.reason
    assert "secret" not in reading.reason


def only(token):
    """Take one token, and refuse any other."""

    def answer(handler):
        good = handler.headers["Authorization"] == f"Bearer {token}"
        (says(ONE) if good else says(b"expired", 401))(handler)

    return answer


def test_token_from_a_file_is_renewed_when_it_is_refused_and_the_query_repeated_once(api, tmp_path):
    path = tmp_path / "token"
    path.write_text("old")
    observer = PrometheusObserver(
        api.url, threads=1, environ={"PROMETHEUS_TOKEN_FILE": str(path)}, monotonic=FakeClock()
    )
    with closing(observer):
        api.default = only("old")
        assert observer.observe(TARGET, (RATE,)) == PASSES
        api.default = only("new")
        assert observer.observe(TARGET, (RATE,)) == (Unavailable(f"{api.url} answered 401 Unauthorized: expired"),)
        assert len(api.requests) == 2
        path.write_text("new\n")
        assert observer.observe(TARGET, (RATE,)) == PASSES
        path.write_text("newer")
        api.default = only("newest")
        assert observer.observe(TARGET, (RATE,)) == (Unavailable(f"{api.url} answered 401 Unauthorized: expired"),)
    shown = [request.headers["authorization"].removeprefix("Bearer ") for request in api.requests]
    assert shown == ["old", "old", "old", "new", "new", "newer"]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxy_of_the_environment_is_on_the_way(api, variable):
    proxy = api.url.replace("http://", f"http://us%40er:{quote('päw')}@")
    assert observed("http://prometheus.test:9090/x", {variable: proxy}) == PASSES
    (request,) = api.requests
    assert (request.path, request.headers["host"]) == ("/x/api/v1/query", "prometheus.test:9090")
    assert request.headers["proxy-authorization"] == "Basic dXNAZXI6cMOkdw=="


def test_proxy_that_refuses(api):
    api.default = says(b"secret", 407)
    environ = {"HTTPS_PROXY": api.url.removeprefix("http://")}
    url = "https://prometheus.test"
    assert observed(url, environ) == (Unavailable(f"{url} cannot be reached: the proxy refused"),)


@pytest.mark.parametrize("no_proxy", ["*", "prometheus.test", "fd00::/8,.test"])
def test_proxy_is_not_for_hosts_that_are_excepted(no_proxy):
    environ = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": no_proxy}
    (reading,) = observed("http://prometheus.test", environ)
    assert "Connection refused" not in reading.reason  # which the proxy would say


@pytest.mark.parametrize("no_proxy", ["", ",", "fd00::/8,[::1]", "other.test"])
def test_proxy_is_for_all_others(no_proxy):
    environ = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": no_proxy}
    (reading,) = observed("http://prometheus.test", environ)
    assert reading.reason == "http://prometheus.test cannot be reached: Connection refused"


@pytest.mark.parametrize(
    "proxy", ["socks5://u:secret@proxy:1080", "https://u:secret@proxy", "http://proxy:x", "http://", "ftp://proxy"]
)
def test_proxy_that_cannot_be_used_is_refused(proxy):
    with pytest.raises((ConfigurationError, MetricsServerError), match="prox") as raised:
        observed("http://prometheus:9090", {"HTTP_PROXY": proxy})
    assert "secret" not in str(raised.value)


@pytest.fixture
def authority(tmp_path):
    it = trustme.CA()
    it.cert_pem.write_to_path(tmp_path / "ca.pem")
    return it


def speaks_tls(authority, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    answer = b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'

    def speak(connection: socket.socket, over):
        with context.wrap_socket(connection, server_side=True) as secured:
            read_request(secured)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    return speak


def test_certificate_authority_of_the_environment(authority, tmp_path):
    with RawServer(speaks_tls(authority, "127.0.0.1")) as server:
        url = server.url.replace("http", "https")
        assert observed(url, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}) == PASSES
        (reading,) = observed(url)
        assert reading.reason.startswith(f"{url} cannot be reached: ")
        assert "certificate" in reading.reason


def test_certificate_of_another_host(authority, tmp_path):
    with RawServer(speaks_tls(authority, "elsewhere.test")) as server:
        url = server.url.replace("http", "https")
        (reading,) = observed(url, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert "IP address mismatch" in reading.reason


def test_server_without_tls_is_named(api):
    url = api.url.replace("http", "https")
    (reading,) = observed(url)
    assert reading.reason.startswith(f"{url} cannot be reached: ")
    assert reading.reason.isprintable()


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "names /nowhere/ca.pem, which cannot be read: No such file"),
        ({"SSL_CERT_FILE": __file__}, f"names {__file__}, which holds no certificates in PEM format"),
    ],
)
def test_certificates_that_cannot_be_used_are_refused(environ, text):
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE") as raised:
        observed("https://prometheus", environ)
    assert text in str(raised.value)


def test_directory_of_certificates(tmp_path):
    (reading,) = observed("https://127.0.0.1:1", {"SSL_CERT_DIR": str(tmp_path)})
    assert reading.reason.endswith("cannot be reached: Connection refused")


def test_name_that_does_not_exist():
    (reading,) = observed(f"http://{'x' * 64}.invalid")
    assert isinstance(reading, Unavailable)
    assert "failed: " in reading.reason


def test_rate_that_cannot_be_is_unavailable(api):
    api.default = says({"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}})
    assert observed(api.url) == (Unavailable(f"{api.url} answered 7, which is not a success rate"),)


def test_cookies_of_a_proxy_on_the_way_are_not_kept(api):
    api.default = says(ONE, **{"Set-Cookie": "session=1; Path=/"})
    with closing(PrometheusObserver(api.url, threads=1, environ={})) as observer:
        for _ in range(3):
            assert observer.observe(TARGET, (RATE,)) == PASSES
    assert not [request for request in api.requests if "Cookie" in request.headers]
