"""The queue, and what a worker does with a key: put together for a cluster or a dry run. Nothing is started here."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from controller.applier import Applier, NotStored, RealApplier, Recorder
from controller.asking.inquiries import Asks, Inquiries
from controller.dry_run import DryRunApplier, unhurried
from controller.echoes import Echoes, EchoingWriter
from controller.exporter.queue import QueueCollector, QueueExporter
from controller.exporter.registry import Registry
from controller.flags import Options
from controller.gather import Adapters, Gatherer, make_adapters
from controller.parts import Parts
from controller.reconciler import ReconcileMetrics, Reconciler, Watcher
from controller.unreadable import UnreadableReporter
from controller.work.budgets import Budgets
from controller.work.ratelimit import default_limiter
from controller.work.turns import most_of_one
from controller.work.workers import Reconcile
from controller.work.workqueue import WorkQueue
from informers.types import Writer
from metrics.metric_template import METRIC_TEMPLATES
from router.services import SERVICES, backend


def make_queue(registry: Registry, workers: int) -> WorkQueue:
    """Return the queue of so many workers, with its metrics."""
    queue = WorkQueue(
        limiter=default_limiter(time.monotonic),
        monotonic=time.monotonic,
        metrics=QueueExporter(registry),
        most_of_one=most_of_one(workers),
    )
    registry.register(QueueCollector(queue))
    return queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What reconciling needs of the rest of the process."""

    options: Options
    now: Callable[[], datetime]
    parts: Parts
    writer: Writer
    echoes: Echoes
    asker: Asks
    servers: Collection[str]  # addresses that metric templates may name
    wake: Callable[[str], None]  # queues a key
    leads: Callable[[], bool]
    recorders: Sequence[Recorder]
    watchers: Sequence[Watcher]
    metrics: ReconcileMetrics

    def make_reconcile(self) -> Reconcile:
        """Return what a worker calls with a key."""
        writer = EchoingWriter(self.writer, self.echoes)
        adapters = make_adapters(self.parts.kinds, self.parts.of_kind, writer, self.parts.versions.__getitem__)
        dry_run = self.options.dry_run
        not_stored = NotStored()
        reconciler = Reconciler(
            canaries=self.parts.canaries,
            gatherer=self._make_gatherer(adapters, not_stored),
            inquiries=Inquiries(self.asker, self.wake),
            applier=DryRunApplier() if dry_run else self._make_applier(adapters, writer, not_stored),
            watchers=self.watchers,
            metrics=self.metrics,
            unreadable=UnreadableReporter(self.recorders, None if dry_run else writer, self.now),
            budgets=Budgets(monotonic=time.monotonic),
        )
        if dry_run:
            return partial(unhurried, reconciler.reconcile, self.options.control_loop_interval)
        return reconciler.reconcile

    def _make_applier(self, adapters: Adapters, writer: Writer, not_stored: NotStored) -> Applier:
        return RealApplier(self.parts.canaries, adapters, writer, self.recorders, self.leads, not_stored)

    def _make_gatherer(self, adapters: Adapters, not_stored: NotStored) -> Gatherer:
        return Gatherer(
            canaries=self.parts.canaries,
            backend=partial(backend, self.parts.of_kind[SERVICES.kind]),
            adapters=adapters,
            now=self.now,
            default_interval=self.options.control_loop_interval,
            is_terminating=self.parts.is_terminating,
            unseen=self.parts.unseen,
            not_stored=not_stored,
            templates=self.parts.of_kind[METRIC_TEMPLATES.kind],
            servers=self.servers,
        )
