"""Pools against real TLS on loopback: whom they trust, who they are, and which proxy they take."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme
from urllib3.exceptions import HTTPError

from controller.resources import CANARIES
from informers.access import Connection
from informers.client import KubeClient
from informers.credentials import Access, Login
from informers.errors import ConfigurationError, TransportError
from informers.pools import new_pool
from tests.fakes.api import FakeApi, hangs_up, says


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(authority):
    """Serve over TLS and want a client certificate."""
    with FakeApi() as api:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "kube.example").configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
        api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
        yield api


def pem(authority):
    return authority.cert_pem.bytes().decode()


def own(authority):
    issued = authority.issue_cert("me@example.com")
    certificate = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return certificate.decode(), issued.private_key_pem.bytes().decode()


def connection(server, **more):
    return Connection(server.url.replace("http:", "https:"), **more)


def ask(way, **environ):
    pool = new_pool(way, size=1, environ=environ)
    try:
        return pool.urlopen("GET", f"{way.host}/x", retries=False, timeout=10).status
    finally:
        pool.clear()


def test_client_certificate_is_shown_and_leaves_no_file(authority, server, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = len(list(Path("/dev/fd").iterdir()))
    way = connection(server, authorities=pem(authority), certificate=own(authority))
    pool = new_pool(way, size=1, environ={})
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert pool.urlopen("GET", f"{way.host}/x", retries=False).status == 200
    pool.clear()


def test_authorities_of_the_environment_are_trusted_where_the_connection_names_none(authority, server, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    way = connection(server, certificate=own(authority))
    assert ask(way, SSL_CERT_FILE=str(tmp_path / "ca.crt")) == 200
    with pytest.raises(HTTPError):
        ask(way)
    assert ask(connection(server, authorities=pem(authority), certificate=own(authority)), SSL_CERT_FILE="/none") == 200


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_server_may_have_another_name_or_none_that_is_verified(authority, server):
    mine = own(authority)
    assert ask(connection(server, authorities=pem(authority), certificate=mine, server_name="kube.example")) == 200
    with pytest.raises(HTTPError):
        ask(connection(server, authorities=pem(authority), certificate=mine, server_name="other.example"))
    assert ask(connection(server, certificate=mine, verified=False, server_name="other.example")) == 200


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"authorities": "x"}, "its certificate authority is not in PEM format"),
        ({"certificate": ("x", "y")}, "the client certificate and key cannot be used"),
        ({"proxy": "ftp://u:p@a"}, "the proxy a cannot be used"),
    ],
)
def test_pool_that_cannot_be_built_is_a_sentence(more, text):
    with pytest.raises(ConfigurationError, match=text):
        new_pool(Connection("https://a", **more), size=1, environ={})


def test_key_of_another_certificate_is_a_sentence(authority):
    pair = own(authority)[0], own(authority)[1]
    with pytest.raises(ConfigurationError, match="another certificate's"):
        new_pool(Connection("https://a", certificate=pair), size=1, environ={})


def test_without_a_directory_for_temporary_files_a_certificate_is_a_sentence(authority, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/none")
    with pytest.raises(ConfigurationError, match="needs a directory for temporary files"):
        new_pool(Connection("https://a", certificate=own(authority)), size=1, environ={})


class Tunnel:
    """A proxy that takes CONNECT and leads to one server, whatever it is asked for."""

    def __init__(self, server):
        self.heads = []
        self._to = server._server.server_address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        incoming, _ = self._listener.accept()
        with incoming, socket.create_connection(self._to) as outgoing:
            self.heads.append(incoming.recv(65536).decode())
            incoming.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self._pump, args=(outgoing, incoming))
            back.start()
            self._pump(incoming, outgoing)
            back.join()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._thread.join()
        self._listener.close()


@pytest.mark.parametrize("by", ["cluster", "environment"])
def test_tunnel_through_a_proxy_with_its_password(authority, server, by):
    tunnel = Tunnel(server)
    url = f"http://me:p%40ss@{tunnel.url}"
    more = {"authorities": pem(authority), "certificate": own(authority), "server_name": "kube.example"}
    way = Connection("https://kube.example", proxy=url if by == "cluster" else None, **more)
    environ = {"HTTPS_PROXY": url} if by == "environment" else {"NO_PROXY": "*", "ALL_PROXY": "socks5://s"}
    assert ask(way, **environ) == 200
    tunnel.close()
    (head,) = tunnel.heads
    assert head.startswith("CONNECT kube.example:443 HTTP/1.")
    assert "Basic bWU6cEBzcw==" in head


def test_request_to_a_server_without_tls_goes_to_the_proxy_itself():
    with FakeApi() as proxy:
        proxy.default = says({}, 204)
        assert ask(Connection("http://kube.example"), HTTP_PROXY=proxy.url) == 204
        assert proxy.requests[0].headers["host"] == "kube.example"


def test_proxy_that_is_away_is_named(monkeypatch):
    with FakeApi() as api:
        api.default = hangs_up
        url = api.url
    login = Login(lambda: Access(Connection("https://kube.example", proxy=url.replace("//", "//u:secret@"))), "test")
    client = KubeClient(login, user_agent="x", pool_size=1)
    with pytest.raises(TransportError, match=r"https://kube.example cannot be reached through its proxy") as raised:
        client.get(CANARIES, "test", "a")
    assert "secret" not in str(raised.value)
    client.close()
