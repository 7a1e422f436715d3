"""Logs: one JSON object a line on standard error, ``ts level msg`` first. ``jq .msg`` shows the story."""

import logging
import sys
import time
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

_FIRST = ["ts", "level", "msg", "canary", "namespace"]
_NOISY = ("httpx", "httpcore", "urllib3", "kubernetes")


class _Formatter(JsonFormatter):
    def __init__(self) -> None:
        super().__init__("%(message)s", rename_fields={"message": "msg", "name": "logger"}, timestamp=False)

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


def set_up_logs(level: str, stream: TextIO | None = None) -> None:
    """Send every log line as JSON to a stream, standard error unless told otherwise.

    Args:
        level: debug, info, warning or error.
        stream: where to write.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = _Formatter()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:  # their lines hold whole URLs
        logging.getLogger(name).setLevel(logging.WARNING)
