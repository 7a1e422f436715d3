"""Logs: one JSON object a line on standard error, whatever happens, ``ts level msg`` first.

Readers pipe them through ``jq .msg``, which stops at the first line that is anything else. So what Python and
libraries would write there themselves comes here too: warnings, exceptions that nobody caught, failed log calls.
"""

import json
import logging
import sys
import threading
import time
import warnings
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from controller.log_output import OutputHandler
from controller.reconcile_id import reconcile_id

log = logging.getLogger("flagger")

STANDARD_ERROR = 2

_FIRST = ["ts", "level", "msg", "canary", "namespace"]
_NOISY = ("httpx", "httpcore", "urllib3", "kubernetes")
_MOST_WARNINGS = 100  # different ones; their texts may be a library's, with anything in them


class _Formatter(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(message)s",
            rename_fields={"message": "msg", "name": "logger"},
            timestamp=False,
            json_serializer=_strict_json,
        )

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        """Put the keys that everybody reads first."""
        first = {key: log_data[key] for key in _FIRST if key in log_data}
        return {**first, **{key: value for key, value in log_data.items() if key not in first}}

    def add_fields(
        self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]
    ) -> None:
        """Add time and level under the names that Go loggers use."""
        super().add_fields(log_data, record, message_dict)
        log_data["ts"] = self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03}Z"
        log_data["level"] = record.levelname.lower()
        at = reconcile_id()
        if at:
            log_data["reconcile_id"] = at


class _Handler(OutputHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is inherited
        """Say in JSON that a line could not be made."""
        line = {"level": "error", "msg": "A log line could not be written", "line": str(record.msg)}
        self.write(json.dumps({**line, "error": repr(sys.exception())}))


class _Warnings:
    """Logs each warning of a library once; urllib3 gives one for each request over unverified TLS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str]] = set()

    def show(self, message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        """Take the place of ``warnings.showwarning``."""
        warning = (category.__name__, str(message))
        with self._lock:
            if warning in self._seen or len(self._seen) >= _MOST_WARNINGS:
                return
            self._seen.add(warning)
        log.warning("Warning from a library", extra={"warning": warning[1], "category": warning[0]})


def set_up_logs(level: str, descriptor: int = STANDARD_ERROR) -> None:
    """Send every log line as JSON to a file, standard error by default, and all else that goes there.

    Args:
        level: debug, info, warning or error.
        descriptor: of the file.
    """
    handler = _Handler(descriptor)
    formatter = _Formatter()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:  # their lines hold whole URLs
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.showwarning = _Warnings().show
    sys.excepthook = _nobody_caught
    sys.unraisablehook = _nobody_could_catch
    threading.excepthook = _thread_died


def _nobody_caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.error("Interrupted")
        return
    log.critical("Ended by a bug", exc_info=(kind, error, trace))


def _nobody_could_catch(found: "sys.UnraisableHookArgs") -> None:
    what = {"error": repr(found.exc_value), "where": repr(found.object)}
    log.error("Uncaught exception", extra=what)


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_type is SystemExit or died.exc_value is None:
        return
    name = died.thread.name if died.thread is not None else "unknown"
    trace = (died.exc_type, died.exc_value, died.exc_traceback)
    log.critical("A thread has died of a bug", exc_info=trace, extra={"thread_name": name})


def _strict_json(value: object, **settings: Any) -> str:  # noqa: ANN401  # of json.dumps
    """Return JSON in which numbers that JSON does not have, NaN and the infinities, are texts."""
    try:
        return json.dumps(value, allow_nan=False, **settings)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value, **settings), parse_constant=str))
