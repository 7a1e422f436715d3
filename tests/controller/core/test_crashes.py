"""Killed between any two actions, whatever the readings say, a rollout ends and docs/reliability.md holds.

Every scenario is first played undisturbed to count its actions; then it is played once for each action with the
controller killed right after it, and once for each pair. A kill loses the rest of the plan and what was remembered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.canary import Stage, State
from controller.core.plan import Action, CopyTemplate, Scale, Shift
from controller.core.verbs import Verbs
from controller.core.world import FINALIZER, NOTHING_REMEMBERED
from metrics.types import Check, NoData, Reading, Value
from tests.controller.core.builders import MINUTE, NOW, spec
from tests.simulator import Scene, later, plan_for, play, pushed, remembering, simulated, template_of

pytestmark = pytest.mark.timeout(300)  # thousands of rollouts, and coverage slows each

GOOD = Value(100.0), Value(20.0)
BAD = Value(50.0), Value(20.0)
BLIND = NoData(), NoData()


@dataclass
class Story:
    """A rollout with a script of readings (the last one repeats) and of pushes at given looks."""

    readings: Sequence[Sequence[Reading]]
    start: Scene = field(default_factory=lambda: simulated(spec(step_weight=20), now=NOW))
    pushes: dict[int, str] = field(default_factory=dict)
    events: dict[int, Callable[[Scene], Scene]] = field(default_factory=dict)  # what else happens, by reconcile
    ends: State = State.FINISHED


DRAINING = simulated(spec(step_weight=20, drain=timedelta(seconds=30)), now=NOW)
AT_ZERO = replace(
    simulated(spec(), now=NOW),
    broken=frozenset({"3"}),
    canary_workload=replace(
        DRAINING.canary_workload, replicas=0, current_replicas=0, updated_replicas=0, available_replicas=0
    ),
)


def verb(**verbs: str) -> Callable[[Scene], Scene]:
    return lambda scene: replace(scene, canary=replace(scene.canary, verbs=Verbs(**verbs)))


def without_service(scene: Scene) -> Scene:
    return replace(scene, services_gone=frozenset({"canary_workload"}))


STORIES = {
    "promoted": Story([GOOD]),
    "halts and recovers": Story([GOOD, BAD, BLIND, BAD, GOOD]),
    "rolled back": Story([GOOD, BAD], start=simulated(spec(step_weight=20, threshold=4), now=NOW), ends=State.FAILED),
    "no evidence": Story([BLIND], ends=State.FAILED),
    "a new revision in mid-rollout": Story([GOOD], pushes={3: "3"}),
    "a new revision while promoting": Story([GOOD], pushes={6: "3"}),
    "put back mid-rollout": Story([GOOD], pushes={3: "1"}),
    "put back while the first step is on its way": Story([GOOD], pushes={2: "1"}),
    "aborted while the first step is on its way": Story(
        [GOOD], events={2: verb(abort="podinfo-canary-2")}, ends=State.FAILED
    ),
    "a new revision while the first step is on its way": Story([GOOD], pushes={2: "3"}),
    "drained after a promotion": Story([GOOD], start=DRAINING),
    "drained after a rollback": Story([GOOD, BAD], start=DRAINING, ends=State.FAILED),
    "drained and put back": Story([GOOD], start=DRAINING, pushes={9: "1"}),
    "a new revision during the drain": Story([GOOD], start=DRAINING, pushes={22: "3"}),
    "a new revision while it is rolled back": Story([GOOD, BAD, *[BAD] * 9, GOOD], start=DRAINING, pushes={62: "3"}),
    "traffic returns in steps": Story([GOOD], start=simulated(spec(step_weight=20, stepped=True), now=NOW)),
    "aborted": Story([GOOD], events={9: verb(abort="podinfo-canary-2")}, ends=State.FAILED),
    "promoted ahead of its analysis": Story([BAD], events={2: verb(promote="podinfo-canary-2")}),
    "failed and retried": Story([GOOD, *[BAD] * 10, GOOD], start=DRAINING, events={70: verb(retry="podinfo-canary-2")}),
    "the canary's service is deleted": Story([GOOD], events={9: without_service}, ends=State.FAILED),
    "the first start takes more pods": Story([GOOD], start=simulated(spec(step_weight=100, max_weight=100), now=NOW)),
    "never ready": Story(
        [GOOD], start=replace(simulated(spec(), now=NOW), broken=frozenset({"2"})), pushes={0: "2"}, ends=State.FAILED
    ),
    "never ready after a scale-up": Story([GOOD], start=AT_ZERO, pushes={0: "3"}, ends=State.FAILED),
}


class Judge:
    """Holds the invariants against every scene that it is shown."""

    def __init__(self, scene: Scene) -> None:
        self.analysed: set[str] = set()
        self.last_step: tuple[str, object] | None = None
        self.before = scene
        self.traffic_left_at: datetime | None = None

    def see(self, action: Action, scene: Scene) -> None:
        if isinstance(action, Shift):
            self._traffic_goes_to_pods_in_steps(action, scene)
        if isinstance(action, CopyTemplate):
            self._only_what_was_analysed_is_promoted(scene)
        self._proxies_are_given_time(action, scene)
        self._ended_is_drained_and_finished_is_promoted(scene)
        self.before = scene

    def _traffic_goes_to_pods_in_steps(self, action: Shift, scene: Scene) -> None:
        self._steps_are_paced(action, scene)
        if action.weights.canary:
            assert scene.canary_workload is not None
            assert scene.canary_workload.available_replicas > 0, "traffic to nothing"

    def _only_what_was_analysed_is_promoted(self, scene: Scene) -> None:
        assert scene.canary_workload is not None
        revision = scene.canary.status.canary_revision
        assert scene.canary_workload.template.revision == revision, "promoted what was not analysed"
        assert self.before.weights is not None
        at_maximum = self.before.weights.canary >= scene.canary.spec.max_weight
        assert at_maximum or scene.canary.verbs.promote, "promoted without a round at the maximum"

    def _proxies_are_given_time(self, action: Action, scene: Scene) -> None:
        if isinstance(action, Scale) and action.replicas == 0 and self.traffic_left_at is not None:
            assert scene.canary.spec.drain <= scene.now - self.traffic_left_at, "scaled down before the proxies knew"
        if scene.weights and self.before.weights and self.before.weights.canary and not scene.weights.canary:
            self.traffic_left_at = scene.now
        serves = scene.canary_workload is not None and scene.canary_workload.available_replicas
        if isinstance(action, Scale) or not serves:
            self.traffic_left_at = None

    def _ended_is_drained_and_finished_is_promoted(self, scene: Scene) -> None:
        state = scene.canary.status.state
        if state in {State.FINISHED, State.FAILED}:
            assert scene.weights is None or scene.weights.canary == 0, "ended but not drained"
        if state is State.FINISHED:
            assert scene.primary is not None
            assert scene.primary.template.body in self.promotable(scene), "finished but not promoted"

    def promotable(self, scene: Scene) -> set[str]:
        return {scene.canary.status.canary_revision.rsplit("-", 1)[-1]}

    def _steps_are_paced(self, action: Shift, scene: Scene) -> None:
        weight = action.weights.canary
        if weight <= (self.before.weights.canary if self.before.weights else 0):
            return
        key = scene.canary.status.canary_revision
        if self.last_step is not None and self.last_step[0] == key:
            earlier = self.last_step[1]
            repeated = self.last_step[2] == weight
            assert repeated or scene.now - earlier >= MINUTE, "two steps within one interval"
        self.last_step = (key, scene.now, weight)


def played(story: Story, kills: frozenset[int] = frozenset()) -> Iterator[Scene]:
    """Yield the scene after each action; after the actions whose number is in ``kills`` the plan is lost."""
    scene, judge, done = story.start, Judge(story.start), 0
    on_their_way: list[int] = []  # versions of the route that steps were sent for whose process was killed
    script = list(story.readings)

    def readings(_: Scene, checks: Sequence[Check]) -> Sequence[Reading]:
        return (script.pop(0) if len(script) > 1 else script[0])[: len(checks)]

    for look in range(800):
        if look in story.pushes:
            scene = pushed(scene, template_of("podinfo-canary", story.pushes[look]))
        scene = story.events.get(look, lambda same: same)(scene)
        plan = plan_for(scene, readings)
        scene = remembering(scene, plan)
        version, killed = scene.route_version, False
        for number, action in enumerate(plan.actions):
            scene = play(scene, action)
            judge.see(action, scene)
            done += 1
            yield scene
            if done in kills:
                killed = True
                sent = plan.actions[number + 1 : number + 2]
                on_their_way += [version for step in sent if isinstance(step, Shift) and step.weights.canary]
                break
        if killed:
            scene = replace(scene, memory=NOTHING_REMEMBERED)
        over = scene.canary.status.state in {State.FINISHED, State.FAILED} and not plan.actions
        if over and look > max((*story.pushes, *story.events), default=0):
            late = [version for version in on_their_way if version == scene.route_version]
            assert not late, "a step of a process that was killed would be taken at rest"
            return
        scene = later(scene, timedelta(seconds=13))
    pytest.fail(f"the rollout did not end: {scene.canary.status}")


def assert_ended(story: Story, scene: Scene) -> None:
    status = scene.canary.status
    assert status.state is story.ends
    assert status.stage is None
    assert FINALIZER not in scene.canary.finalizers
    assert scene.weights is not None
    assert scene.weights.canary == 0
    assert scene.canary_workload is not None
    assert scene.canary_workload.replicas == 0


@pytest.mark.parametrize("name", STORIES)
def test_story_ends_as_it_should(name):
    *_, last = played(STORIES[name])
    assert_ended(STORIES[name], last)


@pytest.mark.parametrize("name", STORIES)
def test_killed_after_any_action(name):
    story = STORIES[name]
    for kill in range(1, len(list(played(story))) + 1):
        *_, last = played(story, frozenset({kill}))
        assert_ended(story, last)


@pytest.mark.parametrize(
    "name", ["promoted", "rolled back", "a new revision while promoting", "drained after a promotion"]
)
def test_killed_after_any_two_actions(name):
    story = STORIES[name]
    for kills in combinations(range(1, len(list(played(story))) + 1), 2):
        *_, last = played(story, frozenset(kills))
        assert_ended(story, last)


READINGS = st.lists(st.sampled_from([GOOD, BAD, BLIND]), min_size=1, max_size=30)


@given(
    readings=READINGS,
    kills=st.frozensets(st.integers(1, 60), max_size=8),
    limits=st.builds(
        spec, step_weight=st.integers(5, 100), max_weight=st.integers(1, 100), threshold=st.integers(1, 12)
    ),
    push_at=st.one_of(st.none(), st.integers(0, 60)),
    pushed_body=st.sampled_from(["1", "2", "3"]),
)
def test_invariants_hold_for_any_readings_limits_pushes_and_kills(readings, kills, limits, push_at, pushed_body):
    start = simulated(limits, now=NOW)
    pushes = {} if push_at is None else {push_at: pushed_body}
    story = Story([*readings, GOOD], start=start, pushes=pushes)
    *_, last = played(story, kills)
    assert last.canary.status.state in {State.FINISHED, State.FAILED}
    assert last.canary.status.stage is not Stage.PROMOTING
