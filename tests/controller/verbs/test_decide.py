"""Every verb in every state and stage: what is written and said, or why it is refused.

``tests/transcripts/verbs.txt`` has every sentence; ``python -m tests.controller.verbs.test_decide`` prints it anew.
"""

import sys
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from controller.core.verbs import ABORT, HOLD, PROMOTE, RETRY, revision_of
from controller.flags import COMMANDS
from controller.kinds import BUILT_IN
from controller.show.options import Command
from controller.verbs import decide as module
from controller.verbs.command import parse
from controller.verbs.decide import Accepted, Refused, Verb

TRANSCRIPT = Path(__file__).parents[2] / "transcripts" / "verbs.txt"
NOW = datetime(2026, 11, 25, 8, 5, 14, 895429, UTC)
STAMP = "2026-11-25T08:05:14.895429Z"
REVISION = "355576317870351"
ANNOTATIONS = {Verb.ABORT: ABORT, Verb.PROMOTE: PROMOTE, Verb.RETRY: RETRY}
ABSENT = object()
ASKED, REFUSED, NOTHING = "asked", "refused", "nothing to do"


def status(state, stage=None, weight=0):
    found = {"state": state, "canaryRevision": REVISION, "canaryWeight": weight, "failedChecks": 0}
    return {**found, "stage": stage} if stage else found


SITUATIONS = {
    "never reconciled": None,
    "refused before its first rollout": {"conditions": [{"type": "Ready", "status": "False"}]},
    "finished": status("finished"),
    "failed": status("failed"),
    "running, starting": status("running", "starting"),
    "running, progressing at 25 %": status("running", "progressing", 25),
    "running, promoting at 50 %": status("running", "promoting", 50),
    "running, rolling back": status("running", "rolling-back"),
    "running, draining": status("running", "draining"),
    "running, in a stage of a newer controller": status("running", "sideways", 25),
    "running, without a stage": status("running"),
    "in a state of a newer controller": status("asleep"),
}
EXPECTED = {  # abort, promote, retry, hold, resume (when not held)
    "never reconciled": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "refused before its first rollout": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "finished": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "failed": (REFUSED, REFUSED, ASKED, ASKED, NOTHING),
    "running, starting": (ASKED, ASKED, REFUSED, ASKED, NOTHING),
    "running, progressing at 25 %": (ASKED, ASKED, REFUSED, ASKED, NOTHING),
    "running, promoting at 50 %": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "running, rolling back": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "running, draining": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "running, in a stage of a newer controller": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "running, without a stage": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
    "in a state of a newer controller": (REFUSED, REFUSED, REFUSED, ASKED, NOTHING),
}
TABLE = [
    pytest.param(situation, verb, outcome, id=f"{verb} {situation}")
    for situation, outcomes in EXPECTED.items()
    for verb, outcome in zip(Verb, outcomes, strict=True)
]


decide = partial(module.decide, parse=BUILT_IN.parse)


