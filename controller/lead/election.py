"""Leading, or standing by: a thread that tries for the lease, and a clock that says when to stop (contracts L)."""

import logging
import random as random_module
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from controller.in_hand import ClientInHand, InHand
from controller.lead.leases import Candidate, Timing
from controller.lead.watch import LeaseWatch, lease_source
from informers.client import Counter, KubeClient
from informers.credentials import Login
from informers.errors import AlreadyExistsError, ApiError, ConflictError
from informers.types import Json

log = logging.getLogger(__name__)

_REQUEST_SECONDS = 5.0  # in all, so that a renewal can be tried again before the lead is lost
_NO_NEWS_SECONDS = 3600.0  # a wait has an end, even one that is always woken


def new_identity() -> str:
    """Return a name that no other process has, and that people can find: the host's, and a random one."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


class Watch(Protocol):
    """Tells of the lease; see ``controller.lead.watch.LeaseWatch``."""

    def start(self, heard: Callable[[Json], None]) -> None:
        """Begin to watch."""

    def stop(self) -> None:
        """End the watch; a thread of our own may call it."""

    def join(self) -> None:
        """Wait for the end of the watch, after ``stop``."""

    def alive(self) -> bool:
        """Whether it runs as long as it should."""


class Alone:
    """Leads without asking anybody: there is no other replica."""

    def __init__(self, won: Callable[[], None]) -> None:
        """Take what to call."""
        self._won = won

    def start(self) -> None:
        """Lead."""
        self._won()

    def stop(self) -> None:
        """Nothing is held."""

    @property
    def leading(self) -> bool:
        """Always."""
        return True

    def alive(self) -> bool:
        """Nothing can die."""
        return True


class Election:
    """Leads at most once: who has lost the lead stops, and starts anew as another process.

    The lease does not fence. A write under way when the lead is lost is refused by its own precondition if another
    leader has written since.
    """

    def __init__(
        self,
        candidate: Candidate,
        *,
        timing: Timing,
        monotonic: Callable[[], float],
        random: Callable[[], float],
        watch: Watch,
        won: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        """Take what to call; nothing is started.

        Args:
            candidate: who tries; only our thread uses it.
            watch: tells of the lease while we stand by.
            timing: as the candidate has it.
            monotonic: clock in seconds.
            random: between 0 and 1, so that standbys don't try in step.
            won: called once, if we come to lead; returns at once.
            lost: called once, if we must stop leading though nobody asked us to: no later than the deadline after our
                last renewal began, before anyone else may lead. Returns at once.
        """
        self._candidate = candidate
        self._timing = timing
        self._monotonic = monotonic
        self._random = random
        self._watch = watch
        self._won = won
        self._lost = lost
        self._changed = threading.Condition()
        self._heard: Json | None = None  # the lease as the watch has it; None: no news since it was looked at
        self._leader = ""  # as was last told
        self._renewed_at: float | None = None  # None: not leading
        self._over = False
        self._threads = (
            threading.Thread(target=self._run, name="election"),
            threading.Thread(target=self._watch_the_clock, name="election-clock"),
        )

    def start(self) -> None:
        """Begin to try."""
        self._watch.start(self._hear)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and release the lease if it is ours. For when the work has ended."""
        self._end()
        self._watch.stop()
        self._watch.join()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        try:
            self._candidate.release()
        except ApiError as error:
            log.warning("Lease not released, it will expire", extra={"error": str(error)})
        self._candidate.close()

    @property
    def leading(self) -> bool:
        """Whether we lead now: by the clock as well, which is ahead of its thread after the process was paused."""
        with self._changed:
            if self._renewed_at is None or self._over:
                return False
            return self._monotonic() < self._renewed_at + self._timing.deadline

    def alive(self) -> bool:
        """Whether all threads run; True before they are started and after the end."""
        with self._changed:
            if self._over:
                return True
            return self._watch.alive() and all(thread.is_alive() or thread.ident is None for thread in self._threads)

    def _run(self) -> None:
        while self._try():
            self._rest()

    def _rest(self) -> None:
        """Wait until it is time to renew, or to try again: what is released is tried for at once.

        Whoever stands by reads nothing as long as news of renewals comes in, and reads on time when the lease runs out.
        """
        again_at = self._monotonic() + self._pause()
        with self._changed:
            while not self._over:
                if self._heard is not None and self._renewed_at is None:
                    lease, self._heard = self._heard, None
                    self._candidate.look_at(lease)
                    self._tell_of_a_new_leader()
                    if not self._candidate.holder:
                        return
                    again_at = self._monotonic() + self._timing.retry + self._longer_pause()
                left = again_at - self._monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _pause(self) -> float:
        """Return how long to wait without news."""
        if self.leading:
            return self._timing.retry
        pause, left = self._longer_pause(), self._candidate.expires_in()
        return left if self._candidate.holder and 0 < left < pause else pause

    def _longer_pause(self) -> float:
        """Return a pause of somebody who does not lead; standbys don't try in step."""
        return self._timing.retry * (1 + self._timing.jitter * self._random())

    def _tell_of_a_new_leader(self) -> None:
        if self._candidate.holder != self._leader:
            self._leader = self._candidate.holder
            log.info("New leader", extra={"leader": self._leader})

    def _hear(self, lease: Json) -> None:
        with self._changed:
            self._heard = lease
            self._changed.notify_all()

    def _try(self) -> bool:
        """Try once; return whether to go on."""
        began = self._monotonic()
        try:
            held = self._candidate.try_to_hold()
        except (ConflictError, AlreadyExistsError) as error:
            log.debug("The lease was written by somebody else", extra={"error": str(error)})
        except ApiError as error:
            log.warning("Lease cannot be reached", extra={"error": str(error)})
        else:
            if held:
                self._renewed(began)
            elif self.leading:
                self._lose("another holds the lease")
        self._tell_of_a_new_leader()
        with self._changed:
            return not self._over

    def _renewed(self, at: float) -> None:
        with self._changed:
            first = self._renewed_at is None
            if self._over:
                return
            self._renewed_at = at
            self._changed.notify_all()
        if first:
            self._watch.stop()  # what we write ourselves is no news
            self._won()

    def _watch_the_clock(self) -> None:
        """Say when the lead is over: the thread that waits for an answer may be in no state to."""
        with self._changed:
            while not self._over:
                left = _NO_NEWS_SECONDS
                if self._renewed_at is not None:
                    left = self._renewed_at + self._timing.deadline - self._monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            else:
                return
        self._lose(f"not renewed for {self._timing.deadline:g}s")

    def _lose(self, why: str) -> None:
        if self._end():
            log.error("Lost the lead", extra={"why": why})
            self._lost()

    def _end(self) -> bool:
        """End the election; return whether it was not over before."""
        with self._changed:
            first = not self._over
            self._over = True
            self._changed.notify_all()
            return first


