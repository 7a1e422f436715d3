"""Reports a Canary object that cannot be read, and repeats it slowly. Nothing else is done for such an object.

How far its rollout has come is not known, so that route and workloads stay as they are.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.applier import Recorder
from controller.core import events
from controller.core.conditions import unreadable_patch
from controller.core.pacing import REPEAT_AT_REST
from controller.resources import CANARIES
from informers.errors import ForbiddenError, InvalidError, NotFoundError
from informers.keys import key_of
from informers.types import Unreadable, Writer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Reported:
    """What was reported of an object, and whether its status says so as well."""

    uid: str
    reason: str
    at: datetime
    written: bool = False


@dataclass(slots=True)
class UnreadableReporter:
    """An event for its owner, and the condition ``Ready`` where the status can be written. Thread-safe."""

    recorders: Sequence[Recorder]
    writer: Writer | None  # None: --dry-run
    now: Callable[[], datetime]
    _reported: dict[str, _Reported] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self, found: Unreadable) -> timedelta:
        """Report an object, unless that was done not long ago; return when to come back.

        Raises:
            informers.errors.ApiError: the condition could not be written, and may be the next time.
        """
        key, now = key_of(found.namespace, found.name), self.now()
        with self._lock:
            last = self._reported.get(key)
        again = last is not None and (last.uid, last.reason) == (found.uid, found.reason)
        if last is None or not again or not last.at <= now < last.at + REPEAT_AT_REST:
            event = events.unreadable(f"{found.name}.{found.namespace}", found.reason)
            for recorder in self.recorders:
                recorder.record(found, event)
            last = self._note(key, _Reported(found.uid, found.reason, now))
        if not last.written:
            self._write_condition(found, now)
            last = self._note(key, _Reported(found.uid, found.reason, last.at, written=True))
        return last.at + REPEAT_AT_REST - now

    def forget(self, key: str) -> None:
        """Forget an object that can be read again, or is gone."""
        with self._lock:
            self._reported.pop(key, None)

    def _note(self, key: str, reported: _Reported) -> _Reported:
        with self._lock:
            self._reported[key] = reported
        return reported

    def _write_condition(self, found: Unreadable, now: datetime) -> None:
        """Write it beside what the status holds, which is read for that: nothing of it is known."""
        if self.writer is None:
            return
        try:
            obj = self.writer.get(CANARIES, found.namespace, found.name)
            patch = unreadable_patch(obj, found.reason, now)
            if patch is not None and obj["metadata"]["uid"] == found.uid:
                self.writer.merge_patch(CANARIES, found.namespace, found.name, patch, subresource="status")
        except (ForbiddenError, InvalidError, NotFoundError) as error:
            extra = {"key": key_of(found.namespace, found.name), "error": str(error)}
            log.warning("Condition of an unreadable canary not written", extra=extra)
