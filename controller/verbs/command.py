"""The command: options in, the object read, decided on and annotated, a sentence out, and an exit code."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import TextIO

from controller import __version__
from controller.command_line import UsageError
from controller.core.parse import parse_canary
from controller.not_asked import NotAskedError, translated
from controller.printable import printable
from controller.resources import CANARIES
from controller.verbs.decide import Accepted, Decision, Refused, Verb, decide
from controller.verbs.options import VerbOptions, parse_verb_options
from informers.client import KubeClient
from informers.credentials import find_login
from informers.errors import ApiError, ConfigurationError, ConflictError, TransportError
from informers.types import Json
from router.registry import ROUTES

parse = partial(parse_canary, kinds=None, routes=ROUTES)
"""A verb is asked of a Canary object of any kind: which there are is known to the controller that obeys."""

_MAYBE_WRITTEN = "It is unknown whether it was written; it is safe to run the command again"

EXIT_ASKED = 0
EXIT_REFUSED = 1
EXIT_NOT_ASKED = 2
EXIT_INTERRUPTED = 130
TRIES = 5  # a controller writes a status a few times a round, a person not much more often
_NEEDED = "get and patch"
_REQUEST_SECONDS = 10.0  # in all: a command is waited for by a person


def main(verb: Verb, argv: Sequence[str], now: Callable[[], datetime], out: TextIO = sys.stdout) -> int:
    """Ask it of the Canary object, print what will happen, and return the exit code.

    Args:
        verb: what to ask.
        argv: the arguments after it.
        now: the wall clock.
        out: where to print; refusals and errors go to standard error.
    """
    try:
        decision = _ask(verb, parse_verb_options(verb, argv), now)
    except (ConfigurationError, NotAskedError, UsageError) as error:
        sys.stderr.write(f"flagger {verb}: {printable(' '.join(str(error).split()))}\n")
        return EXIT_NOT_ASKED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if isinstance(decision, Refused):
        sys.stderr.write(f"flagger {verb}: {printable(decision.sentence)}\n")
        return EXIT_REFUSED
    out.write(f"{printable(decision.sentence)}\n")
    return EXIT_ASKED


def user_agent(verb: Verb) -> str:
    """Return how audit logs name the program."""
    return f"flagger-{verb}/{__version__}"


def _ask(verb: Verb, options: VerbOptions, now: Callable[[], datetime]) -> Decision:
    login = find_login(options.kubeconfig, options.master, context=options.context)
    client = KubeClient(login, user_agent=user_agent(verb), pool_size=1, total_seconds=_REQUEST_SECONDS)
    with closing(client):
        namespace = options.namespace or client.namespace
        for _ in range(TRIES):
            try:
                canary = client.get(CANARIES, namespace, options.name)
            except ApiError as error:
                raise translated(error, namespace, options.name, _NEEDED) from error
            decision = _decided(canary, verb, now(), options)
            if not isinstance(decision, Accepted) or decision.patch is None:
                return decision
            try:
                client.merge_patch(CANARIES, namespace, options.name, decision.patch)
            except ConflictError:
                continue  # somebody has written since: it may be in another state now
            except TransportError as error:
                raise NotAskedError(f"{error}. {_MAYBE_WRITTEN}") from error
            except ApiError as error:
                raise translated(error, namespace, options.name, _NEEDED) from error
            return decision
    raise NotAskedError(
        f"{options.name}.{namespace} was changed by somebody else between reading and writing, {TRIES} times in a row; "
        "nothing was written, try again"
    )


def _decided(canary: Json, verb: Verb, now: datetime, options: VerbOptions) -> Decision:
    """Decide on whatever the API server answered: a definition may be another one's, or preserve any field."""
    try:
        return decide(canary, verb, now, parse=parse, reason=options.reason)
    except Exception as error:  # what somebody wrote may raise anything
        what = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise NotAskedError(
            f"canary {options.name} cannot be read, so nothing was written: {what}; flagger check says what is wrong"
        ) from error
