"""The command line."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import __version__
from controller.command_line import UsageError
from controller.flags import COMMANDS, LOG_LEVELS, Options, parse_options

DEFAULTS = Options(
    kubeconfig=None,
    master=None,
    metrics_server="http://prometheus:9090",
    allowed_metrics_servers=(),
    control_loop_interval=timedelta(seconds=10),
    log_level="info",
    port=8080,
    workers=4,
    namespaces=(),
    leader_election=False,
    leader_election_namespace=None,
    dry_run=False,
)

CASES = [
    ("kubeconfig", "~/x", "kubeconfig", "~/x"),
    ("master", "https://127.0.0.1:6443", "master", "https://127.0.0.1:6443"),
    ("metrics-server", "http://p:9090/prefix", "metrics_server", "http://p:9090/prefix"),
    ("control-loop-interval", "1m30s", "control_loop_interval", timedelta(seconds=90)),
    ("log-level", "DEBUG", "log_level", "debug"),
    ("port", "0", "port", 0),
    ("workers", "64", "workers", 64),
    ("namespace", "test", "namespaces", ("test",)),
    ("leader-election-namespace", "mine", "leader_election_namespace", "mine"),
]


def test_defaults_are_the_originals():
    assert parse_options([], {}) == DEFAULTS


@pytest.mark.parametrize("dashes", ["-", "--"])
@pytest.mark.parametrize(("flag", "text", "field", "value"), CASES)
def test_flag_with_one_dash_or_two(dashes, flag, text, field, value):
    assert getattr(parse_options([f"{dashes}{flag}={text}"], {}), field) == value
    assert getattr(parse_options([f"{dashes}{flag}", text], {}), field) == value


@pytest.mark.parametrize(("flag", "text", "field", "value"), CASES)
def test_environment_variable_beside_each_flag(flag, text, field, value):
    name = "FLAGGER_" + flag.replace("-", "_").upper()
    assert getattr(parse_options([], {name: text}), field) == value
    assert parse_options([], {name: ""}) == DEFAULTS


def test_flag_wins_over_environment():
    assert parse_options(["--port=1"], {"FLAGGER_PORT": "2"}).port == 1


def test_flag_wins_before_its_variable_is_looked_at():
    assert parse_options(["--workers=7"], {"FLAGGER_WORKERS": "many"}).workers == 7
    assert parse_options(["--namespace=a"], {"FLAGGER_NAMESPACE": "b,,"}).namespaces == ("a",)


def test_last_one_of_a_flag_wins():
    assert parse_options(["--port=1", "-port=2"], {}).port == 2


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_variable_that_kubernetes_makes_for_a_service_named_flagger_is_no_setting(protocol):
    assert parse_options([], {"FLAGGER_PORT": f"{protocol}://10.96.12.7:8080"}).port == 8080
    assert parse_options([], {"FLAGGER_PORT": f"{protocol}://[fd00::7]:8080", "FLAGGER_SERVICE_PORT": "1"}).port == 8080


def test_service_link_is_a_wrong_address_of_prometheus():
    with pytest.raises(UsageError, match=r"variable FLAGGER_METRICS_SERVER: 'tcp://10.96.12.7:9090' is not an address"):
        parse_options([], {"FLAGGER_METRICS_SERVER": "tcp://10.96.12.7:9090"})


def test_namespaces_add_up_once_each():
    assert parse_options(["--namespace", "a", "-namespace=b", "--namespace", "a"], {}).namespaces == ("a", "b")
    assert parse_options([], {"FLAGGER_NAMESPACE": "a, b,a"}).namespaces == ("a", "b")


@pytest.mark.parametrize(
    "name", ["", " ", "Test", "test space", "a.b", "a,b", "-a", "a-", "*", "a/b", "ä", "a\n", "a" * 64, "\udcff"]
)
def test_what_cannot_be_a_namespace_is_refused_and_never_watches_all(name):
    for arguments in ([f"--namespace={name}"], ["--namespace=test", f"--namespace={name}"]):
        with pytest.raises(UsageError, match=r"argument --namespace: .* cannot be the name of a namespace"):
            parse_options(arguments, {})
    with pytest.raises(UsageError, match=r"argument --leader-election-namespace: .* cannot be the name of a namespace"):
        parse_options([f"--leader-election-namespace={name}"], {})


@pytest.mark.parametrize("value", ["test,", ",", ",test", "test,,other", " ", "test Other"])
def test_list_of_namespaces_with_a_gap_is_refused_and_never_watches_all(value):
    with pytest.raises(UsageError, match=r"^variable FLAGGER_NAMESPACE: '.*' cannot be the name of a namespace"):
        parse_options([], {"FLAGGER_NAMESPACE": value})


@pytest.mark.parametrize(("value", "on"), [("1", True), ("true", True), ("0", False), ("False", False), ("no", False)])
@pytest.mark.parametrize(("flag", "field"), [("dry-run", "dry_run"), ("enable-leader-election", "leader_election")])
def test_switch(value, on, flag, field):
    environ = {"FLAGGER_" + flag.replace("-", "_").upper(): value}
    assert getattr(parse_options([], environ), field) is on
    assert getattr(parse_options([f"-{flag}={value}"], {}), field) is on
    assert getattr(parse_options([f"--{flag}"], environ), field) is True
    assert getattr(parse_options([], {}), field) is False


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--port=http", "argument --port: must be a whole number between 0 and 65535, not 'http'"),
        ("--port=65536", "must be a whole number between 0 and 65535, not '65536'"),
        ("--port=-1", "must be a whole number between 0 and 65535, not '-1'"),
        ("--workers=0", "argument --workers: must be a whole number between 1 and 64, not '0'"),
        ("--workers=65", "must be a whole number between 1 and 64, not '65'"),
        (f"--workers={'1' * 5000}", "must be a whole number between 1 and 64"),
        ("--workers=٣", "must be a whole number between 1 and 64, not '٣'"),
        ("-control-loop-interval=--", "argument --control-loop-interval: '--' is not a value"),
        ("--namespace=--", "argument --namespace: '--' is not a value"),
        ("--control-loop-interval=10", "'10' is not a duration such as 30s, 1m or 1h30m"),
        ("--control-loop-interval=0.5s", "argument --control-loop-interval: '0.5s' is not between 1s and 24h"),
        ("--control-loop-interval=25h", "argument --control-loop-interval: '25h' is not between 1s and 24h"),
        ("--control-loop-interval=99999999999h", "argument --control-loop-interval: '99999999999h' is too long"),
        ("--log-level=loud", "argument --log-level: must be one of debug, info, warning, error, not 'loud'"),
        ("--metrics-server=prometheus:9090", "'prometheus:9090' is not an address such as http://prometheus:9090"),
        ("--metrics-server=http://", "'http://' is not an address"),
        ("--metrics-server=http://p:99999", "'http://p:99999' is not an address"),
        ("--metrics-server=http://p/?x=1", "must not have a query or a fragment"),
        ("--metrics-server=http://p/#x", "must not have a query or a fragment"),
        ("--metrics-server=http://[", "argument --metrics-server: "),
        ("--metrics-server=http://p q", "an address has no spaces, line breaks or characters beyond ASCII"),
        ("--metrics-server=http://p\n", "an address has no spaces, line breaks or characters beyond ASCII"),
        ("--master=localhost", "argument --master: 'localhost' is not an address such as https://127.0.0.1:6443"),
        ("--master=https://[", "argument --master: 'https://[' is not an address such as https://127.0.0.1:6443"),
        ("--master=https://k:0", "argument --master: 'https://k:0' is not an address"),
        ("--master=https://k:99999", "argument --master: 'https://k:99999' is not an address"),
        ("--master=https://k\x00", "is not an address such as https://127.0.0.1:6443"),
        ("--kubeconfig=", "argument --kubeconfig: must be the path of a file, not ''"),
        ("--master=https://me:secret@k", "argument --master: must not hold credentials"),
        ("--dry-run=maybe", "argument --dry-run: must be true or false, not 'maybe'"),
        ("--kubeconf=x", "unrecognized arguments: --kubeconf=x"),
        ("surplus", "unrecognized arguments: surplus; a command comes first and is one of check, get, watch, "),
        ("chekc", "unrecognized arguments: chekc (did you mean check?); a command comes first and is one of check, "),
    ],
)
def test_wrong_value_says_what_would_be_right(argument, text):
    with pytest.raises(UsageError) as refused:
        parse_options([argument], {})
    assert text in str(refused.value)
    assert str(refused.value).endswith("; see flagger --help")


def test_command_behind_the_flags_is_told_where_it_belongs():
    with pytest.raises(UsageError) as refused:
        parse_options(["--log-level=debug", "abort", "podinfo", "-n", "test"], {})
    said = "unrecognized arguments: abort podinfo -n test; a command comes first and is one of check, get, "
    assert str(refused.value).startswith(said)


def test_wrong_flag_is_not_taken_for_a_command():
    with pytest.raises(UsageError, match=r"^unrecognized arguments: --kubeconf=x; see flagger --help$"):
        parse_options(["--kubeconf=x"], {})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("FLAGGER_WORKERS", "many", "variable FLAGGER_WORKERS: must be a whole number between 1 and 64, not 'many'"),
        ("FLAGGER_DRY_RUN", "maybe", "variable FLAGGER_DRY_RUN: must be true or false, not 'maybe'"),
        ("FLAGGER_PORT", "http", "variable FLAGGER_PORT: must be a whole number"),
        ("FLAGGER_LOG_LEVEL", "loud", "variable FLAGGER_LOG_LEVEL: must be one of debug, info, warning, error"),
    ],
)
def test_wrong_variable_is_named(name, value, text):
    with pytest.raises(UsageError, match=f"^{text}"):
        parse_options([], {name: value})


def test_credentials_in_a_wrong_address_are_not_shown():
    with pytest.raises(UsageError) as refused:
        parse_options(["--metrics-server=ftp://user:secret@p"], {})
    assert "secret" not in str(refused.value)


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options(["-version"], {})
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"flagger {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_flag_and_the_environment(flag, capsys):
    with pytest.raises(SystemExit):
        parse_options([flag], {})
    out = capsys.readouterr().out
    for name, *_ in CASES:
        assert f"--{name}" in out
    assert "--dry-run" in out
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert "usage: flagger [flags]\n       flagger check [flags]\n       flagger get [NAME] [-n NAMESPACE]" in out
    assert "FLAGGER_METRICS_SERVER" in out
    assert "PROMETHEUS_TOKEN" in out


@pytest.mark.parametrize("address", ["me:secret@prometheus:9090", "http://me:secret@p/?a=b", "http://p/?token=secret"])
@pytest.mark.parametrize("flag", ["--metrics-server", "--master"])
def test_wrong_address_is_refused_without_repeating_a_password(flag, address):
    with pytest.raises(UsageError) as refused:
        parse_options([f"{flag}={address}"], {})
    assert "secret" not in str(refused.value)


FLAGS = [name for name, *_ in CASES] + ["dry-run", "enable-leader-election"]
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "test", "test,", ",", "1", "0", "-1", "1m", "9" * 5000, "99999999999h", "true", "info"]),
    st.sampled_from(
        ["http://p", "http://p:x", "https://[::1]:6443", "http://[", "tcp://10.0.0.1:1", "check", "--", "-"]
    ),
)
WORDS = st.one_of(
    VALUES,
    st.builds("{}{}={}".format, st.sampled_from(["-", "--"]), st.sampled_from(FLAGS), VALUES),
    st.builds("--{}".format, st.sampled_from(FLAGS)),
)
VARIABLES = st.sampled_from(["FLAGGER_" + name.replace("-", "_").upper() for name in FLAGS])


def outcome(parse):
    """Return the options, or what was said instead of them, or the exit code after help or version."""
    try:
        return parse()
    except UsageError as error:
        return str(error)
    except SystemExit as ended:
        return ended.code


@given(st.lists(WORDS, max_size=4), st.dictionaries(VARIABLES, VALUES, max_size=4))
def test_any_command_line_and_environment_is_options_or_one_line(argv, environ):
    options = outcome(lambda: parse_options(argv, environ))
    if not isinstance(options, Options):
        assert options == 0 or len(options.splitlines()) == 1
        return
    assert all(re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in options.namespaces)
    named = any("-namespace" in word for word in argv) or environ.get("FLAGGER_NAMESPACE")
    assert options.namespaces or not named or "leader" in str(argv)
    assert timedelta(seconds=1) <= options.control_loop_interval <= timedelta(hours=24)
    assert 0 <= options.port <= 65535
    assert 1 <= options.workers <= 64
    assert options.log_level in LOG_LEVELS
    assert isinstance(options.dry_run, bool)
    assert isinstance(options.leader_election, bool)
