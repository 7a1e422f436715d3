"""The echo of our own write wakes nobody, however early or late it comes; somebody else's change always does."""

from functools import partial

import pytest

from controller.echoes import Echoes, EchoingWriter
from controller.resources import CANARIES
from controller.work.ratelimit import ExponentialLimiter
from controller.work.workqueue import WorkQueue
from deploy.deployments import DEPLOYMENTS as DEPLOYMENT_KIND
from informers.errors import ConflictError, ForbiddenError, ServerError
from tests.controller.clock import FakeClock
from tests.fakes.writer import FakeWriter

WHERE = ("canaries", "test/podinfo")


class Run:
    """A writer whose API server tells a watch of something before it answers."""

    def __init__(self):
        self.told = []
        self.echoes = Echoes()
        self.fake = FakeWriter(
            *(
                (r.plural, {"metadata": {"name": "podinfo", "namespace": "test", "uid": "u", "resourceVersion": "7"}})
                for r in KINDS
            )
        )
        self.writer = EchoingWriter(self, self.echoes)
        self.meanwhile = lambda: None

    def get(self, *where):
        return self.fake.get(*where)

    def merge_patch(self, *where, **how):
        answer = self.fake.merge_patch(*where, **how)
        self.meanwhile()
        return answer

    def json_patch(self, *where, **how):
        answer = self.fake.json_patch(*where, **how)
        self.meanwhile()
        return answer

    def hear(self, version, *, plural="canaries", key="test/podinfo"):
        self.echoes.unless_ours(plural, key, version, lambda: self.told.append(version))

    def write(self):
        return self.writer.merge_patch(CANARIES, "test", "podinfo", {"status": {}}, subresource="status")


DEPLOYMENTS = DEPLOYMENT_KIND.newest
KINDS = (CANARIES, DEPLOYMENTS)


@pytest.fixture
def run():
    return Run()


def test_echo_after_the_answer_is_not_told(run):  # contract W6
    assert run.write()["metadata"]["resourceVersion"] == "8"
    run.hear("8")
    assert run.told == []


def test_echo_before_the_answer_is_not_told_either(run):  # contract W6
    run.meanwhile = lambda: run.hear("8")
    run.write()
    assert run.told == []


def test_change_that_somebody_else_made_during_a_write_is_told_when_it_is_answered(run):  # contract W6
    run.meanwhile = lambda: (run.hear("9"), run.told.append("answered"))
    run.write()
    run.hear("8")
    run.hear("10")
    assert run.told == ["answered", "9", "10"]


@pytest.mark.parametrize("error", [ForbiddenError("no"), ConflictError("somebody was quicker")])
def test_what_was_heard_during_a_write_that_failed_is_told(run, error):
    def fail():
        run.hear("8")
        raise error

    run.meanwhile = fail
    with pytest.raises(type(error)):
        run.write()
    run.hear("9")
    assert run.told == ["8", "9"]


def test_two_writes_of_one_object_at_once_are_both_ours(run):
    def write_again():
        run.meanwhile = lambda: (run.hear("9"), run.hear("8"))
        run.write()
        run.meanwhile = lambda: None
        run.hear("77")

    run.meanwhile = write_again
    run.write()
    assert run.told == ["77"]


def test_write_of_one_object_holds_up_no_change_of_another(run):
    run.meanwhile = lambda: (run.hear("8", plural="deployments"), run.hear("8", key="test/other"))
    run.write()
    assert run.told == ["8", "8"]


def test_version_that_comes_again_after_a_restore_is_told(run):  # contract S20
    run.write()
    run.hear("8")
    run.hear("8")
    assert run.told == ["8"]


def test_json_patch_is_known_by_its_answer_as_well(run):
    operations = [{"op": "add", "path": "/spec", "value": {}}]
    answer = run.writer.json_patch(DEPLOYMENTS, "test", "podinfo", operations)
    run.hear("8", plural="deployments")
    assert run.told == []
    assert run.writer.get(DEPLOYMENTS, "test", "podinfo") == answer


def test_versions_that_are_never_heard_of_are_forgotten_in_the_end(run):
    for version in range(1001):
        with run.echoes.writing(*WHERE) as answered:
            answered(str(version))
    run.hear("0")
    run.hear("1")
    assert run.told == ["0"]


@pytest.mark.parametrize("first", ["the answer", "the watch"])
def test_key_that_fails_is_not_led_past_its_back_off_by_what_it_wrote_before(run, first):  # contracts Q2, W6
    """Each look writes a status, and then something else is refused."""
    clock = FakeClock()
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=clock)
    queue.add("test/podinfo")
    for number in range(8, 20):
        assert queue.get() == "test/podinfo"
        echo = partial(
            run.echoes.unless_ours, "canaries", "test/podinfo", str(number), partial(queue.add, "test/podinfo")
        )
        run.meanwhile = echo if first == "the watch" else lambda: None
        assert run.write()["metadata"]["resourceVersion"] == str(number)
        queue.add_rate_limited("test/podinfo")
        queue.done("test/podinfo")
        if first == "the answer":
            echo()
        assert (len(queue), queue.depth()) == (0, 0)
        clock.advance(60)


@pytest.mark.parametrize(
    "answer",
    [{}, {"kind": "Status", "status": "Success"}, {"metadata": None}, {"metadata": {"resourceVersion": "8"}}],
    ids=str,
)
def test_answer_that_is_no_object_is_an_error_of_the_server(run, answer):
    run.get = run.merge_patch = run.json_patch = lambda *_, **__: answer
    for ask in (
        run.write,
        lambda: run.writer.json_patch(DEPLOYMENTS, "test", "podinfo", []),
        lambda: run.writer.get(DEPLOYMENTS, "test", "podinfo"),
    ):
        with pytest.raises(ServerError, match="podinfo: the API server answered what is no object: metadata must"):
            ask()
