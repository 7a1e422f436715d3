"""The command line: the original's flags and defaults, one dash or two, environment variables beside them.

A flag wins over its environment variable (``--log-level`` over ``FLAGGER_LOG_LEVEL``), which wins over the default.
"""

import argparse
import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from controller import __version__
from controller.core.durations import parse_interval
from metrics.address import validate_url

LOG_LEVELS = ("debug", "info", "warning", "error")
_MOST_WORKERS = 64
_HIGHEST_PORT = 65535
_TRUE = ("true", "t", "yes", "1")
_FALSE = ("false", "f", "no", "0")

COMMANDS: Mapping[str, str] = {
    "check": "say what is missing before the first rollout, and how to fix it",
    "abort": "give up the revision in analysis: all traffic to the primary, state failed",
    "promote": "promote the revision in analysis, without what is left of it",
    "retry": "start the failed revision again",
    "hold": "keep the canary's weight where it is; checks and rollbacks go on",
    "resume": "end a hold",
}
"""What stands beside the controller itself, by its first argument, and what it is for."""

_COMMANDS_LISTED = "\n".join(f"  {name:<9}{what}" for name, what in COMMANDS.items())

USAGE = """\
flagger [flags]
       flagger check [flags]
       flagger abort|promote|retry|hold|resume NAME [-n NAMESPACE] [flags]"""

DESCRIPTION = """\
Promotes canary releases on Kubernetes: shifts traffic in steps while Prometheus reports the canary healthy, and
rolls back when it is not. Runs in the cluster with its service account, or anywhere with a kubeconfig."""

EPILOG = f"""\
commands:
{_COMMANDS_LISTED}

All but check annotate a Canary object, and the controller obeys. A command comes first and has flags of its own, see
flagger abort --help.

Every flag can be written with one dash or two, and be set in the environment as FLAGGER_<NAME>, e.g.
FLAGGER_METRICS_SERVER. Credentials for Prometheus belong in the environment: PROMETHEUS_TOKEN, or
PROMETHEUS_TOKEN_FILE, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD; PROMETHEUS_HEADERS can name a tenant.

examples:
  flagger --kubeconfig ~/.kube/config --metrics-server http://localhost:9090 --control-loop-interval 1m --dry-run
  flagger check --kubeconfig ~/.kube/config --metrics-server http://localhost:9090
  flagger abort podinfo -n test"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the environment say."""

    kubeconfig: str | None
    master: str | None  # URL of the API server; overrides the kubeconfig's
    metrics_server: str
    control_loop_interval: timedelta
    log_level: str
    port: int  # of /metrics, /healthz and /readyz; 0: any free one
    workers: int
    namespaces: tuple[str, ...]  # empty: all
    leader_election: bool
    leader_election_namespace: str | None  # None: our own
    dry_run: bool


