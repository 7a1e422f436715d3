"""The composition root: options, logs, signals, exit codes."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from controller.bounded_server import PortError
from controller.check.command import main as check
from controller.command_line import UsageError
from controller.flags import COMMANDS, PLUGIN_USAGE, parse_options
from controller.lifecycle import Controller, utc_now
from controller.logs import set_up_logs
from controller.show.options import Command
from controller.verbs.command import main as ask
from controller.verbs.decide import Verb
from informers.errors import ConfigurationError
from metrics.address import MetricsServerError

log = logging.getLogger("flagger")

GRACE_SECONDS = 4.5  # the exit is promised within five
EXIT_BROKEN = 1  # as Python's own after an exception that nobody caught
EXIT_USAGE = 2
EXIT_CUT_OFF = 3
EXIT_LOST_LEAD = 4
_END = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str]) -> int:
    """Run the controller until a signal, or one of the commands beside it; return the exit code.

    Until the controller is built, SIGTERM and SIGINT are handled by ``controller.__main__``.
    """
    if arguments[:1] == ["check"]:
        set_up_logs("error")  # what the parts log besides is a finding there
        return check(arguments[1:], utc_now)
    if arguments and arguments[0] in list(Verb):
        set_up_logs("error")
        return ask(Verb(arguments[0]), arguments[1:], utc_now)
    if arguments and arguments[0] in list(Command):
        return _show(Command(arguments[0]), arguments[1:], "flagger")
    set_up_logs("info")
    try:
        options = parse_options(arguments)
        set_up_logs(options.log_level)
        controller = Controller(options, end_process=partial(signal.raise_signal, signal.SIGTERM))
    except (ConfigurationError, MetricsServerError, PortError, UsageError) as error:
        log.error("Cannot start: %s", error)  # noqa: TRY400  # the message is for people, a trace is not
        return EXIT_USAGE
    with _signals_heeded(controller):
        controller.run()
    if controller.broken:
        return EXIT_BROKEN
    return EXIT_LOST_LEAD if controller.lost_lead else 0


def plugin(argv: Sequence[str] | None = None) -> int:
    """Run as ``kubectl canary …``: the commands for people, and never the controller."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in list(Command):
        return _show(Command(arguments[0]), arguments[1:], "kubectl canary")
    if arguments and arguments[0] in COMMANDS:
        return main(arguments)
    wanted = not arguments or arguments[0] in {"-h", "--help", "help"}
    (sys.stdout if wanted else sys.stderr).write(PLUGIN_USAGE)
    return 0 if wanted else EXIT_USAGE


def _show(command: Command, argv: Sequence[str], program: str) -> int:
    # Rich is loaded by these commands only: the controller has no use for it.
    from controller.show.command import main as show  # noqa: PLC0415

    set_up_logs("error")
    return show(command, argv, utc_now, program=program)


@contextmanager
def _signals_heeded(controller: Controller) -> Iterator[None]:
    """Stop at the first SIGTERM or SIGINT; cut everything off at the second, or when the grace period is over.

    A thread reads signals from a socket. A handler of Python's would have to wait for the main thread, which a signal
    does not wake when the kernel gives it to another one.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    for number in _END:
        signal.signal(number, lambda *_: None)
    thread = threading.Thread(target=_heed, args=(reader, controller), name="signals")
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        writer.close()
        thread.join()
        reader.close()


def _heed(signals: socket.socket, controller: Controller) -> None:
    first = signals.recv(1)
    if not first:
        return
    log.info("Signal received", extra={"signal": signal.Signals(first[0]).name})
    controller.stop()
    signals.settimeout(GRACE_SECONDS)
    try:
        why = "a second signal" if signals.recv(1) else ""
    except TimeoutError:
        why = "the grace period is over"
    if why:
        log.error("Shutdown timed out", extra={"why": why})
        logging.shutdown()
        os._exit(EXIT_CUT_OFF)
