"""A client that cannot be built is one line that names what is wrong, and exit code 2, for whoever needs one."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from controller.check.command import main as check
from controller.lifecycle import utc_now
from controller.verbs.command import main as ask
from controller.verbs.decide import Verb
from tests.fakes.api import FakeApi, refuses

METRICS = "--metrics-server=http://127.0.0.1:9"
COMMANDS = {
    "check": lambda: check([METRICS], utc_now),
    "hold": lambda: ask(Verb.HOLD, ["podinfo", "-n", "test"], utc_now),
}
VARIABLES = ("KUBECONFIG", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def environ(tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch.setenv


def kubeconfig(path, server, *, name="one", user=None, **cluster):
    config = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "test"}}],
        "clusters": [{"name": name, "cluster": {"server": server, **cluster}}],
        "users": [{"name": name, "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh"}
FAILS = {"exec": {**EXEC, "args": ["-c", "echo your session has expired >&2; exit 7"]}}
CHATS = {"exec": {**EXEC, "args": ["-c", "echo logging in; echo secret"]}}
ALONE = "https://192.0.2.1:6443"  # nobody answers there, and nobody is asked


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(
            ({"proxy-url": "socks5://u:secret@s:1"}, {}), "proxy-url of its cluster names a SOCKS", id="SOCKS"
        ),
        pytest.param(({}, {"ALL_PROXY": "socks5://s:1"}), "ALL_PROXY names a SOCKS proxy", id="SOCKS for all"),
        pytest.param(({}, {"HTTPS_PROXY": "http://["}), "HTTPS_PROXY is not the address of a proxy", id="no proxy"),
        pytest.param(({}, {"SSL_CERT_FILE": "/none"}), "SSL_CERT_FILE names /none, which cannot be", id="no file"),
        pytest.param(({"certificate-authority": "none.crt"}, {}), "none.crt cannot be read", id="no authority"),
        pytest.param(({"certificate-authority-data": "bm9uZQ=="}, {}), "not in PEM format", id="no certificate"),
        pytest.param(({"server": "https://u:secret@a"}, {}), "must not hold user info", id="user info"),
        pytest.param(({"user": FAILS}, {}), "exit code 7: your session has expired", id="plugin that fails"),
        pytest.param(
            ({"user": CHATS}, {}), "must print an ExecCredential in JSON and nothing else", id="plugin that chats"
        ),
    ],
)
def test_client_that_cannot_be_built_is_one_line_and_exit_code_2(tmp_path, environ, capfd, command, given, text):
    config, variables = given
    path = kubeconfig(tmp_path / "config", **{"server": ALONE, **config})
    for name, value in {"KUBECONFIG": path, **variables}.items():
        environ(name, value)
    assert COMMANDS[command]() == 2
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert text in line
    assert "secret" not in line


def test_controller_that_cannot_build_its_client_ends_with_one_line_and_exit_code_2(tmp_path):
    path = kubeconfig(tmp_path / "config", ALONE, user=FAILS)
    done = subprocess.run(
        [sys.executable, "-m", "controller", "--port=0", METRICS, f"--kubeconfig={path}"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "exit code 7: your session has expired" in json.loads(done.stderr)["msg"]


@pytest.fixture
def two():
    with FakeApi() as one, FakeApi() as other:
        one.default = other.default = refuses(403, "Forbidden")
        yield one, other


def asked(*apis):
    """Return which API server ``flagger hold`` asked."""
    assert COMMANDS["hold"]() == 2  # for it was refused
    return [bool(api.requests) for api in apis]


def test_first_of_two_current_contexts_wins_as_with_kubectl(tmp_path, environ, two):
    files = [kubeconfig(tmp_path / name, api.url, name=name) for name, api in zip(("dev", "prod"), two, strict=True)]
    environ("KUBECONFIG", ":".join(["/none", *files, ""]))
    assert asked(*two) == [True, False]


def test_kubeconfig_that_is_set_to_nothing_is_the_users_own(tmp_path, environ, two):
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", two[0].url, user=None)
    environ("KUBECONFIG", "")
    assert asked(*two) == [True, False]


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"NO_PROXY": "10.0.0.0/8,.svc,fd00::/8,[::1]"}, id="entries of version 6"),
        pytest.param({"ALL_PROXY": "socks5://s:1", "NO_PROXY": "127.0.0.1"}, id="SOCKS for others"),
    ],
)
def test_environment_of_others_stops_nobody(tmp_path, environ, two, variables):
    for name, value in {"KUBECONFIG": kubeconfig(tmp_path / "config", two[0].url), **variables}.items():
        environ(name, value)
    assert asked(*two) == [True, False]
