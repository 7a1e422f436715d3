"""The commands: options in, canaries read, a table or a picture out, and an exit code."""

import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TextIO

import yaml

from controller import __version__
from controller.command_line import UsageError
from controller.core.canary import CanarySpec
from controller.core.parse import parse_canary
from controller.not_asked import NotAskedError, translated
from controller.printable import printable
from controller.show import lists, waiting
from controller.show.facts import Json, Snapshot, Told
from controller.show.lines import Line, Span, line, plain
from controller.show.options import Command, ShowOptions, parse_show_options
from controller.show.picture import in_one_line, picture
from controller.show.reader import Reader
from controller.show.screen import Screen
from controller.show.waiting import EXIT_NOT_ASKED, Outcome
from informers.client import KubeClient
from informers.credentials import find_login
from informers.errors import ApiError, ConfigurationError, ForbiddenError, NotFoundError, UnauthorizedError
from router.registry import ROUTES

EXIT_SHOWN = 0
EXIT_INTERRUPTED = 130
LOOK_SECONDS = 2.0
_REQUEST_SECONDS = 10.0  # in all: a command is waited for by a person
_FOR_GOOD = (ForbiddenError, NotFoundError, UnauthorizedError)  # what does not pass by itself


def main(
    command: Command,
    argv: Sequence[str],
    now: Callable[[], datetime],
    *,
    out: TextIO = sys.stdout,
    program: str = "flagger",
    pause: Callable[[float], object] = lambda seconds: threading.Event().wait(seconds),
) -> int:
    """Show it, and return the exit code.

    Args:
        command: what was typed.
        argv: the arguments after it.
        now: the wall clock.
        out: where to print; errors go to standard error.
        program: how it was called.
        pause: sleeps for so many seconds.
    """
    try:
        options = parse_show_options(command, argv, program=program)
        login = find_login(options.kubeconfig, options.master, context=options.context)
        agent = f"flagger-{command}/{__version__}"
        with closing(KubeClient(login, user_agent=agent, pool_size=1, total_seconds=_REQUEST_SECONDS)) as client:
            namespace = "" if options.all_namespaces else options.namespace or client.namespace
            return _Command(Reader(client, now), namespace, options, now, out, pause).run(command)
    except (ConfigurationError, NotAskedError, UsageError) as error:
        sys.stderr.write(f"{program} {command}: {printable(' '.join(str(error).split()))}\n")
        return EXIT_NOT_ASKED
    except BrokenPipeError:  # whoever read has seen enough; Python would complain once more when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return EXIT_SHOWN
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