def parse_options(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Return the options; exits with 2 and a usage message if one is wrong.

    Args:
        argv: the arguments without the program's name.
        environ: environment variables; a wrong one is reported like its flag.
    """
    parser = argparse.ArgumentParser(
        prog="flagger",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(parser)
    args, unknown = parser.parse_known_args(_arguments(parser, argv, environ))
    if unknown:
        parser.error(_unrecognized(unknown))
    return options_of(args)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """Return what a parser makes of the environment and, with precedence, of the arguments."""
    return parser.parse_args(_arguments(parser, argv, environ))


def options_of(args: argparse.Namespace) -> Options:
    """Return the options of a parser that has got its flags from ``add_flags``."""
    return Options(
        kubeconfig=args.kubeconfig,
        master=args.master,
        metrics_server=args.metrics_server,
        control_loop_interval=args.control_loop_interval,
        log_level=args.log_level,
        port=args.port,
        workers=args.workers,
        namespaces=tuple(dict.fromkeys(args.namespace or ())),
        leader_election=args.enable_leader_election,
        leader_election_namespace=args.leader_election_namespace,
        dry_run=args.dry_run,
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add every flag of the controller to a parser."""
    add_login_flags(parser)
    add = parser.add_argument
    add(
        "--metrics-server",
        metavar="URL",
        type=_url,
        default="http://prometheus:9090",
        help="address of Prometheus, may have a path (default: %(default)s)",
    )
    add(
        "--control-loop-interval",
        metavar="DURATION",
        type=_interval,
        default="10s",
        help="analysis interval, 1s to 24h, of canaries that do not set one (default: %(default)s)",
    )
    add("--log-level", type=str.lower, choices=LOG_LEVELS, default="info", help="(default: %(default)s)")
    add(
        "--port",
        type=_port,
        default="8080",
        help="port of /metrics, /healthz and /readyz; 0 takes a free one (default: %(default)s)",
    )
    add("--workers", type=_workers, default="4", help="canaries reconciled in parallel (default: %(default)s)")
    add(
        "--namespace",
        action="append",
        metavar="NAME",
        help="watch this namespace only, with a Role instead of a ClusterRole; repeatable (default: all)",
    )
    switch = partial(add, nargs="?", metavar="BOOL", type=_bool, const=True, default=False)
    switch(
        "--enable-leader-election",
        help="act only while holding a Lease, so that several replicas can run: one leads, the others stand by",
    )
    add("--leader-election-namespace", metavar="NAME", help="where the Lease is (default: the controller's own)")
    switch("--dry-run", help="log what would be written, and write nothing")
    add("--version", action="version", version=f"flagger {__version__}")


def add_login_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which cluster is meant, and as whom."""
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="kubeconfig; default: in-cluster if a service account is mounted, else the user's",
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        type=_master,
        help="address of the API server; overrides the one in the kubeconfig",
    )


def _unrecognized(arguments: Sequence[str]) -> str:
    """Return what to say of arguments that are no flags; the first word among them was meant as a command."""
    said = f"unrecognized arguments: {' '.join(arguments)}"
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is None:
        return said
    meant = [] if word in COMMANDS else difflib.get_close_matches(word, COMMANDS, n=1)
    question = f" (did you mean {meant[0]}?)" if meant else ""
    return f"{said}{question}; a command comes first and is one of {', '.join(COMMANDS)}"


def _arguments(parser: argparse.ArgumentParser, argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    return [*_from_environment(parser, environ), *map(_two_dashes, argv)]


def _two_dashes(argument: str) -> str:
    """Return Go's ``-name`` as ``--name``; ``-h`` and ``-o=json`` stay."""
    letters = argument[1:].split("=", maxsplit=1)[0]
    single = argument[:1] == "-" and letters[:1].isalpha() and len(letters) > 1
    return f"-{argument}" if single else argument


def _from_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> list[str]:
    """Return the environment's settings as arguments, so that both are checked in one place."""
    arguments: list[str] = []
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to list its options
        if not action.option_strings:
            continue
        name = action.option_strings[-1]
        value = environ.get("FLAGGER_" + name.removeprefix("--").replace("-", "_").upper())
        if not value or action.dest in {"help", "version"}:
            continue
        if isinstance(action, argparse._AppendAction):  # noqa: SLF001  # likewise
            arguments += [f"{name}={part.strip()}" for part in value.split(",")]
        else:
            arguments.append(f"{name}={value}")
    return arguments


def _url(text: str) -> str:
    try:
        validate_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _master(text: str) -> str:
    if "@" in text:
        raise argparse.ArgumentTypeError("must not hold credentials, those belong in a kubeconfig")
    return _url(text)


def _interval(text: str) -> timedelta:
    try:
        return parse_interval(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _bool(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
    return text.lower() in _TRUE


def _port(text: str) -> int:
    return _number(text, lowest=0, highest=_HIGHEST_PORT)


def _workers(text: str) -> int:
    return _number(text, lowest=1, highest=_MOST_WORKERS)


def _number(text: str, *, lowest: int, highest: int) -> int:
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise argparse.ArgumentTypeError(f"must be a whole number between {lowest} and {highest}, not {text!r}")
    return int(text)
