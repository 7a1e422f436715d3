"""What starts, in which order, and how it ends. The one place, besides the informers, where threads are started."""

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from controller import __version__
from controller.asking.asker import MOST_AT_ONCE, Asker
from controller.echoes import Echoes
from controller.events.recorder import SENDERS
from controller.exporter.caches import CacheCollector
from controller.exporter.canaries import CanaryCollector
from controller.exporter.process import ProcessExporter
from controller.exporter.registry import make_registry
from controller.flags import Options
from controller.health import Health
from controller.http_server import HttpServer
from controller.in_hand import ClientInHand, InHand
from controller.kinds import make_kinds
from controller.lead.election import Alone, Election, stand_for_election
from controller.lead.leases import LEASE_NAME, METRICS_SERVER
from controller.listeners import make_recorders, make_watchers
from controller.parts import make_parts
from controller.reconciler import Watcher
from controller.wiring import Wiring, make_queue
from controller.work.workers import Awaits, Reconcile, Result, Workers
from informers.client import KubeClient
from informers.credentials import Login, find_login
from informers.errors import FAILURES
from informers.nesting import allow_deep_json
from metrics.registry import make_observer

log = logging.getLogger(__name__)

USER_AGENT = f"flagger/{__version__}"
_OWN_WATCHES = 2  # per namespace, beside those of the parts: canaries, and the namespace itself
_SPARE = 2
_SWITCH_SECONDS = 0.001  # beside a thread that computes, a watch stream gets four times as far as with 5 ms
_SAY_WHAT_IS_MISSING_SECONDS = 10.0
_LOOK_SECONDS = 1.0  # for threads that have died
_WORK_ENDS_SECONDS = 2.5  # with what the lease takes, less than what is granted to all of the end
_LEASE_ENDS_SECONDS = 1.0


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)  # noqa: TID251  # the one wall clock of the process; everybody else is given it


