"""The command line of ``flagger check``: the controller's flags, so that its Deployment's can be given as they are."""

import argparse
import os
from collections.abc import Mapping, Sequence

from controller import values
from controller.command_line import Parser
from controller.flags import Options, add_flags, options_of

FORMATS = ("text", "json")
_HELP: Mapping[str, str] = {
    "namespace": "look into this namespace only, as a controller with this flag does; repeatable (default: all)",
    "enable_leader_election": "check the rights to the Lease as well",
    "leader_election_namespace": "where the Lease is (default: the namespace of the service account or kubeconfig)",
    "dry_run": "check only what a controller with this flag needs: list and watch",
    **dict.fromkeys(("control_loop_interval", "log_level", "port", "workers"), argparse.SUPPRESS),
}

DESCRIPTION = """\
Says what is missing before the first rollout, and how to fix it: is the API server there and new enough, are both
kinds served, may this user do what the controller does, does Prometheus answer and have Istio's series, and has each
canary object its route, services and workloads? Nothing is written."""

EPILOG = """\
The controller's other flags are taken and make no difference, so that the flags of its Deployment can be given as
they are. What is checked are the rights of whoever asks; to check those of the controller, ask in its pod:

  kubectl -n istio-system exec deployment/flagger -- flagger check --metrics-server http://prometheus.istio-system:9090

exit code: 0 nothing to fix (there may be warnings), 1 something to fix, 2 nothing could be asked, as with a kubeconfig
that cannot be used or a wrong flag."""


def parse_check_options(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[Options, str]:
    """Return the controller's options and the format.

    Args:
        argv: the arguments after ``check``.
        environ: environment variables.

    Raises:
        UsageError: a flag or a variable is wrong.
        SystemExit: help or the version was asked for, and printed.
    """
    parser = Parser("flagger check", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument(
        "-o",
        "--output",
        metavar=f"{{{','.join(FORMATS)}}}",
        type=values.one_of(FORMATS),
        default="text",
        help="how to print (default: %(default)s)",
    )
    add_flags(parser)
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to list its options
        action.help = _HELP.get(action.dest, action.help)
    args = parser.read([_as_kubectl_takes_it(argument) for argument in argv], environ)
    return options_of(args), args.output


def _as_kubectl_takes_it(argument: str) -> str:
    """Return ``-ojson`` as ``-o=json``; it would be taken for Go's ``-ojson`` otherwise."""
    return f"-o={argument[2:]}" if argument[:2] == "-o" and argument[2:] in FORMATS else argument
