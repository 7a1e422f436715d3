"""The command: options in, facts gathered and judged, findings out, and an exit code."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TextIO

from controller import __version__
from controller.check.ask_cluster import Question, ask_cluster
from controller.check.ask_metrics import ask_metrics
from controller.check.facts import Api, Facts
from controller.check.findings import Level
from controller.check.judge import judge
from controller.check.options import parse_check_options
from controller.check.report import as_json, as_text
from controller.command_line import UsageError
from controller.flags import Options
from controller.kinds import make_kinds
from controller.printable import printable
from informers.client import KubeClient
from informers.credentials import find_login
from informers.errors import ConfigurationError
from metrics.address import MetricsServerError
from metrics.registry import make_observer

EXIT_FINE = 0
EXIT_TO_FIX = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
USER_AGENT = f"flagger-check/{__version__}"
_REQUEST_SECONDS = 10.0  # in all: a check is waited for by a person
_QUERIES = 4  # that Prometheus answers side by side


def main(argv: Sequence[str], now: Callable[[], datetime], out: TextIO = sys.stdout) -> int:
    """Check, print, and return the exit code.

    Args:
        argv: the arguments after ``check``.
        now: the wall clock.
        out: where to print.
    """
    try:
        options, output = parse_check_options(argv)
        facts = _gather(options, now)
    except (ConfigurationError, MetricsServerError, UsageError) as error:
        sys.stderr.write(f"flagger check: {printable(' '.join(str(error).split()))}\n")
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    findings = judge(facts)
    colours = _may_colour(out, os.environ)
    out.write(as_json(facts, findings) if output == "json" else as_text(facts, findings, colours=colours))
    return EXIT_TO_FIX if any(finding.level is Level.PROBLEM for finding in findings) else EXIT_FINE


def _gather(options: Options, now: Callable[[], datetime]) -> Facts:
    client = KubeClient(
        find_login(options.kubeconfig, options.master),
        user_agent=USER_AGENT,
        pool_size=1,
        total_seconds=_REQUEST_SECONDS,
    )
    with closing(client), closing(make_observer(options, at_once=_QUERIES)) as observer:
        leads = options.leader_election and not options.dry_run
        question = Question(
            namespaces=options.namespaces,
            lease_namespace=(options.leader_election_namespace or client.namespace) if leads else None,
            dry_run=options.dry_run,
            default_interval=options.control_loop_interval,
            kinds=make_kinds(options.declared),
            metrics_servers=observer.servers,
        )
        api = ask_cluster(client, question, now)
        worlds = api.worlds if isinstance(api, Api) else ()
        return Facts(
            api=api,
            metrics=ask_metrics(observer, worlds),
            namespaces=options.namespaces,
            api_server=client.host,
            metrics_server=observer.where,
        )


def _may_colour(out: TextIO, environ: Mapping[str, str]) -> bool:
    return out.isatty() and not environ.get("NO_COLOR")
