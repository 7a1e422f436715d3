"""The three stories in tests/transcripts through the simulator, word for word."""

from dataclasses import replace

from controller.core.canary import State
from metrics.types import Value
from tests.controller.core.builders import NOW, spec
from tests.simulator import Scene, pushed, run, simulated, template_of
from tests.telling import transcript

FINE = 20.0


def rate(percent):
    return (Value(percent), Value(FINE))


def slow(seconds):
    return (Value(100.0), Value(seconds * 1000))


GOOD = rate(100.0)
PROMOTION = [
    GOOD,
    GOOD,
    slow(2.525),
    slow(1.567),
    slow(0.823),
    *[GOOD] * 3,
    rate(82.33),
    rate(87.22),
    rate(94.74),
    GOOD,
]
ROLLBACK = [GOOD, GOOD, *map(rate, (69.17, 61.39, 55.06, 47.00, 45.5, 44.1, 42.2, 41.7, 40.3, 38.08))]


def played(scene: Scene, script: list) -> Scene:
    """Play until the rollout is at rest; the last round of the script repeats."""
    script = list(script)

    def readings(_scene, checks):
        return (script.pop(0) if len(script) > 1 else script[0])[: len(checks)]

    *_, end = run(scene, readings)
    assert end.canary.status.state in {State.FINISHED, State.FAILED}
    return end


def told(name: str, **values: str) -> list[str]:
    return [line.split(None, 1)[1] for line in transcript(name, **values)]


def once(texts) -> list[str]:
    """Return what is said without the waits, which depend on how fast pods are."""
    return [text for text in texts if not text.startswith("Waiting")]


def test_promotion_with_six_halts():
    end = played(simulated(spec(), now=NOW), PROMOTION)
    assert once(end.said) == once(told("promotion"))
    assert (end.canary.status.state, end.canary.status.failed_checks) == (State.FINISHED, 6)


def test_rollback_at_ten_failed_checks():
    end = played(simulated(spec(), now=NOW), ROLLBACK)
    halts = [text for text in end.said if text.startswith("Halt")]
    assert len(halts) == 10
    assert halts[-1] == "Halt podinfo.test advancement success rate 38.08% < 99%"
    rest = [text for text in end.said if text not in halts]
    assert rest == [text for text in told("rollback") if "Halt" not in text]
    assert (end.canary.status.state, end.canary.status.failed_checks) == (State.FAILED, 10)


def test_new_revision_after_a_failure():
    failed = played(simulated(spec(), now=NOW), ROLLBACK)
    old = failed.canary.status.canary_revision
    end = played(pushed(replace(failed, said=()), template_of("podinfo-canary", "3")), [GOOD])
    new = end.canary.status.canary_revision
    assert once(end.said) == once(told("new-revision", old=old, new=new))
    assert (end.canary.status.state, end.canary.status.failed_checks) == (State.FINISHED, 0)