def canary(status=ABSENT, *, annotations=ABSENT, deleting=False, **spec):
    meta = {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-11-25T07:00:00Z"}
    obj = {
        "metadata": {"namespace": "test", "name": "podinfo", **meta},
        "spec": {
            "virtualService": {"name": "podinfo"},
            "primary": {"name": "podinfo", "host": "podinfo"},
            "canary": {"name": "podinfo-canary", "host": "podinfo-canary"},
            "canaryAnalysis": {"drainSeconds": 45, "metrics": []},
            **spec,
        },
    }
    if status is not ABSENT:
        obj["status"] = status
    if annotations is not ABSENT:
        obj["metadata"]["annotations"] = annotations
    if deleting:
        obj["metadata"]["deletionTimestamp"] = "2026-11-25T08:00:00Z"
    return obj


def outcome(decision):
    if isinstance(decision, Refused):
        return REFUSED
    return ASKED if decision.patch else NOTHING


def written(decision):
    """Return the annotations that an accepted verb sets; nothing but them, with the version as precondition."""
    assert isinstance(decision, Accepted)
    assert decision.patch is not None
    assert set(decision.patch) == {"metadata"}
    assert set(decision.patch["metadata"]) == {"resourceVersion", "annotations"}
    assert decision.patch["metadata"]["resourceVersion"] == "7"
    return decision.patch["metadata"]["annotations"]


@pytest.mark.parametrize(("situation", "verb", "expected"), TABLE)
def test_verb_is_asked_only_where_it_can_be_obeyed(situation, verb, expected):
    assert outcome(decide(canary(SITUATIONS[situation]), verb, NOW)) == expected


@pytest.mark.parametrize(("situation", "verb", "expected"), TABLE)
def test_what_is_written_names_the_revision_and_the_time(situation, verb, expected):
    decision = decide(canary(SITUATIONS[situation]), verb, NOW)
    if expected != ASKED:
        assert getattr(decision, "patch", None) is None
    elif verb is Verb.HOLD:
        assert written(decision) == {HOLD: STAMP}
    else:
        assert written(decision) == {ANNOTATIONS[verb]: f"{REVISION}@{STAMP}"}
        assert revision_of(written(decision)[ANNOTATIONS[verb]]) == REVISION


@pytest.mark.parametrize("situation", SITUATIONS)
def test_resume_removes_the_hold_in_any_state(situation):
    held = canary(SITUATIONS[situation], annotations={HOLD: "peak hours", "other": "stays"})
    assert written(decide(held, Verb.RESUME, NOW)) == {HOLD: None}


@pytest.mark.parametrize("verb", Verb)
def test_nothing_is_asked_of_an_object_that_is_being_deleted(verb):
    for found in SITUATIONS.values():
        decision = decide(canary(found, annotations={HOLD: STAMP}, deleting=True), verb, NOW)
        assert decision == Refused(
            "podinfo.test: it is being deleted, so commands have no effect; its traffic goes to the primary"
        )


def test_each_use_is_a_distinct_value():
    running = canary(SITUATIONS["running, starting"])
    first = decide(running, Verb.ABORT, NOW)
    second = decide(running, Verb.ABORT, NOW + timedelta(microseconds=1))
    assert written(first) != written(second)


def test_time_is_utc_wherever_it_is_typed():
    local = NOW.astimezone(timezone(timedelta(hours=9)))
    assert written(decide(canary(), Verb.HOLD, local)) == {HOLD: STAMP}


def test_reason_stands_in_the_value_of_a_hold_and_nowhere_else():
    running = canary(SITUATIONS["running, starting"])
    assert written(decide(running, Verb.HOLD, NOW, reason="peak hours")) == {HOLD: "peak hours"}
    assert written(decide(running, Verb.ABORT, NOW, reason="peak hours")) == {ABORT: f"{REVISION}@{STAMP}"}


def test_hold_that_stands_is_not_overwritten_without_another_reason():
    held = canary(SITUATIONS["running, progressing at 25 %"], annotations={HOLD: "peak hours"})
    again = decide(held, Verb.HOLD, NOW)
    assert again == decide(held, Verb.HOLD, NOW, reason="peak hours")
    assert outcome(again) == NOTHING
    assert again.sentence.startswith("podinfo.test is held already (peak hours): the canary's weight stays at 25 %, ")
    assert written(decide(held, Verb.HOLD, NOW, reason="incident")) == {HOLD: "incident"}


def test_hold_without_a_value_is_a_hold():
    held = canary(SITUATIONS["finished"], annotations={HOLD: ""})
    assert decide(held, Verb.HOLD, NOW).sentence.startswith("podinfo.test is held already: no rollout is running")
    assert written(decide(held, Verb.RESUME, NOW)) == {HOLD: None}


@pytest.mark.parametrize(
    ("seconds", "weight", "said"),
    [
        (45, 25, "scaled to 0 after 45 s, and"),
        (None, 25, "scaled to 0 after 30 s, and"),
        (0, 25, "scaled to 0, and"),
        (45, 0, "scaled to 0, and"),
    ],
    ids=["as the spec says", "the default", "no pause is wanted", "no traffic, no pause"],
)
def test_abort_says_when_the_pods_go(seconds, weight, said):
    analysis = {"metrics": []} if seconds is None else {"metrics": [], "drainSeconds": seconds}
    running = canary(status("running", "progressing", weight), canaryAnalysis=analysis)
    assert said in decide(running, Verb.ABORT, NOW).sentence


@pytest.mark.parametrize("verb", [Verb.ABORT, Verb.PROMOTE, Verb.RETRY])
def test_nothing_is_asked_while_the_spec_keeps_the_controller_from_obeying(verb):
    status = SITUATIONS["failed" if verb is Verb.RETRY else "running, progressing at 25 %"]
    assert decide(canary(status, primary=None), verb, NOW) == Refused(
        "podinfo.test: the controller does nothing until the spec is corrected: "
        "spec.primary must be an object, not None"
    )
    refused = decide(canary(SITUATIONS["finished"], primary=None), verb, NOW)
    assert "(state finished)" in refused.sentence
    assert refused.sentence.endswith("deployment/CANARY") is (verb is Verb.RETRY)


@pytest.mark.parametrize("verb", [Verb.ABORT, Verb.PROMOTE, Verb.RETRY])
def test_nothing_is_asked_while_the_status_keeps_the_controller_from_obeying(verb):
    status = SITUATIONS["failed" if verb is Verb.RETRY else "running, progressing at 25 %"]
    assert decide(canary({**status, "canaryWeight": 101}), verb, NOW) == Refused(
        "podinfo.test: the controller does nothing until the status is corrected: "
        "status.canaryWeight must be a whole number between 0 and 100, not 101"
    )


def test_hold_and_resume_need_no_valid_spec():
    assert written(decide(canary(primary=None), Verb.HOLD, NOW)) == {HOLD: STAMP}
    assert written(decide(canary(annotations={HOLD: STAMP}, primary=None), Verb.RESUME, NOW)) == {HOLD: None}


def test_every_verb_is_among_the_commands():
    assert list(COMMANDS) == ["check", *Command, *Verb]


def transcript():
    text = []
    for title, found in SITUATIONS.items():
        text += ["", title]
        for verb in Verb:
            text += _lines(verb, canary(found))
        text += ["  when held"]
        for verb in Verb:
            text += _lines(verb, canary(found, annotations={HOLD: STAMP}))
    return "\n".join(text[1:]) + "\n"


def _lines(verb, found):
    decision = decide(found, verb, NOW)
    if isinstance(decision, Refused):
        return [f"  {verb:<8} refused  {decision.sentence}"]
    annotations = decision.patch["metadata"]["annotations"] if decision.patch else {}
    return [f"  {verb:<8} accepted {decision.sentence}", *(f"           {k}: {v}" for k, v in annotations.items())]


def test_sentences_are_as_they_were():
    assert transcript() == TRANSCRIPT.read_text()


if __name__ == "__main__":
    sys.stdout.write(transcript())


@pytest.mark.parametrize(("verb", "situation"), [(Verb.ABORT, "running, starting"), (Verb.RETRY, "failed")])
def test_nothing_is_promised_about_scaling_a_kind_that_the_command_does_not_know(verb, situation):
    sentence = module.decide(canary(SITUATIONS[situation], targetKind="Widget"), verb, NOW, parse=parse).sentence
    assert "scaled" not in sentence
    promised = ("its analysis starts again", "all traffic goes to the primary and the state becomes")
    assert any(promise in sentence for promise in promised)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("StatefulSet", "restart the canary: kubectl -n test rollout restart statefulset/podinfo-canary"),
        ("Widget", "change what is released of it: kubectl -n test edit widget/podinfo-canary"),
    ],
)
def test_how_to_analyse_a_version_once_more_depends_on_the_kind(kind, what):
    refused = module.decide(canary(SITUATIONS["finished"], targetKind=kind), Verb.RETRY, NOW, parse=parse)
    assert refused.sentence.endswith(what)
