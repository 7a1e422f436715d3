"""The composition root: options, logs, signals, exit codes."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from controller.flags import parse_options
from controller.http_server import PortError
from controller.lifecycle import Controller
from controller.logs import set_up_logs
from informers.errors import ConfigurationError

log = logging.getLogger("flagger")

GRACE_SECONDS = 4.5  # the exit is promised within five
EXIT_USAGE = 2
EXIT_CUT_OFF = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the controller until a signal; return the exit code."""
    options = parse_options(sys.argv[1:] if argv is None else argv)
    set_up_logs(options.log_level)
    try:
        controller = Controller(options)
    except (ConfigurationError, PortError) as error:
        log.error("Cannot start: %s", error)  # noqa: TRY400  # the message is for people, a trace is not
        return EXIT_USAGE
    _stop_on_signals(controller)
    controller.run()
    return 0


def _stop_on_signals(controller: Controller) -> None:
    """Stop at the first SIGTERM or SIGINT; cut everything off at the second, or when the grace period is over."""
    seen = threading.Event()

    def cut_off(why: str) -> None:
        log.error("Cut off", extra={"why": why})
        logging.shutdown()
        os._exit(EXIT_CUT_OFF)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if seen.is_set():
            cut_off("a second signal")
        seen.set()
        log.info("Signal received", extra={"signal": signal.Signals(number).name})
        controller.stop()
        watchdog = threading.Timer(GRACE_SECONDS, cut_off, args=("the grace period is over",))
        watchdog.name = "grace-period"
        watchdog.daemon = True
        watchdog.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


if __name__ == "__main__":
    sys.exit(main())
