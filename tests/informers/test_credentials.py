"""Where the API server is and who we are (CONTRACTS C8 to C11)."""

import json
import threading

import pytest
import trustme
import yaml

from informers.credentials import Credentials, find_login
from informers.errors import ConfigurationError
from tests.fakes.api import FakeApi


@pytest.fixture
def nobody(tmp_path):
    """No service account, no kubeconfig."""
    return {"service_account": tmp_path / "nothing-mounted", "environ": {"KUBECONFIG": str(tmp_path / "none")}}


def test_kubeconfig_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"kubeconfig .*/none cannot be read: No such file or directory\. Name another with"
    ):
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
        find_login(None, None, **nobody)


def test_master_alone_is_enough(nobody):
    login = find_login(None, "http://127.0.0.1:8001", **nobody)
    assert login.load().connection.host == "http://127.0.0.1:8001"
    assert login.namespace == "default"


def test_master_overrides_the_kubeconfig(tmp_path):
    with FakeApi() as api:
        path = api.kubeconfig(tmp_path)
    assert find_login(str(path), "http://127.0.0.1:1").load().connection.host == "http://127.0.0.1:1"


@pytest.fixture
def mounted(tmp_path):
    (tmp_path / "token").write_text("mounted\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")], ids=["IPv4", "IPv6"]
)
def test_in_cluster_if_a_service_account_is_mounted(mounted, host, url):
    (mounted / "namespace").write_text("istio-system\n")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    login = find_login(None, None, service_account=mounted, environ=environ)
    access = login.load()
    assert (login.namespace, access.fresh_seconds) == ("istio-system", 30.0)
    assert (access.connection.host, access.authorization) == (url, "Bearer mounted")
    assert access.connection.authorities == (mounted / "ca.crt").read_text()
    assert "mounted" not in repr(access).replace(str(mounted), "")


@pytest.mark.parametrize(
    ("environ", "missing", "text"),
    [
        pytest.param({}, None, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set", id="no address"),
        pytest.param({"KUBERNETES_SERVICE_PORT": "tcp://a"}, None, "is not an address such as", id="no port"),
        pytest.param({"KUBERNETES_SERVICE_PORT": "443"}, "ca.crt", "ca.crt cannot be read: No such file", id="no CA"),
        pytest.param({"KUBERNETES_SERVICE_PORT": "443"}, "token", "token cannot be read: No such file", id="no token"),
    ],
)
def test_service_account_that_cannot_be_used_is_an_error(mounted, environ, missing, text):
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", **environ} if environ else {}
    login = find_login(None, None, service_account=mounted, environ=environ)
    if missing:
        (mounted / missing).unlink()
    with pytest.raises(ConfigurationError, match=f"in-cluster configuration: .*{text}"):
        login.load()


@pytest.mark.parametrize("content", [None, b"", b"\xff"], ids=["missing", "empty", "no text"])
def test_namespace_of_the_service_account_may_be_missing(mounted, content):
    if content is not None:
        (mounted / "namespace").write_bytes(content)
    assert find_login(None, None, service_account=mounted, environ={}).namespace == "default"


def test_context_of_the_start_is_kept_when_another_becomes_the_current_one(tmp_path):
    with FakeApi() as one, FakeApi() as other:
        path = one.kubeconfig(tmp_path)
        login = find_login(str(path), None)
        config = yaml.safe_load(path.read_text())
        config["current-context"] = "prod"
        config["contexts"].append({"name": "prod", "context": {"cluster": "prod"}})
        config["clusters"].append({"name": "prod", "cluster": {"server": other.url}})
        path.write_text(yaml.safe_dump(config))
        assert login.load().connection.host == one.url


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


def test_plugin_runs_in_single_flight_and_not_twice_within_ten_seconds(plugin):
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


def test_credentials_that_cannot_be_loaded_again_stay_in_use(plugin):
    clock = [100.0]
    credentials = Credentials(find_login(str(plugin / "kubeconfig"), None), pool_size=1, monotonic=lambda: clock[0])
    assert credentials.authorization() == "Bearer one"
    (plugin / "kubeconfig").write_text("{")
    clock[0] += 60
    assert not credentials.renew("Bearer one")
    assert credentials.authorization() == "Bearer one"
    credentials.close()


def test_certificates_in_files_that_change_are_taken_over_by_a_new_pool(tmp_path):  # C11
    authority = tmp_path / "ca.crt"
    trustme.CA().cert_pem.write_to_path(authority)
    with FakeApi() as api:
        path = api.kubeconfig(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"] = {"server": "https://a", "certificate-authority": "ca.crt"}
    path.write_text(yaml.safe_dump(config))
    clock = [100.0]
    credentials = Credentials(find_login(str(path), None), pool_size=1, monotonic=lambda: clock[0])
    first = credentials.pool()
    clock[0] += 31
    credentials.authorization()
    assert credentials.pool() is first
    trustme.CA().cert_pem.write_to_path(authority)
    clock[0] += 31
    credentials.authorization()
    assert credentials.pool() is not first
    credentials.close()


def test_token_file_of_the_users_own_kubeconfig_is_read_again(tmp_path, monkeypatch):  # C8
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "token").write_text("one")
    with FakeApi() as api:
        api.kubeconfig(tmp_path / ".kube", {"tokenFile": "token"}).rename(tmp_path / ".kube" / "config")
    clock = [0.0]
    login = find_login(None, None, service_account=tmp_path / "none", environ={})
    credentials = Credentials(login, pool_size=1, monotonic=lambda: clock[0])
    assert credentials.authorization() == "Bearer one"
    (tmp_path / ".kube" / "token").write_text("two")
    clock[0] = 60.0
    assert credentials.authorization() == "Bearer two"
    credentials.close()
