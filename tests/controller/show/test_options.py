"""The command line, as kubectl takes it."""

from datetime import timedelta

import pytest

from controller.command_line import UsageError
from controller.show.options import Command, ShowOptions, parse_show_options

DEFAULTS = ShowOptions("", None, False, "", False, timedelta(), None, None, None)


def parsed(*argv, environ=None):
    command, *rest = argv
    return parse_show_options(Command(command), rest, environ or {})


@pytest.mark.parametrize(
    ("argv", "changes"),
    [
        (["get"], {}),
        (["get", "podinfo"], {"name": "podinfo"}),
        (["get", "-A"], {"all_namespaces": True}),
        (["get", "--all-namespaces", "-o", "wide"], {"all_namespaces": True, "output": "wide"}),
        (["get", "-ntest", "-oyaml"], {"namespace": "test", "output": "yaml"}),
        (["get", "podinfo", "-n", "test", "-w"], {"name": "podinfo", "namespace": "test", "watch": True}),
        (["watch", "podinfo"], {"name": "podinfo", "watch": True}),
        (["history", "podinfo", "--output=json"], {"name": "podinfo", "output": "json"}),
        (["wait", "podinfo"], {"name": "podinfo", "timeout": timedelta(hours=1)}),
        (["wait", "podinfo", "--timeout", "90s"], {"name": "podinfo", "timeout": timedelta(seconds=90)}),
        (
            ["get", "--context", "prod", "--kubeconfig", "k", "--master", "https://a"],
            {"context": "prod", "kubeconfig": "k", "master": "https://a"},
        ),
    ],
    ids=lambda argv: " ".join(argv) if isinstance(argv, list) else "",
)
def test_flags(argv, changes):
    options = parsed(*argv)
    assert {name: getattr(options, name) for name in changes} == changes
    others = {name for name in ShowOptions.__slots__ if name not in changes}
    assert {name: getattr(options, name) for name in others} == {name: getattr(DEFAULTS, name) for name in others}


def test_login_comes_from_the_environment_and_the_namespaces_of_the_controller_do_not():
    environ = {"FLAGGER_KUBECONFIG": "k", "FLAGGER_NAMESPACE": "a,b", "FLAGGER_NAME": "x"}
    options = parsed("get", environ=environ)
    assert (options.kubeconfig, options.namespace, options.name) == ("k", None, "")


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["watch"], "the following arguments are required: NAME"),
        (["get", "-w"], "--watch needs the NAME of one canary"),
        (["get", "podinfo", "-A"], "--all-namespaces goes with no NAME and no --namespace"),
        (["get", "-A", "-n", "test"], "--all-namespaces goes with no NAME and no --namespace"),
        (["get", "podinfo", "-w", "-o", "json"], "--watch and --output exclude each other"),
        (["get", "-o", "xml"], "argument -o/--output: must be json, yaml or wide"),
        (["get", "Pod"], "argument NAME: 'Pod' cannot be the name of an object"),
        (["wait", "podinfo", "--timeout", "soon"], "argument --timeout: 'soon' is not a duration"),
        (["wait", "podinfo", "-o", "json"], "unrecognized arguments"),
    ],
    ids=lambda argv: " ".join(argv) if isinstance(argv, list) else "",
)
def test_wrong_flags_are_one_sentence(argv, problem):
    with pytest.raises(UsageError, match="^" + problem.replace("/", "\\/")[:30].replace("'", "'")) as refused:
        parsed(*argv)
    assert problem.split(":")[0] in str(refused.value)


@pytest.mark.parametrize("command", list(Command))
def test_help_says_the_exit_codes_and_the_permissions(command, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(command, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "exit code: 0" in told
    assert "Nothing is written" in told
