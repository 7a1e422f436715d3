"""The command line: the original's flags and defaults, one dash or two, environment variables beside them.

A flag wins over its environment variable (``--log-level`` over ``FLAGGER_LOG_LEVEL``), which wins over the default.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from controller import __version__
from controller.core.durations import parse_duration
from metrics.prometheus import validate_url

LOG_LEVELS = ("debug", "info", "warning", "error")
_SHORTEST_INTERVAL = timedelta(seconds=1)
_MOST_WORKERS = 64
_HIGHEST_PORT = 65535
_TRUE = ("true", "t", "yes", "1")
_FALSE = ("false", "f", "no", "0")

DESCRIPTION = """\
Promotes canary releases on Kubernetes: shifts Istio weights step by step while Prometheus says that the canary is
healthy, and takes them back when it is not. Runs in the cluster with its service account, or anywhere with a
kubeconfig."""

EPILOG = """\
Every flag can be written with one dash or two, and be set in the environment as FLAGGER_<NAME>, e.g.
FLAGGER_METRICS_SERVER. Credentials for Prometheus belong in the environment: PROMETHEUS_USERNAME and
PROMETHEUS_PASSWORD, or PROMETHEUS_TOKEN.

example:
  flagger --kubeconfig ~/.kube/config --metrics-server http://localhost:9090 --control-loop-interval 1m --dry-run

What is missing before the first rollout is told by:
  flagger check --kubeconfig ~/.kube/config --metrics-server http://localhost:9090"""


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
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(parser)
    return options_of(parse(parser, argv, environ))


def parse(parser: argparse.ArgumentParser, argv: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """Return what a parser makes of the environment and, with precedence, of the arguments."""
    return parser.parse_args([*_from_environment(parser, environ), *map(_two_dashes, argv)])


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
    add = parser.add_argument
    add(
        "--kubeconfig",
        metavar="FILE",
        help="kubeconfig; default: in-cluster if a service account is mounted, else the user's",
    )
    add("--master", metavar="URL", type=_master, help="address of the API server; overrides the one in the kubeconfig")
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
        help="length of a round of canaries that set none of their own (default: %(default)s)",
    )
    add("--log-level", type=str.lower, choices=LOG_LEVELS, default="info", help="(default: %(default)s)")
    add(
        "--port",
        type=_port,
        default="8080",
        help="port of /metrics, /healthz and /readyz; 0 takes a free one (default: %(default)s)",
    )
    add("--workers", type=_workers, default="4", help="canaries that are looked at side by side (default: %(default)s)")
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


def _two_dashes(argument: str) -> str:
    """Return Go's ``-name`` as ``--name``; ``-h`` and ``-o=json`` stay."""
    letters = argument[1:].split("=", maxsplit=1)[0]
    single = argument[:1] == "-" and letters[:1].isalpha() and len(letters) > 1
    return f"-{argument}" if single else argument


def _from_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> list[str]:
    """Return the environment's settings as arguments, so that both are checked in one place."""
    arguments: list[str] = []
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to list its options
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
        raise argparse.ArgumentTypeError("must not hold credentials, those belong into a kubeconfig")
    return _url(text)


def _interval(text: str) -> timedelta:
    try:
        interval = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if interval < _SHORTEST_INTERVAL:
        raise argparse.ArgumentTypeError(f"must be at least 1s, not {text}")
    return interval


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
