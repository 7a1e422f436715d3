"""The command line of ``get``, ``watch``, ``history`` and ``wait``, with the flags of kubectl."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from controller import values
from controller.command_line import Parser, as_kubectl_takes_it
from controller.core.durations import parse_duration
from controller.flags import LOGIN_VARIABLES, add_object_flags

FORMATS = ("json", "yaml", "wide")
_DEFAULT_TIMEOUT = "1h"


class Command(StrEnum):
    """What can be asked to be shown."""

    GET = "get"
    WATCH = "watch"
    HISTORY = "history"
    WAIT = "wait"


DESCRIPTIONS: Mapping[Command, str] = {
    Command.GET: """\
Shows how rollouts are doing: without a NAME a line for each canary, with one a picture of it. It has the versions, why
the rollout stands where it does, weights and pods of both sides, each check against its limit, what is in the way, and
the last events.""",
    Command.WATCH: """\
Shows the picture of one canary, live, until Ctrl-C. Where the output is no terminal: a line whenever something changes.
NO_COLOR and TERM=dumb are heeded.""",
    Command.HISTORY: "Lists the last ten rollouts of a canary, with how each ended, why, and its worst readings.",
    Command.WAIT: """\
Waits until the rollout of what the canary's workload holds now has ended, one that the controller has not seen yet
included. Where there is nothing to release it ends at once.""",
}

_CODES: Mapping[Command, str] = {
    Command.WAIT: "exit code: 0 promoted, or nothing to release; 1 rolled back; 2 timeout; 3 could not be asked.",
}
_OTHERS = "exit code: 0 shown; 3 could not be asked, as without such an object, without permission, or a wrong flag."

EPILOG = """\
Nothing is written. It needs the permissions get and list on canaries.flagger.app, and get on what a canary names:
workloads, services, its route, and list on events. What may not be read is left out, and named.

{codes}"""


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which canaries, through whom, and how."""

    name: str  # "": all of the namespace
    namespace: str | None  # None: the kubeconfig's or service account's
    all_namespaces: bool
    output: str  # "": for people
    watch: bool
    timeout: timedelta
    kubeconfig: str | None
    context: str | None
    master: str | None  # URL of the API server; overrides the kubeconfig's


def parse_show_options(
    command: Command, argv: Sequence[str], environ: Mapping[str, str] = os.environ, *, program: str = "flagger"
) -> ShowOptions:
    """Return the options.

    Args:
        command: what was typed.
        argv: the arguments after it.
        environ: environment variables.
        program: how it was called.

    Raises:
        UsageError: an argument, a flag or a variable is wrong.
        SystemExit: help was asked for, and printed.
    """
    parser = _make_parser(command, program)
    known = {name: environ[name] for name in LOGIN_VARIABLES if name in environ}
    letters = {"n": "namespace", "o": "output"}
    args = parser.read([as_kubectl_takes_it(argument, letters) for argument in argv], known)
    options = ShowOptions(
        name=args.name or "",
        namespace=args.namespace,
        all_namespaces=bool(getattr(args, "all_namespaces", None)),
        output=getattr(args, "output", None) or "",
        watch=command is Command.WATCH or bool(getattr(args, "watch", None)),
        timeout=getattr(args, "timeout", None) or timedelta(),
        kubeconfig=args.kubeconfig,
        context=args.context,
        master=args.master,
    )
    _check(parser, options)
    return options


def _make_parser(command: Command, program: str) -> Parser:
    parser = Parser(
        f"{program} {command}",
        description=DESCRIPTIONS[command],
        epilog=EPILOG.format(codes=_CODES.get(command, _OTHERS)),
    )
    add = parser.add_argument
    several = command is Command.GET
    add(
        "name",
        metavar="NAME",
        nargs="?" if several else None,
        type=values.object_name,
        help="the Canary object, as kubectl get canaries shows it" + (" (default: all)" if several else ""),
    )
    add_object_flags(parser)
    if several:
        add("-A", "--all-namespaces", action="store_true", default=None, help="canaries of every namespace")
        add("-w", "--watch", action="store_true", default=None, help="go on showing one canary, as flagger watch does")
    if command in {Command.GET, Command.HISTORY}:
        add(
            "-o",
            "--output",
            metavar=f"{{{','.join(FORMATS)}}}",
            type=values.one_of(FORMATS),
            help="as JSON or YAML, or with more columns (default: for people)",
        )
    if command is Command.WAIT:
        add(
            "--timeout",
            metavar="DURATION",
            type=_timeout,
            default=_DEFAULT_TIMEOUT,
            help="give up after this long, such as 90s or 1h (default: %(default)s)",
        )
    return parser


def _check(parser: Parser, options: ShowOptions) -> None:
    if options.all_namespaces and (options.name or options.namespace):
        parser.error("--all-namespaces goes with no NAME and no --namespace")
    if options.watch and not options.name:
        parser.error("--watch needs the NAME of one canary")
    if options.watch and options.output:
        parser.error("--watch and --output exclude each other")


def _timeout(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
