"""The command line."""

from datetime import timedelta

import pytest

from controller import __version__
from controller.flags import COMMANDS, Options, parse_options

DEFAULTS = Options(
    kubeconfig=None,
    master=None,
    metrics_server="http://prometheus:9090",
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


def test_namespaces_add_up_once_each():
    assert parse_options(["--namespace", "a", "-namespace=b", "--namespace", "a"], {}).namespaces == ("a", "b")
    assert parse_options([], {"FLAGGER_NAMESPACE": "a, b"}).namespaces == ("a", "b")


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
        ("--control-loop-interval=10", "'10' is not a duration such as 30s, 1m or 1h30m"),
        ("--control-loop-interval=0.5s", "argument --control-loop-interval: '0.5s' is not between 1s and 24h"),
        ("--control-loop-interval=25h", "argument --control-loop-interval: '25h' is not between 1s and 24h"),
        ("--control-loop-interval=99999999999h", "argument --control-loop-interval: '99999999999h' is too long"),
        ("--log-level=loud", "invalid choice: 'loud'"),
        ("--metrics-server=prometheus:9090", "'prometheus:9090' is not an address such as http://prometheus:9090"),
        ("--metrics-server=http://", "'http://' is not an address"),
        ("--metrics-server=http://p:99999", "'http://p:99999' is not an address"),
        ("--metrics-server=http://p/?x=1", "must not have a query or a fragment"),
        ("--metrics-server=http://p/#x", "must not have a query or a fragment"),
        ("--master=localhost", "argument --master: 'localhost' is not an address"),
        ("--master=https://me:secret@k", "argument --master: must not hold credentials"),
        ("--dry-run=maybe", "argument --dry-run: must be true or false, not 'maybe'"),
        ("--kubeconf=x", "unrecognized arguments: --kubeconf=x"),
        ("surplus", "unrecognized arguments: surplus; a command comes first and is one of check, abort, promote, "),
        ("chekc", "unrecognized arguments: chekc (did you mean check?); a command comes first and is one of check, "),
    ],
)
def test_wrong_value_says_what_would_be_right(argument, text, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options([argument], {})
    assert ended.value.code == 2
    assert text in capsys.readouterr().err


def test_command_behind_the_flags_is_told_where_it_belongs(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options(["--log-level=debug", "abort", "podinfo", "-n", "test"], {})
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "unrecognized arguments: abort podinfo -n test; a command comes first and is one of check, abort, " in err


def test_wrong_flag_is_not_taken_for_a_command(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--kubeconf=x"], {})
    assert capsys.readouterr().err.endswith("error: unrecognized arguments: --kubeconf=x\n")


def test_wrong_environment_variable_is_reported_like_its_flag(capsys):
    with pytest.raises(SystemExit):
        parse_options([], {"FLAGGER_WORKERS": "many"})
    assert "argument --workers: must be a whole number" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse_options([], {"FLAGGER_DRY_RUN": "maybe"})
    assert "argument --dry-run: must be true or false" in capsys.readouterr().err


def test_credentials_in_a_wrong_address_are_not_shown(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--metrics-server=ftp://user:secret@p"], {})
    assert "secret" not in capsys.readouterr().err


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
    assert "usage: flagger [flags]\n       flagger check [flags]\n       flagger abort|promote|" in out
    assert "FLAGGER_METRICS_SERVER" in out
    assert "PROMETHEUS_TOKEN" in out


@pytest.mark.parametrize("address", ["me:secret@prometheus:9090", "http://me:secret@p/?a=b", "http://p/?token=secret"])
@pytest.mark.parametrize("flag", ["--metrics-server", "--master"])
def test_wrong_address_is_refused_without_repeating_a_password(flag, address, capsys):
    with pytest.raises(SystemExit):
        parse_options([f"{flag}={address}"], {})
    assert "secret" not in capsys.readouterr().err
