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

from controller import __version__, values
from controller.command_line import Parser
from controller.kinds_file import read_kinds
from deploy.declaration import Declaration

LOG_LEVELS = ("debug", "info", "warning", "error")

COMMANDS: Mapping[str, str] = {
    "check": "list what is missing before the first rollout, and how to fix it",
    "get": "show how rollouts are doing: a line each, or a picture of one",
    "watch": "show the picture of one canary, live",
    "history": "list its last ten rollouts, and how they ended",
    "wait": "wait for the end of a rollout, for pipelines: the exit code is the outcome",
    "abort": "roll back the revision in analysis: all traffic to the primary, state failed",
    "promote": "promote the revision in analysis, and skip the rest of the analysis",
    "retry": "start the failed revision again",
    "hold": "keep the canary's weight where it is; checks and rollbacks go on",
    "resume": "end a hold",
}
"""The commands besides the controller itself: the first argument, and what it is for."""

_COMMANDS_LISTED = "\n".join(f"  {name:<9}{what}" for name, what in COMMANDS.items())

USAGE = """\
flagger [flags]
       flagger check [flags]
       flagger get [NAME] [-n NAMESPACE] [flags]
       flagger watch|history|wait NAME [-n NAMESPACE] [flags]
       flagger abort|promote|retry|hold|resume NAME [-n NAMESPACE] [flags]"""

PLUGIN_USAGE = f"""\
usage: kubectl canary COMMAND [NAME] [-n NAMESPACE] [flags]

{_COMMANDS_LISTED}

See kubectl canary COMMAND --help.
"""

DESCRIPTION = """\
Promotes canary releases on Kubernetes: shifts traffic in steps while Prometheus reports the canary healthy, and
rolls back when it is not. Runs in the cluster with its service account, or anywhere with a kubeconfig."""

EPILOG = f"""\
commands:
{_COMMANDS_LISTED}

The last five annotate a Canary object, and the controller obeys; the others only read. A command comes first and has
flags of its own, see flagger abort --help. As a plugin: kubectl canary get.

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
    allowed_metrics_servers: tuple[str, ...]  # besides that one
    control_loop_interval: timedelta
    log_level: str
    port: int  # of /metrics, /healthz and /readyz; 0: any free one
    workers: int
    namespaces: tuple[str, ...]  # empty: all
    leader_election: bool
    leader_election_namespace: str | None  # None: our own
    dry_run: bool
    declared: tuple[Declaration, ...] = ()  # kinds of workloads beside those that we know


def parse_options(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Return the options.

    Args:
        argv: the arguments without the program's name.
        environ: environment variables.

    Raises:
        UsageError: a flag or a variable is wrong.
        SystemExit: help or the version was asked for, and printed.
    """
    parser = Parser("flagger", usage=USAGE, description=DESCRIPTION, epilog=EPILOG, hint=_meant)
    add_flags(parser)
    return options_of(parser.read(argv, environ))


def options_of(args: argparse.Namespace) -> Options:
    """Return the options of what a parser with ``add_flags`` has read."""
    return Options(
        kubeconfig=args.kubeconfig,
        master=args.master,
        metrics_server=args.metrics_server,
        allowed_metrics_servers=tuple(dict.fromkeys(args.allow_metrics_server or ())),
        control_loop_interval=args.control_loop_interval,
        log_level=args.log_level,
        port=args.port,
        workers=args.workers,
        namespaces=tuple(dict.fromkeys(args.namespace or ())),
        leader_election=args.enable_leader_election,
        leader_election_namespace=args.leader_election_namespace,
        dry_run=args.dry_run,
        declared=args.kinds or (),
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add every flag of the controller to a parser."""
    add_login_flags(parser)
    _add_metrics_flags(parser)
    _add_process_flags(parser)
    _add_scope_flags(parser)
    switch = partial(parser.add_argument, nargs="?", metavar="BOOL", type=values.boolean, const=True, default=False)
    switch(
        "--enable-leader-election",
        help="act only while holding a Lease, so that several replicas can run: one leads, the others stand by",
    )
    parser.add_argument(
        "--leader-election-namespace",
        metavar="NAME",
        type=values.namespace,
        help="where the Lease is (default: the controller's own)",
    )
    switch("--dry-run", help="log what would be written, and write nothing")
    parser.add_argument("--version", action="version", version=f"flagger {__version__}")


def _add_metrics_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--metrics-server",
        metavar="URL",
        type=values.metrics_server,
        default="http://prometheus:9090",
        help="address of Prometheus, may have a path (default: %(default)s)",
    )
    add(
        "--allow-metrics-server",
        action="append",
        metavar="URL",
        type=values.metrics_server,
        help="another Prometheus that a MetricTemplate may name by its address; repeatable (default: none)",
    )


def _add_process_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--control-loop-interval",
        metavar="DURATION",
        type=values.interval,
        default="10s",
        help="analysis interval, 1s to 24h, of canaries that do not set one (default: %(default)s)",
    )
    add(
        "--log-level",
        metavar=f"{{{','.join(LOG_LEVELS)}}}",
        type=values.one_of(LOG_LEVELS),
        default="info",
        help="(default: %(default)s)",
    )
    add(
        "--port",
        type=values.port,
        default="8080",
        help="port of /metrics, /healthz and /readyz; 0 takes a free one (default: %(default)s)",
    )
    add("--workers", type=values.workers, default="4", help="canaries reconciled in parallel (default: %(default)s)")


def _add_scope_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--namespace",
        action="append",
        metavar="NAME",
        type=values.namespace,
        help="watch this namespace only, with a Role instead of a ClusterRole; repeatable (default: all)",
    )
    add(
        "--kinds",
        metavar="FILE",
        type=read_kinds,
        help="YAML file that declares more kinds for spec.targetKind, see docs/other-kinds.md",
    )


LOGIN_VARIABLES = ("FLAGGER_KUBECONFIG", "FLAGGER_MASTER")
"""What commands take from the environment: the controller's list of namespaces, for one, names no object."""


def add_object_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of commands about Canary objects: those of kubectl that say where one is, and as whom to ask."""
    parser.add_argument(
        "-n",
        "--namespace",
        metavar="NAMESPACE",
        type=values.namespace,
        help="where it is (default: the namespace of the kubeconfig's context or the service account)",
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    add_login_flags(parser)


def add_login_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which cluster is meant, and as whom."""
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        type=values.path,
        help="kubeconfig; default: in-cluster if a service account is mounted, else the user's",
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        type=values.api_server,
        help="address of the API server; overrides the one in the kubeconfig",
    )


def _meant(arguments: Sequence[str]) -> str:
    """Return what to add where arguments are no flags: the first word among them was meant as a command."""
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is None:
        return ""
    meant = [] if word in COMMANDS else difflib.get_close_matches(word, COMMANDS, n=1)
    question = f" (did you mean {meant[0]}?)" if meant else ""
    return f"{question}; a command comes first and is one of {', '.join(COMMANDS)}"
