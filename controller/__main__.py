"""The first thing of the process: signals are heeded before anything else is loaded, which can take a second."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> int:
    """Run the controller, or one of the commands beside it; return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    _open_what_was_closed()
    is_controller = not arguments or arguments[0].startswith("-")
    if is_controller:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end_at_once)
    from controller.program import main as run  # noqa: PLC0415  # only now, see above

    return run(arguments)


def _open_what_was_closed() -> None:
    """Keep descriptors 0, 1 and 2 from being given to a socket, into which lines of the log would go then."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            if opened != descriptor:
                os.dup2(opened, descriptor)
            setattr(sys, name, os.fdopen(descriptor, mode))


def _end_at_once(*_: object) -> NoReturn:
    """End before anything is started; as the first process of a container we would not without a handler of our own."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
