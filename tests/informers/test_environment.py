"""The way to a server, as the environment says: for the API server and Prometheus alike."""

import contextlib

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from informers.environment import proxy_for, split_url, trusted_authorities
from informers.errors import ConfigurationError

PROXY = "http://proxy:3128"


def way(url, **environ):
    return proxy_for(url, {"HTTPS_PROXY": PROXY, **environ})


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("fd00::/8", id="a network of version 6"),
        pytest.param("[::1]", id="an address in brackets"),
        pytest.param("[::1]:8080", id="with a port"),
        pytest.param("[fd00::]/8", id="a network in brackets"),
        pytest.param("fe80::1%eth0", id="with a zone"),
        pytest.param("10.0.0.0/99", id="no such network"),
        pytest.param("[", id="half a bracket"),
        pytest.param("a:b:c", id="two colons"),
        pytest.param("http://", id="half an address"),
        pytest.param(":", id="a colon"),
        pytest.param("*.", id="a star and nothing"),
        pytest.param(".", id="a dot"),
        pytest.param("", id="nothing"),
        pytest.param("\x00\ud800", id="what is no text"),
    ],
)
def test_entry_of_no_proxy_that_does_not_apply_stops_nobody(entry):
    for url in ("https://prometheus.example", "https://10.1.2.3:6443", "https://[2001:db8::1]:6443"):
        assert way(url, NO_PROXY=f"10.96.0.1,{entry}") == PROXY
        assert way(url, NO_PROXY=f"{entry},{url.removeprefix('https://')}") is None


@pytest.mark.parametrize(
    ("entries", "url", "direct"),
    [
        ("*", "https://api.example", True),
        ("api.example", "https://api.example", True),
        ("api.example", "https://API.Example.:6443", True),
        ("example", "https://api.example", True),
        (".example", "https://api.example", True),
        ("*.example", "https://api.example", True),
        (".example", "https://example", True),
        ("ample", "https://api.example", False),
        (" a , .svc ", "https://prometheus.istio-system.svc:9090", True),
        ("api.example:6443", "https://api.example:6443", True),
        ("api.example:6443", "https://api.example", False),
        ("api.example:443", "https://api.example", True),
        ("https://api.example", "https://api.example", True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("1.2.3", "https://10.1.2.3", False),
        ("fd00::/8", "https://[fd12::1]:6443", True),
        ("[fd00::]/8", "https://[fd12::1]:6443", True),
        ("[fd12::1]", "https://[fd12:0::1]:6443", True),
        ("[fd12::1]:6443", "https://[fd12::1]:6443", True),
        ("[fd12::1]:1", "https://[fd12::1]:6443", False),
        ("fd12::1", "https://[fd12::1]:6443", True),
        ("fd00::/8", "https://10.1.2.3", False),
        ("", "https://localhost:6443", True),
        ("", "https://127.0.0.2", True),
        ("", "https://[::1]:6443", True),
    ],
)
def test_no_proxy_covers(entries, url, direct):
    assert (way(url, NO_PROXY=entries) is None) == direct


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "https://a", None),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://a", PROXY),
        ({"HTTPS_PROXY": "proxy:3128"}, "http://a", None),
        ({"HTTP_PROXY": "https://u:p@proxy"}, "http://a", "https://u:p@proxy"),
        ({"ALL_PROXY": PROXY}, "http://a", PROXY),
        ({"ALL_PROXY": "http://other", "HTTPS_PROXY": PROXY}, "https://a", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "https://a", PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": "http://other"}, "https://a", None),
        ({"all_proxy": PROXY, "no_proxy": "b", "NO_PROXY": "a"}, "https://a", PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": "socks5://s"}, "https://a", PROXY),
        ({"ALL_PROXY": "socks5://s", "NO_PROXY": "a"}, "https://a", None),
        ({"HTTPS_PROXY": "socks5h://s"}, "http://a", None),
        ({"HTTPS_PROXY": PROXY}, "not an address", None),
    ],
)
def test_proxy_of_a_server(environ, url, proxy):
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("socks5://u:secret@s:1080", "ALL_PROXY names a SOCKS proxy, which is not supported: name an http://"),
        ("SOCKS5h://s", "ALL_PROXY names a SOCKS proxy"),
        ("ftp://secret@s", "ALL_PROXY is not the address of a proxy such as http://proxy:3128"),
        ("http://secret@", "ALL_PROXY is not the address"),
        ("http://secret:p:3128", "ALL_PROXY is not the address"),
        ("http://secret host", "ALL_PROXY is not the address"),
        ("http://[secret", "ALL_PROXY is not the address"),
        ("http://secret:0", "ALL_PROXY is not the address"),
    ],
)
def test_proxy_that_cannot_be_used_is_a_sentence_that_names_the_variable(value, text):
    with pytest.raises(ConfigurationError, match=text) as raised:
        proxy_for("https://a", {"ALL_PROXY": value})
    assert "secret" not in str(raised.value)


@given(
    st.dictionaries(st.sampled_from(["HTTPS_PROXY", "all_proxy", "NO_PROXY"]), st.text(), min_size=1),
    st.sampled_from(["https://a", "https://10.0.0.1", "https://[fd00::1]:6443"]) | st.text(),
)
def test_any_environment_is_a_way_or_a_sentence(environ, url):
    found = None
    with contextlib.suppress(ConfigurationError):
        found = proxy_for(url, environ)
    assert found is None or split_url(found)


@pytest.fixture
def authority(tmp_path):
    path = tmp_path / "ca.crt"
    trustme.CA().cert_pem.write_to_path(path)
    return path


def test_no_variable_means_the_default_of_the_library():
    assert trusted_authorities({}) is None
    assert trusted_authorities({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}) is None


def test_file_of_authorities_is_trusted_alone(authority):
    context = trusted_authorities({"SSL_CERT_FILE": str(authority)})
    assert [found["subject"][0][0][1] for found in context.get_ca_certs()] == ["trustme v1.2.1"]


def test_one_directory_of_several_is_enough(tmp_path):
    assert trusted_authorities({"SSL_CERT_DIR": f"/none:{tmp_path}"}) is not None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(None, "which cannot be read: No such file or directory", id="missing"),
        pytest.param("", "which holds no certificates in PEM format", id="empty"),
        pytest.param("certificate", "which holds no certificates in PEM format", id="no PEM"),
    ],
)
def test_file_of_authorities_that_cannot_be_used_is_named(tmp_path, content, text):
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=f"the environment variable SSL_CERT_FILE names {path}, {text}"):
        trusted_authorities({"SSL_CERT_FILE": str(path)})


def test_directories_of_authorities_that_do_not_exist_are_named():
    with pytest.raises(ConfigurationError, match="SSL_CERT_DIR names /none, which is not a directory"):
        trusted_authorities({"SSL_CERT_DIR": "/none"})


def test_name_that_no_file_can_have_is_an_error():
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE names"):
        trusted_authorities({"SSL_CERT_FILE": "a\x00b"})