class _Command:
    def __init__(  # one command has these parts
        self,
        reader: Reader,
        namespace: str,
        options: ShowOptions,
        now: Callable[[], datetime],
        out: TextIO,
        pause: Callable[[float], object],
    ) -> None:
        self._asker = reader
        self._namespace = namespace
        self._options = options
        self._now = now
        self._out = out
        self._pause = pause

    def run(self, command: Command) -> int:
        if command is Command.WAIT:
            return self._wait()
        if self._options.watch:
            return self._watch()
        self._history() if command is Command.HISTORY else self._get()
        return EXIT_SHOWN

    def _get(self) -> None:
        options = self._options
        if options.name and not options.output:
            snapshot = self._snapshot()
            screen = Screen(self._out)
            screen.say(picture(snapshot, screen.width))
            return
        objects = [self._object()] if options.name else self._objects()
        if options.output in {"json", "yaml"}:
            as_list = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}
            self._print_document(objects[0] if options.name else as_list)
        elif not objects:
            where = f"namespace {self._namespace}" if self._namespace else "any namespace"
            sys.stderr.write(f"There is no canary in {where}.\n")
        else:
            wide = options.output == "wide"
            self._out.write(lists.canaries(objects, self._now(), wide=wide, namespaces=options.all_namespaces))

    def _history(self) -> None:
        obj = self._object()
        if self._options.output in {"json", "yaml"}:
            self._print_document(lists.past_rollouts(obj))
            return
        self._out.write(lists.history(obj, _spec_of(obj), self._now(), wide=self._options.output == "wide"))

    def _watch(self) -> int:
        screen = Screen(self._out)
        snapshot, shown = self._snapshot(), ""
        told: set[Told] = set()
        try:
            while True:
                if screen.is_live:
                    screen.show(partial(picture, snapshot))
                else:
                    screen.say([_event(event) for event in snapshot.events if event not in told])
                    told.update(snapshot.events)
                    shown = self._say_once(in_one_line(snapshot), shown)
                self._pause(LOOK_SECONDS)
                snapshot = self._again(snapshot)
        except NotFoundError:
            screen.keep()
            screen.say([line(f"canary {self._options.name} was deleted")])
            return EXIT_SHOWN
        finally:
            screen.keep()

    def _again(self, before: Snapshot) -> Snapshot:
        """Return what is to be seen now; while the API server does not answer, what was seen before, and that."""
        try:
            return self._asker.snapshot(self._namespace, self._options.name)
        except NotFoundError:
            raise
        except ApiError as error:
            return replace(before, now=self._now(), unread=(str(error),))

    def _wait(self) -> int:
        began, shown, end = False, "", self._now() + self._options.timeout
        snapshot: Snapshot | None = None
        while True:
            try:
                snapshot = self._asker.snapshot(self._namespace, self._options.name, events=False)
            except _FOR_GOOD as error:
                raise self._translated(error) from error
            except ApiError as error:
                shown = self._say_once(line(f"the API server does not answer, asking again: {error}"), shown)
            else:
                _refuse_what_cannot_be_told(snapshot)
                began = began or snapshot.seen.state == "running"
                done = waiting.outcome(snapshot, began=began)
                if done is not None:
                    return self._ended(done)
                shown = self._say_once(in_one_line(snapshot), shown)
            if self._now() >= end:
                label = f"{self._options.name}.{self._namespace}"
                return self._ended(waiting.timed_out(snapshot, label, self._options.timeout.total_seconds()))
            left = (end - self._now()) / timedelta(seconds=1)
            self._pause(min(LOOK_SECONDS, max(left, 0.0)))

    def _say_once(self, said: Line, shown: str) -> str:
        text = plain([said])
        if text != shown:
            Screen(self._out).say([said])
        return text

    def _ended(self, done: Outcome) -> int:
        Screen(self._out).say([line(done.sentence)])
        return done.code

    def _object(self) -> Json:
        try:
            return self._asker.canary(self._namespace, self._options.name)
        except ApiError as error:
            raise self._translated(error) from error

    def _objects(self) -> list[Json]:
        try:
            return self._asker.canaries(self._namespace)
        except ApiError as error:
            raise self._translated(error) from error

    def _snapshot(self) -> Snapshot:
        try:
            return self._asker.snapshot(self._namespace, self._options.name)
        except ApiError as error:
            raise self._translated(error) from error

    def _translated(self, error: ApiError) -> NotAskedError:
        name = self._options.name
        return translated(error, self._namespace, name, "get" if name else "list")

    def _print_document(self, document: Any) -> None:  # noqa: ANN401  # JSON
        if self._options.output == "yaml":
            yaml.safe_dump(document, self._out, sort_keys=True, allow_unicode=True)
        else:
            self._out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _refuse_what_cannot_be_told(snapshot: Snapshot) -> None:
    """Without the workload nobody can say whether it holds something that the controller has not seen yet."""
    world = snapshot.world
    if world is not None and world.canary_workload is None and snapshot.unread:
        raise NotAskedError(f"whether there is something to wait for cannot be told: {', '.join(snapshot.unread)}")


def _event(event: Told) -> Line:
    at = event.at.strftime("%H:%M:%SZ")
    return line(Span(f"{at}  ", "dim"), Span(event.text, "warning" if event.warning else ""))


def _spec_of(obj: Json) -> CanarySpec | None:
    try:
        spec = parse_canary({**obj, "status": {}}, kinds=None, routes=ROUTES).spec
    except (KeyError, TypeError, ValueError):
        return None
    return spec if isinstance(spec, CanarySpec) else None
