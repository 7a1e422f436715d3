"""Two real processes with a lease: the leader is stopped beyond the lease, and goes on when it leads no more."""

import os
import signal

from controller.lifecycle import USER_AGENT
from tests.chaos.cut import Cut, _Last
from tests.chaos.play import Blow, Play
from tests.invariants.judge import Broken
from tests.system.test_process import started

ELECT = ("--enable-leader-election", "--leader-election-namespace=test")
LOST_LEAD = 4
TAKEOVER_SECONDS = 60.0  # the lease of 15 s, the rollout, and a machine that does other things, too


class _Stopping(_Last):
    """Stops the process that has sent the n-th request, which is carried out and answered meanwhile."""

    def __init__(self, cut: Cut, pid: int) -> None:
        super().__init__(cut, user_agent=USER_AGENT, count=-1)
        self._pid = pid

    def matches(self, verb, resource, subresource, user_agent):
        if super().matches(verb, resource, subresource, user_agent):
            os.kill(self._pid, signal.SIGSTOP)
        return False


def pause(resource: str, number: str) -> Blow:
    """Stop the leader at its n-th write or read of a resource; the standby ends the rollout; then let it go on."""

    def strike(it: Play) -> None:
        cut = Cut(int(number), "after", resource)
        with started(it.on, *ELECT) as leader:
            leader.until_logged("Started")
            with started(it.on, *ELECT) as standby:
                standby.until_logged("New leader")
                it.on.cluster.api.faults.add(_Stopping(cut, leader.pid))
                it.begin()
                if it.until(cut.reached.is_set):
                    standby.until_logged("Started")  # beyond the lease, also where nothing is left to do
                it.until(lambda: False, within=TAKEOVER_SECONDS)
                os.kill(leader.pid, signal.SIGCONT)
                if cut.reached.is_set():
                    code, _, _ = leader.ended(within=20)
                    if code != LOST_LEAD:
                        it.notes.append(Broken("ends", f"the old leader has ended with {code}", None))

    return strike
