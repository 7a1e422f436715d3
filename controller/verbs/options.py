"""The command line of the verbs: whom to ask as the controller has it, and which Canary object as kubectl has it."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller import values
from controller.command_line import Parser, as_kubectl_takes_it
from controller.flags import LOGIN_VARIABLES, add_object_flags
from controller.verbs.decide import Verb

_LONGEST_REASON = 256

DESCRIPTIONS: Mapping[Verb, str] = {
    Verb.ABORT: """\
Gives up the revision in analysis: all traffic goes to the primary, the canary is scaled to 0, and the state becomes
failed. The revision is not tried again unless it is retried. Once its template is being copied to the primary it is too
late: release the previous version then.""",
    Verb.PROMOTE: """\
Promotes the revision in analysis without what is left of it. What is asked of pods, services and route still holds, and
a hold does too.""",
    Verb.RETRY: "Starts the revision that has failed again, from the beginning.",
    Verb.HOLD: """\
Keeps the canary's weight where it is until `flagger resume`. Checks go on, and so do rollbacks. At rest it holds the
next rollout, which gets pods and no traffic.""",
    Verb.RESUME: "Ends a hold.",
}

EPILOG = """\
Nothing is written but the annotation {annotation} of the Canary object. This needs the permissions get and patch
on canaries.flagger.app in its namespace.

exit code: 0 asked, or nothing to do; 1 refused, since the rollout is in another state; 2 could not be asked, as without
such an object, without permission, without an answer, or with a wrong flag."""


@dataclass(frozen=True, slots=True)
class VerbOptions:
    """Which Canary object, through whom, and why."""

    name: str
    namespace: str | None  # None: the kubeconfig's or service account's
    kubeconfig: str | None
    master: str | None  # URL of the API server; overrides the kubeconfig's
    reason: str = ""  # of a hold; "": none given
    context: str | None = None  # of the kubeconfig; None: the current one


def parse_verb_options(verb: Verb, argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> VerbOptions:
    """Return the options.

    Args:
        verb: what was typed.
        argv: the arguments after it.
        environ: environment variables.

    Raises:
        UsageError: an argument, a flag or a variable is wrong.
        SystemExit: help was asked for, and printed.
    """
    annotation = Verb.HOLD if verb is Verb.RESUME else verb
    epilog = EPILOG.format(annotation=f"flagger.app/{annotation}")
    parser = Parser(f"flagger {verb}", description=DESCRIPTIONS[verb], epilog=epilog)
    parser.add_argument(
        "name", metavar="NAME", type=values.object_name, help="the Canary object, as kubectl get canaries shows it"
    )
    add_object_flags(parser)
    if verb is Verb.HOLD:
        parser.add_argument("--reason", metavar="TEXT", type=_reason, help="the reason, which the event repeats")
    known = {name: environ[name] for name in LOGIN_VARIABLES if name in environ}
    args = parser.read([as_kubectl_takes_it(argument, {"n": "namespace"}) for argument in argv], known)
    reason = getattr(args, "reason", None) or ""
    return VerbOptions(args.name, args.namespace, args.kubeconfig, args.master, reason, args.context)


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason or len(reason) > _LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"must be a string of up to {_LONGEST_REASON} characters")
    return reason
