"""What is read of a context: each kind of login, and each way in which it cannot be used."""

import base64
import sys

import pytest

from informers.access import Access, from_context, validated_server
from informers.errors import ConfigurationError
from informers.kubeconfig import Context

HOST = {"server": "https://10.0.0.1:6443/"}


def access(user=None, cluster=None, master=None):
    context = Context("kubeconfig /c", "it", "test", cluster or HOST, user or {})
    return from_context(context, master, {}, lambda: pytest.fail("nobody asked for the time"))


def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("user", "header"),
    [
        pytest.param({}, None, id="nobody"),
        pytest.param({"exec": None, "token": None}, None, id="nobody, said aloud"),
        pytest.param({"token": " t\n"}, "Bearer t", id="a token"),
        pytest.param({"token": 12345}, "Bearer 12345", id="a token that YAML takes for a number"),
        pytest.param({"token": "t", "exec": {"command": "false"}}, "Bearer t", id="a token needs no plugin"),
        pytest.param({"username": "ü", "password": ":"}, f"Basic {b64('ü::')}", id="a password"),
        pytest.param({"username": "u"}, f"Basic {b64('u:')}", id="no password"),
    ],
)
def test_header_of_a_user(user, header):
    assert access(user).authorization == header


def test_token_file_wins_over_a_token_and_is_read_again(tmp_path):
    (tmp_path / "token").write_text("filed\n")
    found = access({"tokenFile": str(tmp_path / "token"), "token": "t"})
    assert (found.authorization, found.fresh_seconds) == ("Bearer filed", 30.0)


def test_data_win_over_files_and_are_not_read_again():
    user = {"client-certificate-data": b64("c"), "client-key-data": b64("k"), "client-key": ""}
    found = access(user, {**HOST, "certificate-authority-data": b64("a")})
    assert found.connection.certificate == ("c", "k")
    assert (found.connection.authorities, found.fresh_seconds) == ("a", None)
    assert "k" not in repr(found.connection.certificate and Access(found.connection)).replace("kube", "")


def test_connection_is_that_of_the_cluster():
    more = {"tls-server-name": "kube", "proxy-url": "http://proxy:3128", "insecure-skip-tls-verify": True}
    found = access(cluster={**HOST, **more}).connection
    assert (found.host, found.server_name, found.proxy) == ("https://10.0.0.1:6443", "kube", "http://proxy:3128")
    assert not found.verified
    assert access(cluster={"insecure-skip-tls-verify": "false"}, master="https://m").connection.verified


@pytest.mark.parametrize(
    ("user", "cluster", "text"),
    [
        pytest.param({"token": " "}, {}, "the token of its user is empty", id="an empty token"),
        pytest.param({"token": "a\nb"}, {}, "has characters that no token has", id="a token of two lines"),
        pytest.param({"token": "ä"}, {}, "has characters that no token has", id="a token with an umlaut"),
        pytest.param({"tokenFile": "/none"}, {}, "/none cannot be read: No such file", id="a file that is missing"),
        pytest.param({"client-key-data": "x"}, {}, "client-key-data is not base64", id="data that are not base64"),
        pytest.param({"client-key-data": b64("k")}, {}, "needs both client-certificate and", id="no certificate"),
        pytest.param({"client-certificate-data": b64("c")}, {}, "needs both client-certificate", id="no key"),
        pytest.param({"exec": "aws"}, {}, "exec must be an object", id="exec that is text"),
        pytest.param({"exec": {"command": "a"}}, {}, "apiVersion of exec must be", id="half of a plugin"),
        pytest.param({"auth-provider": {"name": "azure"}}, {}, "gave no token; use an exec plugin", id="provider"),
        pytest.param({"auth-provider": "gcp"}, {}, "its auth-provider", id="provider that is text"),
        pytest.param({"auth-provider": {"name": "oidc", "config": {}}}, {}, "its auth-provider failed: ", id="OIDC"),
        pytest.param({}, {"server": None}, "the server of its cluster is not an address such as", id="no server"),
        pytest.param({}, {"server": "10.0.0.1"}, "is not an address such as https://10.0.0.1:6443", id="no scheme"),
        pytest.param({}, {"server": "https://a:b"}, "is not an address", id="a port that is no number"),
        pytest.param({}, {"server": "https://u:p@a"}, "must not hold user info", id="user info"),
        pytest.param({}, {"proxy-url": "socks5://p"}, "the proxy-url of its cluster names a SOCKS", id="SOCKS"),
        pytest.param({}, {"proxy-url": "http://:1"}, "the proxy-url of its cluster is not", id="no proxy"),
        pytest.param({}, {"certificate-authority": "/none"}, "/none cannot be read", id="no authority"),
    ],
)
def test_context_that_cannot_be_used_is_a_sentence_that_names_it(user, cluster, text):
    with pytest.raises(ConfigurationError, match=f"kubeconfig /c, context it: .*{text}"):
        access(user, {**HOST, **cluster})


def test_token_of_an_auth_provider():
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}1", b'{"a":1}  ', b"{}2")]
    token = ".".join(parts)
    provider = {"name": "oidc", "config": {"id-token": token}}
    assert access({"auth-provider": provider}).authorization == f"Bearer {token}"


def test_auth_provider_without_the_official_package_is_a_sentence_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    with pytest.raises(ConfigurationError, match=r"context it: .* install flagger-py\[auth-provider\], or use an exec"):
        access({"auth-provider": {"name": "oidc"}})


@pytest.mark.parametrize("url", ["https://a/?x=1", "https://a/#x", "ftp://a", "https://", 5, None])
def test_address_of_a_server_that_is_none(url):
    with pytest.raises(ConfigurationError, match="--master is not an address such as"):
        validated_server(url, "--master")
