"""Several replicas with a lease, each with doors of its own to the API server and to Prometheus.

They are threads of one process and their lease lasts 3 s, so that a lead changes hands in seconds; real processes with
the lease of production are paused in ``pauses.py``.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from controller.lead import election
from controller.lead.leases import Timing
from controller.lifecycle import USER_AGENT, Controller
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.faults import Fault
from testbed.sandbox.prometheus import PrometheusServer
from tests.chaos.cut import Cut
from tests.chaos.late import Door, door
from tests.chaos.play import INTERVAL, Blow, Play
from tests.system.harness import controller

SHORT = Timing(lease=3, deadline=2.0, retry=0.4)
SHORT_REQUEST_SECONDS = 1.0  # half of the deadline, as with the lease of production
LONGER = 5.0  # than the lease
LINKS = {
    "down": {"drop": "before"},
    "hanging": {"hang": True},
    "deaf": {"drop": "after"},
}
"""What becomes of requests of a replica that is cut off: refused, never answered, or carried out and not answered."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A controller and its doors."""

    controller: Controller
    door: Door
    prometheus: PrometheusServer

    @property
    def leads(self) -> bool:
        return self.controller._settled.is_set() and self.controller._election.leading

    def cut_off(self, how: str) -> None:
        """Let nothing of it reach the API server, or nothing come back."""
        self.door.faults.add(Fault(user_agent=USER_AGENT, count=-1, **LINKS[how]))
        self.door.faults.cut_watches()

    def heal(self) -> None:
        """Let everything work again."""
        self.door.faults.clear()
        self.prometheus.faults.down = False


class Replicas(list[Replica]):
    """They stand for election; nobody counts as able to act while nobody leads."""

    def __init__(self, it: Play) -> None:
        super().__init__()
        self._it = it

    def leader(self, *, but: Replica | None = None) -> Replica | None:
        """Wait for a leader; None if the rollout is over."""
        others = [replica for replica in self if replica is not but]
        self._it.until(lambda: any(replica.leads for replica in others))
        return next((replica for replica in others if replica.leads), None)


@contextmanager
def replicas(it: Play, count: int, **analysis: int) -> Iterator[Replicas]:
    """Start replicas; the first one leads. The rollout begins when it does."""
    with ExitStack() as stack:
        stack.enter_context(_short_leases())
        found = Replicas(it)
        for number in range(count):
            found.append(_started(it, stack, number))
            if number == 0:
                it.until(lambda: found[0].leads)
        it.begin(**analysis)
        it.recorder.unhindered()
        try:
            yield found
        finally:
            it.recorder.hindered()
            for replica in found:
                replica.heal()


@contextmanager
def _short_leases() -> Iterator[None]:
    before = election.Timing, election._REQUEST_SECONDS
    election.Timing, election._REQUEST_SECONDS = lambda: SHORT, SHORT_REQUEST_SECONDS  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        election.Timing, election._REQUEST_SECONDS = before  # type: ignore[misc]


def _started(it: Play, stack: ExitStack, number: int) -> Replica:
    its_door = stack.enter_context(door(it.on.cluster.api))
    prometheus = PrometheusServer(it.on.cluster.prometheus.store, now=wall_clock)
    prometheus.faults.script = it.readings
    prometheus.start()
    stack.callback(prometheus.stop)
    running = stack.enter_context(
        controller(
            it.on,
            control_loop_interval=INTERVAL,
            kubeconfig=its_door.kubeconfig(it.on.kubeconfig, it.directory / f"door-{number}"),
            metrics_server=prometheus.url,
            leader_election=True,
            leader_election_namespace="test",
        )
    )
    return Replica(running, its_door, prometheus)


def three(how: str, *at: str) -> Blow:
    """Lose the leader of three replicas, and then the next one: both are killed, or both are stopped."""
    lose = {"killed": _killed, "stopped": _stopped}[how]

    def strike(it: Play) -> None:
        with replicas(it, 3) as standing:
            lose(it, standing, *at)
            it.until(lambda: False)

    return strike


def _killed(it: Play, standing: Replicas, resource: str, number: str) -> None:
    """Cut the leader off before its n-th write or read, and the next one before its first."""
    leader: Replica | None = standing[0]
    for nth in (int(number), 1):
        if leader is None:
            return
        cut = Cut(nth, "before", resource)
        cut.put_into(leader.door.faults)
        if not it.until(cut.reached.is_set):
            return
        with it.hindered():
            leader = standing.leader(but=leader)


def _stopped(it: Play, standing: Replicas, stage: str) -> None:
    """Stop the leader at a stage, and the next one as soon as it leads."""
    it.until_stage(stage)
    leader: Replica | None = standing[0]
    for _ in range(2):
        if leader is None:
            return
        with it.hindered():
            leader.controller.stop()
            leader = standing.leader(but=leader)


def partition(who: str, whence: str, stage: str) -> Blow:
    """Cut a replica off from the API server or Prometheus, for longer than the lease, and let it come back.

    The leader: the standby takes over, but for Prometheus. The standby: the leader ends meanwhile, and nobody leads
    until the standby is back with caches as old as that.
    """

    def of_leader(it: Play, leader: Replica, standby: Replica) -> None:
        if whence == "prometheus":
            leader.prometheus.faults.down = True
        else:
            leader.cut_off(whence)
            with it.hindered():
                it.until(lambda: standby.leads)
        it.wait(LONGER)

    def of_standby(it: Play, leader: Replica, standby: Replica) -> None:
        standby.cut_off(whence)
        with it.hindered():
            leader.controller.stop()
            it.wait(LONGER)
            standby.heal()
            it.until(lambda: standby.leads)

    def strike(it: Play) -> None:
        with replicas(it, 2, inconclusiveLimit=0) as (leader, standby):  # without Prometheus it waits for ever
            it.until_stage(stage)
            {"leader": of_leader, "standby": of_standby}[who](it, leader, standby)
            leader.heal()
            it.until(lambda: False)

    return strike
