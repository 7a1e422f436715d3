"""Where the API server is and who we are (contracts C8 to C11)."""

import json
import threading

import pytest
from kubernetes.config import incluster_config

from informers.credentials import Credentials, find_login
from informers.errors import ConfigurationError
from tests.fakes.api import FakeApi


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """No service account, no kubeconfig."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("informers.credentials.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    return tmp_path / "nothing-mounted"


def test_kubeconfig_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"kubeconfig .*/none: .*[^.]\. Name another with --kubeconfig"):
        find_login(str(tmp_path / "none"), None)


@pytest.mark.parametrize(
    "text", ["{", "[]", "just text", "\x00", "apiVersion: v1", "contexts: {}", "current-context: x\ncontexts: []"]
)
def test_kubeconfig_that_is_none_is_an_error_that_names_it(tmp_path, text):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"kubeconfig {path}"):
        find_login(str(path), None).load()


def test_kubeconfig_of_bytes_is_an_error(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        find_login(str(path), None)


def test_directory_for_a_kubeconfig_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match="kubeconfig"):
        find_login(str(tmp_path), None)


def test_without_anything_the_users_kubeconfig_is_asked_for(nobody):
    with pytest.raises(ConfigurationError, match="Name another with --kubeconfig"):
        find_login(None, None, service_account=nobody)


def test_master_alone_is_enough(nobody):
    login = find_login(None, "http://127.0.0.1:8001", service_account=nobody)
    assert login.load().host == "http://127.0.0.1:8001"
    assert login.namespace == "default"


def test_master_overrides_the_kubeconfig(tmp_path):
    with FakeApi() as api:
        path = api.kubeconfig(tmp_path)
    assert find_login(str(path), "http://127.0.0.1:1").load().host == "http://127.0.0.1:1"


def test_in_cluster_if_a_service_account_is_mounted(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("mounted\n")
    (tmp_path / "namespace").write_text("istio-system\n")
    (tmp_path / "ca.crt").write_text("")
    login = find_login(None, None, service_account=tmp_path)
    assert (login.namespace, login.reload_seconds) == ("istio-system", 30.0)
    with pytest.raises(ConfigurationError, match="in-cluster configuration"):
        login.load()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    certificate = tmp_path / "ca.crt"
    certificate.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    assert login.load().host == "https://10.0.0.1:443"


def test_namespace_of_the_service_account_may_be_missing(tmp_path):
    (tmp_path / "token").write_text("mounted")
    assert find_login(None, None, service_account=tmp_path).namespace == "default"


PLUGIN = """\
import json, pathlib
count = pathlib.Path({count!r})
count.write_text(count.read_text() + "x")
token = pathlib.Path({token!r}).read_text()
version = "client.authentication.k8s.io/v1"
print(json.dumps({{"apiVersion": version, "kind": "ExecCredential", "status": {{"token": token}}}}))
"""


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "count").write_text("")
    (tmp_path / "token").write_text("one")
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN.format(count=str(tmp_path / "count"), token=str(tmp_path / "token")))
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "python3",
        "args": [str(script)],
        "interactiveMode": "Never",
    }
    with FakeApi() as api:
        api.kubeconfig(tmp_path, {"exec": json.loads(json.dumps(command))})
    return tmp_path


def test_plugin_runs_in_single_flight_and_not_twice_within_ten_seconds(plugin):  # contract C10
    clock = [100.0]
    credentials = Credentials(find_login(str(plugin / "kubeconfig"), None), pool_size=1, monotonic=lambda: clock[0])
    (plugin / "count").write_text("")
    headers = []
    threads = [threading.Thread(target=lambda: headers.append(credentials.authorization())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert headers == ["Bearer one"] * 8
    assert (plugin / "count").read_text() == ""
    (plugin / "token").write_text("two")
    assert not credentials.renew("Bearer one")
    clock[0] += 10
    renewed = [credentials.renew("Bearer one") for _ in range(3)]
    assert renewed == [True] * 3
    assert (plugin / "count").read_text() == "x"
    assert credentials.authorization() == "Bearer two"
    credentials.close()


def test_credentials_that_cannot_be_loaded_again_stay_in_use(plugin):  # contract C10
    clock = [100.0]
    credentials = Credentials(find_login(str(plugin / "kubeconfig"), None), pool_size=1, monotonic=lambda: clock[0])
    assert credentials.authorization() == "Bearer one"
    (plugin / "kubeconfig").write_text("{")
    clock[0] += 60
    assert not credentials.renew("Bearer one")
    assert credentials.authorization() == "Bearer one"
    credentials.close()


def test_certificates_that_change_are_taken_over_by_a_new_pool(tmp_path):  # contract C11
    with FakeApi() as api:
        token = tmp_path / "token"
        token.write_text("t")
        path = api.kubeconfig(tmp_path, {"tokenFile": str(token)})
    clock = [100.0]
    credentials = Credentials(find_login(str(path), None), pool_size=1, monotonic=lambda: clock[0])
    first = credentials.pool()
    clock[0] += 31
    credentials.authorization()
    assert credentials.pool() is first
    path.write_text(path.read_text().replace("127.0.0.1", "localhost"))
    clock[0] += 31
    credentials.authorization()
    assert credentials.pool() is not first
    assert credentials.host.startswith("http://localhost:")
    credentials.close()
