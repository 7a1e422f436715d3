"""The two acts: what the user does, in answer to which event, and how it must end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hack.demo.user import Snapshot

Json = dict[str, Any]

CANARY = "podinfo-canary"
BAD_IMAGE = "quay.io/stefanprodan/podinfo:1.3.0"


class Actor(Protocol):
    """Who does what the cues say."""

    def behave(self, workload: str, *, error_ratio: float = 0.0, latency_ms: float = 20.0) -> None:
        """Make a workload answer with errors or late."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that the user does once an event was seen."""

    after: str  # part of the event's text
    note: str  # what is printed, if anything
    act: Callable[[Actor], None]


@dataclass(frozen=True, slots=True)
class Act:
    """One rollout: it has ended when the state is reached; then every expected text was said, in this order."""

    cues: Sequence[Cue]
    state: str
    texts: Sequence[str]
    failed_checks: range
    promoted: bool


def _answers(note: str, after: str, **behaviour: float) -> Cue:
    return Cue(after, note, lambda user: user.behave(CANARY, **behaviour))


def _advances(first: int, last: int) -> list[str]:
    return [f"Advance podinfo.test canary weight {weight}" for weight in range(first, last + 1, 5)]


DURATION = "Halt podinfo.test advancement request duration"
RATE = "Halt podinfo.test advancement success rate"

GOOD_VERSION = Act(
    cues=(
        _answers("the canary becomes slow", "weight 15", latency_ms=2525),
        _answers("it becomes less slow", DURATION, latency_ms=1567),
        _answers("... and less", DURATION, latency_ms=823),
        _answers("... and lets it be", DURATION),
        _answers("the canary answers with errors", "weight 30", error_ratio=0.1767),
        _answers("with fewer errors", RATE, error_ratio=0.1278),
        _answers("... and fewer", RATE, error_ratio=0.0526),
        _answers("... and lets it be", RATE),
    ),
    state="finished",
    texts=(
        "Starting canary deployment for podinfo.test",
        *_advances(5, 15),
        *[DURATION] * 3,
        *_advances(20, 30),
        *[RATE] * 3,
        *_advances(35, 50),
        f"Copying {CANARY}.test template spec to podinfo.test",
        "Waiting for podinfo.test rollout to finish: 1 of 2 updated replicas are available",
        f"Promotion completed! Scaling down {CANARY}.test",
    ),
    failed_checks=range(6, 10),
    promoted=True,
)

BAD_VERSION = Act(
    cues=(
        _answers("with more traffic the new version begins to fail", "weight 15", error_ratio=0.3083),
        *[
            _answers("", RATE, error_ratio=ratio)
            for ratio in (0.3861, 0.4494, 0.53, 0.55, 0.56, 0.57, 0.58, 0.59, 0.6192)
        ],
    ),
    state="failed",
    texts=(
        f"New revision detected {CANARY}.test old ",
        "Scaling up podinfo.test",
        *_advances(5, 15),
        *[RATE] * 4,
        f"(combined from similar events): {RATE}",
        f"Rolling back {CANARY}.test failed checks threshold reached 10",
        f"Canary failed! Scaling down {CANARY}.test",
    ),
    failed_checks=range(10, 11),
    promoted=False,
)


def problems(act: Act, snapshot: Snapshot, events: Sequence[Json]) -> list[str]:
    """Return what did not come out as it should; empty if all is well."""
    found = _missing_texts(act.texts, [event["message"] for event in events])
    if snapshot.status.get("state") != act.state:
        found.append(f"the state is {snapshot.status.get('state')}")
    if snapshot.status.get("failedChecks") not in act.failed_checks:
        found.append(f"failed checks are {snapshot.status.get('failedChecks')}")
    if snapshot.weights != (100, 0):
        found.append("weights are {}/{} after the end".format(*snapshot.weights))
    if snapshot.workload["spec"].get("replicas") != 0:
        found.append("the canary was not scaled to zero")
    if (_image(snapshot.primary) == _image(snapshot.workload)) != act.promoted:
        found.append(f"the primary runs {_image(snapshot.primary)}")
    return found


def _missing_texts(expected: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return which texts were not said after the ones before them."""
    rest = iter(said)
    return [f"no event {text!r} in its place" for text in expected if not any(s.startswith(text) for s in rest)]


def _image(deployment: Json) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
