"""The command line of the verbs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.command_line import UsageError
from controller.verbs.command import main
from controller.verbs.decide import Verb
from controller.verbs.options import VerbOptions, parse_verb_options

PLAIN = VerbOptions("podinfo", None, None, None)


@pytest.mark.parametrize("verb", Verb)
def test_name_is_all_that_is_needed(verb):
    assert parse_verb_options(verb, ["podinfo"], {}) == PLAIN


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n", "next"],
        ["-n=next"],
        ["-nnext"],
        ["--namespace", "next"],
        ["--namespace=next"],
        ["-namespace", "next"],
        ["-namespace=next"],
    ],
    ids=" ".join,
)
def test_namespace_as_kubectl_and_go_take_it(arguments):
    expected = VerbOptions("podinfo", "next", None, None)
    assert parse_verb_options(Verb.ABORT, ["podinfo", *arguments], {}) == expected
    assert parse_verb_options(Verb.ABORT, [*arguments, "podinfo"], {}) == expected


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_api_server_is_named_as_for_the_controller(dashes):
    arguments = ["podinfo", f"{dashes}kubeconfig=file", f"{dashes}master", "https://k"]
    assert parse_verb_options(Verb.RETRY, arguments, {}) == VerbOptions("podinfo", None, "file", "https://k")
    environ = {"FLAGGER_KUBECONFIG": "file", "FLAGGER_MASTER": "https://k"}
    assert parse_verb_options(Verb.RETRY, ["podinfo"], environ) == VerbOptions("podinfo", None, "file", "https://k")


def test_environment_of_the_controller_names_no_object():
    environ = {"FLAGGER_NAMESPACE": "a,b", "FLAGGER_NAME": "x", "FLAGGER_REASON": "x", "FLAGGER_PORT": "x"}
    assert parse_verb_options(Verb.HOLD, ["podinfo"], environ) == PLAIN


def test_reason_is_one_line():
    options = parse_verb_options(Verb.HOLD, ["podinfo", "--reason", " peak\n hours "], {})
    assert options.reason == "peak hours"


@pytest.mark.parametrize(
    ("verb", "arguments", "text"),
    [
        (Verb.ABORT, [], "the following arguments are required: NAME"),
        (Verb.ABORT, [""], "argument NAME: '' cannot be the name of an object"),
        (Verb.ABORT, ["canary/podinfo"], "argument NAME: 'canary/podinfo' cannot be the name of an object"),
        (Verb.ABORT, ["a" * 254], "cannot be the name of an object"),
        (Verb.ABORT, ["a..b"], "argument NAME: 'a..b' cannot be the name of an object"),
        (Verb.ABORT, ["podinfo", "-n", "a.b"], "argument -n/--namespace: 'a.b' cannot be the name of a namespace"),
        (Verb.ABORT, ["podinfo", "other"], "unrecognized arguments: other"),
        (Verb.ABORT, ["podinfo", "-n", "a,b"], "argument -n/--namespace: 'a,b' cannot be the name of a namespace"),
        (Verb.ABORT, ["podinfo", "-n="], "argument -n/--namespace: '' cannot be the name of a namespace"),
        (Verb.ABORT, ["podinfo", "--reason=x"], "unrecognized arguments: --reason=x"),
        (Verb.HOLD, ["podinfo", "--reason="], "argument --reason: must be a string of up to 256 characters"),
        (Verb.HOLD, ["podinfo", f"--reason={'a' * 257}"], "argument --reason: must be a string of up to 256"),
        (Verb.HOLD, ["podinfo", "--port=1"], "unrecognized arguments: --port=1"),
        (Verb.HOLD, ["podinfo", "--master=k"], "argument --master: 'k' is not an address"),
    ],
)
def test_wrong_argument_says_what_would_be_right(verb, arguments, text):
    with pytest.raises(UsageError) as refused:
        parse_verb_options(verb, arguments, {})
    assert text in str(refused.value)
    assert str(refused.value).endswith(f"; see flagger {verb} --help")


def test_wrong_argument_is_one_line_and_exit_code_2(capsys):
    assert main(Verb.HOLD, ["podinfo", "--reason="], lambda: None) == 2
    err = capsys.readouterr().err
    assert err == "flagger hold: argument --reason: must be a string of up to 256 characters; see flagger hold --help\n"


WORDS = st.one_of(
    st.text(max_size=10), st.sampled_from(["podinfo", "-n", "-ntest", "--reason=x", "--master=https://k"])
)


def outcome(parse):
    """Return the options, or what was said instead of them, or the exit code after help."""
    try:
        return parse()
    except UsageError as error:
        return str(error)
    except SystemExit as ended:
        return ended.code


@given(st.sampled_from(Verb), st.lists(WORDS, max_size=5), st.text(max_size=10))
def test_any_command_line_and_environment_is_options_or_one_line(verb, argv, value):
    environ = {"FLAGGER_KUBECONFIG": value, "FLAGGER_MASTER": value}
    options = outcome(lambda: parse_verb_options(verb, argv, environ))
    if isinstance(options, VerbOptions):
        assert options.name
        assert options.namespace != ""
    else:
        assert options == 0 or len(options.splitlines()) == 1


@pytest.mark.parametrize("verb", Verb)
def test_help_says_what_it_does_what_it_writes_and_what_it_takes(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_verb_options(verb, ["--help"], {})
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: flagger {verb} " in out
    assert f"flagger.app/{'hold' if verb is Verb.RESUME else verb}" in out
    assert all(
        part in out for part in ("NAME", "--namespace", "--kubeconfig", "--master", "get and patch", "exit code:")
    )
    assert ("--reason" in out) is (verb is Verb.HOLD)