class Controller:
    """The whole process but for its signals."""

    def __init__(self, options: Options, *, end_process: Callable[[], None] | None = None) -> None:
        """Build everything; nothing is started and nothing is sent, but the port is taken.

        Args:
            options: what the command line says.
            end_process: called when we must not go on, as another replica may lead from now on, or a thread has died;
                has the process stop; by default ``stop``.

        Raises:
            informers.errors.ConfigurationError: no usable kubeconfig or service account.
            controller.bounded_server.PortError: the port is taken.
            metrics.address.MetricsServerError: Prometheus cannot be asked with the settings in the environment.
        """
        self._options = options
        self._stopping = threading.Event()
        self._synced = threading.Event()
        self._settled = threading.Event()  # we lead, or we are stopping
        self._end_process = end_process or self.stop
        self.lost_lead = False
        self.broken = False  # a thread has died or is stuck
        self._in_hand = InHand(time.monotonic)
        self._lease_in_hand = InHand(time.monotonic)
        registry = make_registry()
        self._exporter = ProcessExporter(registry)
        kinds = make_kinds(options.declared)
        self._exporter.preset(Result, (kind.__name__ for kind in FAILURES), kinds.writes)
        login = find_login(options.kubeconfig, options.master)
        self._client = self._make_client(login, len(kinds.parts))
        self._parts = make_parts(self._client, options.namespaces, kinds)
        registry.register(CacheCollector(self._parts.by_resource))
        registry.register(self._canaries_shown())
        counted = self._exporter.counted_prometheus
        self._observer = make_observer(options, at_once=MOST_AT_ONCE, count=counted)
        self._asker = Asker(self._observer, monotonic=time.monotonic, together=not options.dry_run)
        self._recorders = make_recorders(
            ClientInHand(self._client, self._in_hand, "a sender of events"),
            dry_run=options.dry_run,
            now=utc_now,
            dropped=self._exporter.event_dropped,
        )
        self._echoes = Echoes()
        self._queue = make_queue(registry, options.workers)
        self._workers = self._make_workers(make_watchers(registry, dry_run=options.dry_run))
        self._election = self._make_election(login)
        self._http = HttpServer(
            options.port, registry=registry, healthy=self._health_problems, ready=self._readiness_problems
        )
        self._health = self._make_health()

    def _canaries_shown(self) -> CanaryCollector:
        return CanaryCollector(
            self._parts.canaries.views,
            default_interval=self._options.control_loop_interval,
            leads=lambda: self._election.leading,  # which is made later
            now=utc_now,
        )

    @property
    def port(self) -> int:
        """The port of /metrics, /healthz and /readyz."""
        return self._http.port

    def run(self) -> None:
        """Start everything and return when ``stop`` was called and everything has ended."""
        try:
            self._live()
        finally:
            self._end()

    def _live(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        allow_deep_json()
        gc.collect()
        gc.freeze()
        log.info(
            "Starting",
            extra={
                "version": __version__,
                "api_server": self._client.host,
                "metrics_server": self._observer.where,
                "port": self.port,
                "namespaces": list(self._options.namespaces) or "all",
                "dry_run": self._options.dry_run,
            },
        )
        self._http.start()
        self._parts.start()
        for recorder in self._recorders:
            recorder.start()
        if self._wait_for_caches():
            gc.collect()
            gc.freeze()
            self._synced.set()
            self._election.start()
            self._watch_threads_until(self._settled)
            if not self._stopping.is_set():
                self._work()

    def stop(self) -> None:
        """Have ``run`` end: the keys in hand are finished, no other is taken. Safe to call again."""
        self._stopping.set()
        self._settled.set()

    def _work(self) -> None:
        """Reconcile until stopped."""
        self._exporter.leads(LEASE_NAME, leading=True)
        self._parts.wake(self._queue.add, self._echoes)
        self._asker.start()
        self._workers.start()
        log.info("Started", extra={"canaries": len(self._parts.canaries), "workers": self._options.workers})
        self._watch_threads_until(self._stopping)

    def _lose_lead(self) -> None:
        self.lost_lead = True
        self._end_process()

    def _watch_threads_until(self, event: threading.Event) -> None:
        """Wait for an event, and have the process end if a thread dies or hangs meanwhile."""
        while not event.wait(_LOOK_SECONDS):
            if self._breaks():
                event.wait()

    def _breaks(self) -> bool:
        """Return whether half of us is dead, having set the end in motion if so."""
        problems = self._health_problems()
        if problems:
            log.critical("Cannot go on", extra={"problems": problems})
            self.broken = True
            self._exporter.leads(LEASE_NAME, leading=False)
            self._end_process()
        return bool(problems)

    def _end(self) -> None:
        """Stop in the order of contract T5, whoever does not answer; readiness is false since ``stop``."""
        log.info("Stopping")
        self.stop()
        self._asker.close()
        self._observer.close()
        with self._in_hand.cut_after(_WORK_ENDS_SECONDS):
            self._workers.stop()
            for recorder in self._recorders:
                recorder.close()
        self._exporter.leads(LEASE_NAME, leading=False)
        with self._lease_in_hand.cut_after(_LEASE_ENDS_SECONDS):
            self._election.stop()
        self._parts.stop()
        self._http.stop()
        self._client.close()
        log.info("Stopped")

    def _wait_for_caches(self) -> bool:
        """Wait, for ever if need be, saying now and then what is missing; return False if stopped before."""
        waited = 0.0
        while not self._parts.settle():
            if self._stopping.wait(0.05) or self._breaks():
                return False
            waited += 0.05
            gc.freeze()  # what has been listed stays: no collection walks it again
            if waited >= _SAY_WHAT_IS_MISSING_SECONDS:
                waited = 0.0
                log.warning("Waiting for caches", extra={"missing": self._readiness_problems()})
        return True

    def _make_client(self, login: Login, parts: int) -> KubeClient:
        """Return the client of everything but the lease: a connection for each worker, sender and watch."""
        watches = (parts + _OWN_WATCHES) * max(1, len(self._options.namespaces))
        pool = self._options.workers + SENDERS + watches + _SPARE
        return KubeClient(login, user_agent=USER_AGENT, pool_size=pool, count=self._exporter.counted_kubernetes)

    def _make_workers(self, watchers: Sequence[Watcher]) -> Workers:
        wiring = Wiring(
            options=self._options,
            now=utc_now,
            parts=self._parts,
            writer=self._client,
            echoes=self._echoes,
            asker=self._asker,
            servers=self._observer.servers,
            wake=self._queue.add,
            leads=lambda: self._election.leading,  # which is made later
            recorders=self._recorders,
            watchers=watchers,
            metrics=self._exporter,
        )
        reconcile = partial(_in_hand, self._in_hand, wiring.make_reconcile())
        return Workers(self._queue, reconcile, count=self._options.workers, metrics=self._exporter)

    def _make_election(self, login: Login) -> Election | Alone:
        options = self._options
        self._exporter.leads(LEASE_NAME, leading=False)
        if options.dry_run or not options.leader_election:
            return Alone(self._settled.set)
        return stand_for_election(
            login,
            options.leader_election_namespace,
            user_agent=USER_AGENT,
            count=self._exporter.counted_kubernetes,
            in_hand=self._lease_in_hand,
            now=utc_now,
            won=self._settled.set,
            lost=self._lose_lead,
            annotations={METRICS_SERVER: self._observer.where},
        )

    def _make_health(self) -> Health:
        return Health(
            alive={
                "a worker": self._workers.alive,
                "the observer": self._asker.alive,
                **{recorder.name: recorder.alive for recorder in self._recorders},
                "the election": self._election.alive,
                "the HTTP server": self._http.alive,
                **{f"the informer of {informer.name}": informer.alive for informer in self._parts.all},
            },
            caches=self._parts.needed,
            in_hand=self._in_hand,
            waits={"a round that waits for readings": self._asker.longest_seconds},
        )

    def _health_problems(self) -> list[str]:
        """Return what is dead or stuck: better to be restarted than to look alive."""
        return [] if self._stopping.is_set() else self._health.problems()

    def _readiness_problems(self) -> list[str]:
        if self._stopping.is_set():
            return ["stopping"]
        problems = self._health.problems() + self._health.cache_problems()
        if not problems and not self._synced.is_set():
            problems.append("the workers are being started")
        return problems


def _in_hand(in_hand: InHand, reconcile: Reconcile, key: str) -> timedelta | Awaits | None:
    """Reconcile a canary in a way that others can see, and end."""
    with in_hand.task(f"the reconcile of {key}"):
        return reconcile(key)
