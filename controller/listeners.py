"""Who hears of rollouts: of every event that an owner is to read, or of every reconcile.

A notifier is a module of its own and a line here: among the recorders if sentences are enough, among the watchers if it
needs the world. In a dry run nobody outside the process is notified.
"""

import random
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from controller.applier import Recorder
from controller.dry_run import DryRunWatcher
from controller.events.recorder import EventRecorder, Sink
from controller.exporter.registry import Registry
from controller.exporter.rollouts import RolloutExporter
from controller.reconciler import Watcher


class RunningRecorder(Recorder, Protocol):
    """A recorder with a thread of its own, since recording must not block."""

    @property
    def name(self) -> str:
        """What ``/healthz`` calls it if its thread dies."""

    def start(self) -> None:
        """Start the thread."""

    def alive(self) -> bool:
        """Whether the thread still runs, if it was started."""

    def close(self) -> None:
        """Send what is queued and end. All recorders together have two of the five seconds of contract T5."""


def make_recorders(
    sink: Sink, *, dry_run: bool, now: Callable[[], datetime], dropped: Callable[[], None]
) -> tuple[RunningRecorder, ...]:
    """Return who hears events, in this order.

    Args:
        sink: takes events of the cluster.
        dry_run: whether events are to be logged only.
        now: wall clock.
        dropped: called for every event of the cluster that is not sent.
    """
    events = partial(EventRecorder, now=now, monotonic=time.monotonic, random=random.random, dropped=dropped)
    if dry_run:
        return (events(None),)
    return (events(sink),)


def make_watchers(registry: Registry, *, dry_run: bool) -> tuple[Watcher, ...]:
    """Return who hears of reconciles, in this order."""
    watchers: tuple[Watcher, ...] = (RolloutExporter(registry),)
    return tuple(DryRunWatcher(watcher) for watcher in watchers) if dry_run else watchers
