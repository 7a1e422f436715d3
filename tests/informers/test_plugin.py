"""Exec plugins: what they give, and that whatever goes wrong is an error with their own words."""

import json
import sys
from datetime import UTC, datetime

import pytest

from informers import plugin
from informers.errors import ConfigurationError
from informers.plugin import run_plugin

V1 = "client.authentication.k8s.io/v1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def spec(script, **more):
    return {"apiVersion": V1, "command": sys.executable, "args": ["-c", script], "interactiveMode": "Never", **more}


def credential(**status):
    return {"apiVersion": V1, "kind": "ExecCredential", "status": status}


def prints(answer):
    return spec(f"print({json.dumps(answer)!r})")


def run(the_spec, cluster=None, **more):
    return run_plugin(the_spec, cluster or {}, "user me", environ={}, now=lambda: NOW, **more)


def test_token_with_its_time():
    given = run(prints(credential(token="t", expirationTimestamp="2026-01-01T00:10:00Z")))
    assert (given.token, given.certificate, given.seconds) == ("t", None, 600.0)
    assert "t'" not in repr(given)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2026-01-01T02:00:00+02:00", 0.0), ("2025-12-31T23:59:00", -60.0), (None, None), ("", None)],
)
def test_time_of_expiry(text, seconds):
    assert run(prints(credential(token="t", expirationTimestamp=text))).seconds == seconds


def test_certificate_with_its_key():
    given = run(prints(credential(clientCertificateData="c", clientKeyData="k")))
    assert (given.token, given.certificate, given.seconds) == (None, ("c", "k"), None)


def test_null_is_no_arguments_and_no_variables(tmp_path):
    script = tmp_path / "plugin"
    script.write_text(f"#!{sys.executable}\nprint({json.dumps(credential(token='t'))!r})\n")
    script.chmod(0o755)
    assert run({**spec(""), "command": str(script), "args": None, "env": None}).token == "t"


def test_plugin_is_told_its_task(tmp_path):
    told = tmp_path / "told"
    script = f"import os; open({str(told)!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'] + os.environ['A']); exit(9)"
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    cluster = {"server": "https://a", "certificate-authority": "/ca", "extensions": [extension, "x", {"name": "y"}]}
    more = {"provideClusterInfo": True, "env": [{"name": "A", "value": "!"}]}
    with pytest.raises(ConfigurationError, match=r"failed with exit code 9: it said nothing"):
        run(spec(script, **more), cluster)
    text = told.read_text()
    assert text.endswith("!")
    assert json.loads(text[:-1]) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": "https://a", "config": {"audience": "a"}}},
    }


@pytest.mark.parametrize(
    ("the_spec", "text"),
    [
        pytest.param({}, "exec names no command", id="no command"),
        pytest.param({"command": ["a"]}, "exec names no command", id="a list for a command"),
        pytest.param({"command": "a"}, "apiVersion of exec must be", id="no version"),
        pytest.param(spec("", apiVersion=V1 + "alpha1"), "apiVersion of exec must be", id="an old version"),
        pytest.param(spec("", args="x"), "args must be a list", id="arguments that are no list"),
        pytest.param(spec("", env={"A": "B"}), "env of exec must be a list", id="variables that are no list"),
        pytest.param(spec("", env=[{}]), "env of exec must be a list", id="a variable without a name"),
        pytest.param(spec("", env=[{"name": "a=b"}]), "cannot be run: ", id="a variable that no process can have"),
        pytest.param(
            spec("", command="/none", installHint="get it\n at a"),
            "cannot be run: No such file .* get it at a",
            id="none",
        ),
        pytest.param(spec("", command="a\0b"), "cannot be run: ", id="a name that no file can have"),
        pytest.param(spec("", interactiveMode="Always"), "must ask a person", id="nobody to ask"),
        pytest.param(
            spec("import sys; sys.exit('please\\n log \\x1b[2J in')"), "code 1: please log {2}?.2J in", id="fails"
        ),
        pytest.param(spec("import sys; sys.exit('x' * 10**5)"), "code 1: x{500}$", id="fails with many words"),
        pytest.param(spec("import os; os.kill(os.getpid(), 9)"), "exit code -9", id="is killed"),
        pytest.param(spec("print('hello'); print('{}')"), "in JSON and nothing else", id="a line before its JSON"),
        pytest.param(spec("print('[' * 10**5)"), "in JSON and nothing else", id="nests too deeply"),
        pytest.param(spec(""), "in JSON and nothing else", id="nothing"),
        pytest.param(spec("import os; os.write(1, b'\\xff')"), "in JSON and nothing else", id="bytes"),
        pytest.param(prints([]), "JSON that is not an ExecCredential", id="a list"),
        pytest.param(prints({"kind": "Status"}), "JSON that is not an ExecCredential", id="another kind"),
        pytest.param(prints({"kind": "ExecCredential"}), "of another apiVersion than", id="another version"),
        pytest.param(prints(credential()), "gave neither a token nor", id="an empty status"),
        pytest.param(prints({**credential(), "status": None}), "gave neither a token nor", id="no status"),
        pytest.param(prints(credential(token=5)), "gave neither a token nor", id="a number for a token"),
        pytest.param(prints(credential(clientCertificateData="c")), "gave neither a token nor", id="no key"),
        pytest.param(prints(credential(token="t", expirationTimestamp="soon")), "that is not a time", id="no time"),
    ],
)
def test_plugin_that_gives_nothing_is_an_error_with_its_own_words(the_spec, text):
    with pytest.raises(ConfigurationError, match=f"^user me: .*{text}"):
        run(the_spec)


def test_plugin_that_does_not_end_is_ended():
    with pytest.raises(ConfigurationError, match=r"the plugin .* did not end within 0.5 s"):
        run(spec("import time; time.sleep(60)"), seconds=0.5)


class Terminal:
    def __init__(self, *, there):
        self.isatty = lambda: there


@pytest.mark.parametrize(
    ("there", "mode", "asks"),
    [
        (True, None, True),
        (True, "IfAvailable", True),
        (True, "Always", True),
        (True, "Never", False),
        (False, None, False),
    ],
)
def test_plugin_may_ask_a_person_who_is_there(monkeypatch, there, mode, asks):
    monkeypatch.setattr(plugin.sys, "stdin", Terminal(there=there))
    monkeypatch.setattr(plugin.sys, "stderr", Terminal(there=there))
    assert plugin._may_ask({"interactiveMode": mode}, "user me") == asks
