"""The command line of ``flagger check``."""

from pathlib import Path

import pytest
import yaml

from controller.check.command import main
from controller.check.options import parse_check_options
from controller.command_line import UsageError
from controller.flags import parse_options

DEPLOYMENT = Path(__file__).parents[3] / "artifacts" / "flagger" / "deployment.yaml"


def test_flags_of_the_deployment_are_found_in_its_environment():
    (container,) = yaml.safe_load(DEPLOYMENT.read_text())["spec"]["template"]["spec"]["containers"]
    environ = {variable["name"]: variable["value"] for variable in container["env"]}
    options, output = parse_check_options([], environ)
    assert options == parse_options([], environ)
    assert options.leader_election
    assert options.metrics_server == "http://prometheus.istio-system:9090"
    assert output == "text"


@pytest.mark.parametrize("arguments", [["-o", "json"], ["-o=json"], ["-ojson"], ["--output=json"], ["-output", "json"]])
def test_output(arguments):
    assert parse_check_options(arguments, {})[1] == "json"
    assert parse_check_options([*arguments, "-namespace=a"], {})[0].namespaces == ("a",)


def test_environment_is_that_of_the_controller():
    options, output = parse_check_options([], {"FLAGGER_METRICS_SERVER": "http://p", "FLAGGER_OUTPUT": "json"})
    assert (options.metrics_server, output) == ("http://p", "json")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-o", "yaml"], "argument -o/--output: must be one of text, json, not 'yaml'"),
        (["--port=http"], "argument --port: must be a whole number"),
        (["--namespace="], "argument --namespace: '' cannot be the name of a namespace"),
        (["surplus"], "unrecognized arguments: surplus; see flagger check --help"),
    ],
)
def test_wrong_flag_says_what_would_be_right(arguments, text):
    with pytest.raises(UsageError) as refused:
        parse_check_options(arguments, {})
    assert text in str(refused.value)


def test_wrong_flag_is_one_line_and_exit_code_2(capsys):
    assert main(["--port=http"], lambda: None) == 2
    err = capsys.readouterr().err
    assert err.startswith("flagger check: argument --port: must be a whole number")
    assert err.count("\n") == 1


def test_help_shows_what_makes_a_difference_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_check_options(["--help"], {})
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(flag in out for flag in ("--output", "--kubeconfig", "--metrics-server", "--namespace", "exit code:"))
    assert not any(flag in out for flag in ("--workers", "--port", "--log-level", "--control-loop-interval"))