def stand_for_election(  # noqa: PLR0913  # each is a concern of its own, and none of them has a default
    login: Login,
    namespace: str | None,
    *,
    user_agent: str,
    count: Counter,
    in_hand: InHand,
    now: Callable[[], datetime],
    won: Callable[[], None],
    lost: Callable[[], None],
    annotations: Mapping[str, str],
) -> Election:
    """Return an election with a client of its own, whose requests have a deadline.

    Args:
        login: as whom.
        namespace: where the lease is; None for our own.
        user_agent: program and version.
        count: called for every request.
        in_hand: where requests are noted, so that a stop can end them.
        now: wall clock.
        won: see ``Election``.
        lost: see ``Election``.
        annotations: see ``Candidate``.
    """
    client = KubeClient(login, user_agent=user_agent, pool_size=2, count=count, total_seconds=_REQUEST_SECONDS)
    timing, monotonic = Timing(), time.monotonic
    where = namespace or client.namespace
    candidate = Candidate(
        ClientInHand(client, in_hand, "the election"),
        where,
        new_identity(),
        timing=timing,
        monotonic=monotonic,
        now=now,
        annotations=annotations,
    )
    return Election(
        candidate,
        timing=timing,
        monotonic=monotonic,
        random=random_module.random,
        watch=LeaseWatch(lease_source(client, where)),
        won=won,
        lost=lost,
    )
