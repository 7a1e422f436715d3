"""What goes wrong, by name. A scenario is a line: story, blow, arguments; e.g. ``promotion kill after 7``."""

from collections.abc import Callable

from testbed.sandbox.faults import Fault
from tests.chaos.clocks import clock
from tests.chaos.cut import USER_AGENT, Cut
from tests.chaos.late import door, hold
from tests.chaos.pauses import pause
from tests.chaos.play import Blow, Play
from tests.chaos.replicas import partition, three
from tests.chaos.restores import restored
from tests.chaos.users import HANDS, fight, touch

A_WHILE = 1.5  # seconds: some intervals of these tests

API = {
    "conflict": {"code": 409, "count": 2},
    "failure": {"code": 500, "count": 3},
    "throttled": {"code": 429, "count": 2, "retry_after": 1},
    "refused": {"code": 403, "count": 2},
    "invalid": {"code": 422, "count": 2},
    "lost-request": {"drop": "before", "count": 2},
    "lost-answer": {"drop": "after", "count": 2},
    "slow": {"delay_seconds": 0.5, "count": 3},
}
"""What becomes of a few requests of one kind."""

SERVER = {
    "down": {"drop": "before"},
    "failing": {"code": 500},
    "throttling": {"code": 429, "retry_after": 1},
    "unauthorized": {"code": 401},
    "slow": {"delay_seconds": 0.2},
    "hanging": {"hang": True},
    "deaf": {"drop": "after"},
}
"""What becomes of every request for a while."""

ANSWERS = ("empty", "nan", "html", "error", "huge")
NUMBERS = {"infinite": float("inf"), "negative": -1.0, "absurd": 1e308}
PROMETHEUS = ("down", "slow", *ANSWERS, *NUMBERS)


def nothing() -> Blow:
    """Let everything go well."""
    return lambda it: None


def kill(*points: str) -> Blow:
    """End the process before or after its n-th write or read, the next one likewise, and so on."""
    cuts = [Cut(int(number), when) for when, number in zip(points[::2], points[1::2], strict=True)]

    def strike(it: Play) -> None:
        for cut in cuts:
            cut.put_into(it.on.cluster.api.faults)
            with it.controller():
                it.until(cut.reached.is_set)
                it.recorder.hindered()
            it.on.cluster.api.faults.clear()
            it.recorder.unhindered()

    return strike


def late(resource: str, number: str) -> Blow:
    """Stop a replica right before its n-th write or read; another brings the rollout to its end; then let it go on."""
    return _overtaken(resource, int(number), lambda _: None)


def overtaken(resource: str, number: str, hand: str) -> Blow:
    """Likewise, and meanwhile somebody has ended the rollout by hand: the other replica may have no route to write."""
    return _overtaken(resource, int(number), HANDS[hand])


def _overtaken(resource: str, number: int, hand: Callable[[Play], object]) -> Blow:
    def strike(it: Play) -> None:
        on = it.on
        with door(on.cluster.api) as its_door:
            cut, held = hold(its_door, resource, number)
            kubeconfig = its_door.kubeconfig(on.kubeconfig, it.directory / "door")
            with it.controller(kubeconfig=kubeconfig):
                it.until(cut.reached.is_set)
                hand(it)
                with it.controller():
                    it.until(lambda: False)
                held.release.set()

    return strike


def api(how: str, verb: str, resource: str, skip: str) -> Blow:
    """Have a few requests of one kind go wrong, after the first ones."""

    def strike(it: Play) -> None:
        faults = it.on.cluster.api.faults
        faults.add(Fault(verb=verb, resource=resource, user_agent=USER_AGENT, skip=int(skip), **API[how]))
        with it.controller():
            it.recorder.hindered()
            it.until(lambda: not faults.listed())
            it.recorder.unhindered()
            it.until(lambda: False)

    return strike


def server(how: str, stage: str) -> Blow:
    """Have the API server answer nothing useful for a while, from a stage of the rollout on."""

    def strike(it: Play) -> None:
        faults = it.on.cluster.api.faults
        with it.controller():
            it.until_stage(stage)
            with it.hindered():
                faults.add(Fault(user_agent=USER_AGENT, count=-1, **SERVER[how]))
                it.on.cluster.api.cut_watches()
                it.wait(A_WHILE)
                faults.clear()
            it.until(lambda: False)

    return strike


def stale(stage: str) -> Blow:
    """Have watches tell nothing for a while, from a stage on: the caches are old, and every answer is new."""

    def strike(it: Play) -> None:
        store = it.on.cluster.api.store
        with it.controller():
            it.until_stage(stage)
            with it.hindered():
                store.withhold(news=True)
                it.wait(A_WHILE)
                store.withhold(news=False)
            it.until(lambda: False)

    return strike


def compacted(stage: str) -> Blow:
    """Forget the history and cut the watches, three times from a stage on."""

    def strike(it: Play) -> None:
        with it.controller():
            it.until_stage(stage)
            for _ in range(3):
                it.on.cluster.api.store.compact()
                it.on.cluster.api.cut_watches()
                it.wait(0.2)
            it.until(lambda: False)

    return strike


def prometheus(how: str, seconds: str) -> Blow:
    """Have Prometheus answer nothing useful, from the first step on."""

    def strike(it: Play) -> None:
        faults = it.on.cluster.prometheus.faults
        with it.controller():
            it.until_stage("progressing")
            with it.hindered():
                faults.script = (lambda _: NUMBERS[how]) if how in NUMBERS else None
                faults.answer, faults.down = how if how in ANSWERS else "", how == "down"
                faults.delay_seconds = 0.7 if how == "slow" else 0.0
                it.wait(float(seconds))
                faults.answer, faults.down, faults.delay_seconds, faults.script = "", False, 0.0, it.readings
            it.until(lambda: False)

    return strike


BLOWS: dict[str, Callable[..., Blow]] = {
    "nothing": nothing,
    "kill": kill,
    "late": late,
    "overtaken": overtaken,
    "pause": pause,
    "api": api,
    "server": server,
    "stale": stale,
    "compacted": compacted,
    "restored": restored,
    "clock": clock,
    "three": three,
    "partition": partition,
    "prometheus": prometheus,
    "fight": fight,
    "touch": touch,
}
SAME_END = frozenset(BLOWS) - {"overtaken", "clock", "prometheus", "fight", "touch"}
"""After these a rollout ends as if nothing had happened."""


def parsed(scenario: str) -> tuple[str, Blow, bool]:
    """Return story, blow and whether the end must be the same."""
    story, name, *arguments = scenario.split()
    return story, BLOWS[name](*arguments), name in SAME_END
