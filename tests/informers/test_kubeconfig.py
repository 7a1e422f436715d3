"""Which context is meant: kubectl's rules for one file and for several."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from informers.credentials import find_login
from informers.errors import ConfigurationError
from informers.kubeconfig import find_kubeconfig


def config(name, *, current=True, namespace="", cluster=None, user=None):
    context = {"cluster": name, "user": name} | ({"namespace": namespace} if namespace else {})
    return {
        "contexts": [{"name": name, "context": context}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}", **(cluster or {})}}],
        "users": [{"name": name, "user": user}],
    } | ({"current-context": name} if current else {})


@pytest.fixture
def merged(tmp_path):
    def read(*configs):
        paths = []
        for number, content in enumerate(configs):
            paths.append(tmp_path / str(number) / "config")
            paths[-1].parent.mkdir()
            if content is not None:
                paths[-1].write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return find_kubeconfig(None, {"KUBECONFIG": ":".join(map(str, paths))}).context()

    return read


def test_first_current_context_wins(merged):
    assert merged(config("dev"), config("prod")).name == "dev"


@pytest.mark.parametrize(
    "first", [None, "", "{}", "current-context: ''", "current-context: null", "clusters: null"], ids=repr
)
def test_file_that_sets_nothing_is_passed_over(merged, first):
    assert merged(first, config("prod")).name == "prod"


def test_first_of_two_entries_of_one_name_wins_whole(merged):
    first = config("it", cluster={"tls-server-name": "one"}, namespace="one")
    other = config("it", cluster={"tls-server-name": "two", "proxy-url": "http://two"}, user={"token": "two"})
    found = merged(first, other)
    assert found.cluster == {"server": "https://it", "tls-server-name": "one"}
    assert (found.user, found.namespace) == ({}, "one")


def test_context_cluster_and_user_may_be_in_three_files(merged):
    parts = config("it", user={"token": "t"})
    found = merged(*({key: parts[key]} for key in ("users", "clusters", "contexts")), {"current-context": "it"})
    assert (found.cluster, found.user, found.namespace) == ({"server": "https://it"}, {"token": "t"}, "default")


def test_paths_are_relative_to_the_file_that_names_them(merged, tmp_path):
    user = {"tokenFile": "token", "client-key": "/key", "exec": {"command": "bin/login"}}
    found = merged(config("a", current=False), config("b", user=user))
    assert found.user["tokenFile"] == str(tmp_path / "1" / "token")
    assert found.user["client-key"] == "/key"
    assert found.user["exec"]["command"] == str(tmp_path / "1" / "bin" / "login")


def test_plugin_without_a_directory_is_looked_for_in_path(merged):
    assert merged(config("b", user={"exec": {"command": "aws"}})).user["exec"]["command"] == "aws"


def test_user_may_be_null_or_not_named(merged):
    without = config("it")
    without["contexts"][0]["context"].pop("user")
    without.pop("users")
    assert merged(without).user == {}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"current-context": "other"}, "there is no context other"),
        ({"current-context": None}, "there is no current-context"),
        ({"current-context": ["it"]}, "there is no current-context"),
        ({"clusters": []}, "there is no cluster it"),
        ({"users": []}, "there is no user it"),
        ({"users": 5}, "users must be a list"),
        ({"users": ["it"]}, "each of users must have a name"),
        ({"users": [{"name": 5}]}, "each of users must have a name"),
        ({"users": [{"name": "it", "user": "me"}]}, "user it must be an object"),
        ({"users": [{"name": "it"}] * 2}, "there are two users named it"),
        ({"contexts": [{"name": "it"}]}, "its context names no cluster"),
        ({"contexts": [{"name": "it", "context": {"cluster": {"a": 1}}}]}, "there is no cluster {'a': 1}"),
    ],
)
def test_kubeconfig_that_is_not_whole_is_a_sentence(merged, change, text):
    with pytest.raises(ConfigurationError, match=rf"kubeconfig /.*: {text}\. Name another with --kubeconfig"):
        merged({**config("it"), **change})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("users:\n- token: secret\n  [", "line 3: "),
        ("a: !!timestamp secret", "it is not YAML"),
        ("a: !!float ''", "it is not YAML"),
        ("a: !!int secret", "it is not YAML"),
        ("[" * 520 + "]" * 520, "it is not YAML"),
        ("secret: \x00", "it is not YAML"),
    ],
)
def test_file_that_is_not_yaml_is_named_and_not_quoted(merged, text, problem):
    with pytest.raises(ConfigurationError, match=f"kubeconfig /.*/0/config cannot be read: {problem}") as raised:
        merged(text)
    assert "secret" not in str(raised.value)


def test_kubeconfig_of_a_flag_is_one_file_that_must_exist(tmp_path):
    found = find_kubeconfig(f"{tmp_path}/a:b", {"KUBECONFIG": "/other"})
    assert found.exists()
    with pytest.raises(ConfigurationError, match="a:b cannot be read: No such file"):
        found.context()


@pytest.mark.parametrize(
    ("environ", "paths"),
    [
        ({}, ["HOME/.kube/config"]),
        ({"KUBECONFIG": ""}, ["HOME/.kube/config"]),
        ({"KUBECONFIG": "/a::/b:/a:"}, ["/a", "/b"]),
        ({"KUBECONFIG": "~/c"}, ["HOME/c"]),
        ({"KUBECONFIG": ":"}, []),
    ],
)
def test_files_are_those_that_kubectl_reads(tmp_path, monkeypatch, environ, paths):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = find_kubeconfig(None, environ)
    assert [str(path) for path in found.paths] == [path.replace("HOME", str(tmp_path)) for path in paths]
    assert not found.exists()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("it"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMED = st.lists(
    ANY | st.fixed_dictionaries({"name": st.just("it")}, optional=dict.fromkeys(("context", "cluster", "user"), ANY))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ANY
    | st.fixed_dictionaries(
        {}, optional={"current-context": ANY, "contexts": ANY | NAMED, "clusters": ANY | NAMED, "users": ANY | NAMED}
    )
)
def test_any_yaml_is_a_context_or_a_sentence(tmp_path, content):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content))
    with contextlib.suppress(ConfigurationError):
        found = find_kubeconfig(str(path), {}).context()
        assert isinstance(found.cluster, dict)
        assert isinstance(found.user, dict)


def test_file_that_cannot_even_be_looked_for_is_named_with_the_reason():
    beyond = "/x" * 3000  # like a directory of somebody else, which a test that runs as root could see
    with pytest.raises(ConfigurationError, match=r"x cannot be read: File name too long\. Name another with"):
        find_login(None, None, service_account=Path("/none"), environ={"KUBECONFIG": beyond})
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ConfigurationError, match=r"x/ca\.crt cannot be read: File name too long"):
        find_login(None, None, service_account=Path(beyond), environ=environ).load()
