"""Standard error that nobody reads: a full pipe would hold up every thread that logs, and with them the rollouts."""

import contextlib
import logging
import os
import select
import time

_PIECE = 4096  # what a pipe that says it has room takes without waiting
_MOST_BYTES = 1 << 18  # kept for a reader that is late
_PATIENCE_SECONDS = 0.1
_END_SECONDS = 0.5  # for the last lines


class OutputHandler(logging.Handler):
    """Writes lines to a file descriptor and never waits long for whoever reads them.

    What finds no room is kept, and goes out before the next line. Lines beyond ``_MOST_BYTES`` are lost; how many is
    the first thing that is said once there is room.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._kept = bytearray()
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or keep it. Called with the handler's lock held."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  # what a caller gave can be anything
            self.handleError(record)
            return
        self.write(line)

    def write(self, line: str) -> None:
        """Write a line without its end, or keep it."""
        self._send(0)
        if len(self._kept) + len(line) > _MOST_BYTES:
            self._lost += 1
            return
        late = bool(self._kept)  # whoever lets lines wait is not waited for until all that was kept is out
        if self._lost:
            lost, self._lost = self._lost, 0
            self._keep(self.format(_line_about(lost)))
        self._keep(line)
        self._send(0 if late else _PATIENCE_SECONDS)

    def flush(self) -> None:
        """Give what is kept a last chance; called when the process ends."""
        with self.lock or contextlib.nullcontext():
            self._send(_END_SECONDS)

    def _keep(self, line: str) -> None:
        self._kept += line.encode("utf-8", "backslashreplace") + b"\n"

    def _send(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._kept:
            try:
                if not select.select([], [self._descriptor], [], max(0.0, until - time.monotonic()))[1]:
                    return
                sent = os.write(self._descriptor, self._kept[:_PIECE])
            except (OSError, ValueError):  # nobody reads any more, or the disk is full: the next line tries again
                return
            del self._kept[:sent]


def _line_about(lost: int) -> logging.LogRecord:
    record = {"msg": "Log lines were lost, as nobody read them", "name": "flagger", "lines": lost}
    return logging.makeLogRecord({**record, "levelno": logging.WARNING, "levelname": "WARNING"})
