"""The verbs against the sandbox: as a process, beside kubectl, in somebody's way, and where they are not wanted."""

import copy
import io
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.core.verbs import ABORT, HOLD, PROMOTE, RETRY
from controller.lifecycle import utc_now
from controller.verbs import command
from controller.verbs.decide import Verb
from testbed.sandbox.faults import Fault
from tests.fakes.api import FakeApi, refuses, says
from tests.system.harness import CANARY, WRITES, objects, stage

ROOT = Path(__file__).parents[3]
REVISION = "355576317870351"
META = {"namespace": "test", "name": "podinfo", "uid": "u", "resourceVersion": "7"}
PROGRESSING = {"state": "running", "stage": "progressing", "canaryRevision": REVISION, "canaryWeight": 25}
FAILED = {"state": "failed", "canaryRevision": REVISION, "canaryWeight": 0}
NOW = datetime(2026, 11, 25, 8, 5, 14, 895429, UTC)
STAMP = "2026-11-25T08:05:14.895429Z"
ACTING = [(Verb.ABORT, ABORT, PROGRESSING), (Verb.PROMOTE, PROMOTE, PROGRESSING), (Verb.RETRY, RETRY, FAILED)]


@pytest.fixture
def on(tmp_path):
    """A cluster with a canary object, at 25 %; no controller."""
    with stage(tmp_path) as the_stage:
        the_stage.add_canary(drainSeconds=30)
        put(the_stage, PROGRESSING)
        yield the_stage


def put(on, status, *, annotations=None, **metadata):
    obj = copy.deepcopy(on.canary_object())
    obj["status"] = status
    obj["metadata"].update(metadata)
    obj["metadata"].setdefault("annotations", {}).update(annotations or {})
    on.cluster.api.store.put(CANARY, ("test", "podinfo"), obj)


def annotations(on):
    return on.canary_object()["metadata"].get("annotations") or {}


def ask(capsys, kubeconfig, verb, *arguments):
    """Return exit code, and what was printed to standard output and standard error."""
    out = io.StringIO()
    code = command.main(verb, ["podinfo", "--kubeconfig", str(kubeconfig), *arguments], lambda: NOW, out)
    return code, out.getvalue(), capsys.readouterr().err


def requests(on, verb):
    return [(r.verb, r.code) for r in on.cluster.api.log.of(command.user_agent(verb))]


def process(*arguments):
    command_line = [sys.executable, "-m", "controller", *arguments]
    return subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def test_as_a_process(on):
    done = process("abort", "podinfo", "-ntest", "-kubeconfig", on.kubeconfig)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"podinfo.test: revision {REVISION} is being aborted: all traffic goes to the primary, podinfo-canary is "
        "scaled to 0 after 30 s, and the state becomes failed. It is not tried again unless you retry it: "
        "flagger retry podinfo -n test\n"
    )
    assert annotations(on)[ABORT].startswith(f"{REVISION}@")


def test_as_a_process_in_the_wrong_state(on):
    done = process("retry", "podinfo", "-n", "test", "--kubeconfig", on.kubeconfig)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"flagger retry: podinfo.test: revision {REVISION} has not failed, it is running (stage progressing, 25 % of "
        "the traffic); to abort it: flagger abort podinfo -n test\n"
    )
    assert annotations(on) == {}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["abrot", "podinfo"],
            "(did you mean abort?); a command comes first and is one of check, get, watch, history, ",
        ),
        (["abort"], "flagger abort: the following arguments are required: NAME"),
        (
            ["abort", "podinfo", "--kubeconfig=/nowhere/kubeconfig"],
            "flagger abort: kubeconfig /nowhere/kubeconfig cannot be read: ",
        ),
    ],
    ids=["a typo", "no name", "no kubeconfig"],
)
def test_what_cannot_even_be_asked_ends_with_2(arguments, text):
    done = process(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


@pytest.mark.parametrize(("verb", "annotation", "status"), ACTING)
def test_one_annotation_is_written_and_nothing_else(on, capsys, verb, annotation, status):
    put(on, status, annotations={"other": "stays"})
    before = copy.deepcopy(on.canary_object())
    code, out, err = ask(capsys, on.kubeconfig, verb, "-n", "test")
    assert (code, err) == (0, "")
    assert out.startswith(f"podinfo.test: revision {REVISION} is being ")
    after = on.canary_object()
    before["metadata"]["annotations"][annotation] = f"{REVISION}@{STAMP}"
    before["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"]
    assert after == before
    assert requests(on, verb) == [("get", 200), ("patch", 200)]


def test_hold_and_resume(on, capsys):
    assert ask(capsys, on.kubeconfig, Verb.HOLD, "-n", "test")[0] == 0
    assert annotations(on) == {HOLD: STAMP}
    assert ask(capsys, on.kubeconfig, Verb.HOLD, "-n", "test", "--reason", "peak hours")[0] == 0
    assert annotations(on) == {HOLD: "peak hours"}
    assert ask(capsys, on.kubeconfig, Verb.HOLD, "-n", "test")[1].startswith(
        "podinfo.test is held already (peak hours)"
    )
    assert ask(capsys, on.kubeconfig, Verb.RESUME, "-n", "test")[0] == 0
    assert annotations(on) == {}
    code, out, _ = ask(capsys, on.kubeconfig, Verb.RESUME, "-n", "test")
    assert (code, out) == (0, "podinfo.test is not held, there is nothing to resume\n")
    assert [verb for verb, _ in requests(on, Verb.RESUME)] == ["get", "patch", "get"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize(
    ("verb", "written", "status"),
    [
        *((verb, f"{annotation}={REVISION}@{STAMP}", status) for verb, annotation, status in ACTING),
        (Verb.HOLD, f"{HOLD}={STAMP}", PROGRESSING),
        (Verb.RESUME, f"{HOLD}-", PROGRESSING),
    ],
)
def test_kubectl_annotate_does_the_same(on, capsys, tmp_path, verb, written, status):
    def outcome(act):
        put(on, status, annotations={HOLD: "peak hours"} if verb is Verb.RESUME else {})
        act()
        after = copy.deepcopy(on.canary_object())
        after["metadata"].pop("resourceVersion")
        on.delete(CANARY, "podinfo")
        on.add_canary(drainSeconds=30)
        for field in ("uid", "creationTimestamp"):
            after["metadata"].pop(field)
        return after

    def annotate():
        line = ["kubectl", "--kubeconfig", on.kubeconfig, "--cache-dir", str(tmp_path / "cache"), "-n", "test"]
        typed = [*line, "annotate", "canary", "podinfo", written, "--overwrite"]
        subprocess.run(typed, capture_output=True, text=True, check=True, timeout=30)

    by_hand = outcome(annotate)
    assert outcome(lambda: ask(capsys, on.kubeconfig, verb, "-n", "test")) == by_hand


def test_conflict_is_tried_again(on, capsys):
    on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", code=409, count=2))
    code, _, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert (code, err) == (0, "")
    assert requests(on, Verb.ABORT) == [("get", 200), ("patch", 409)] * 2 + [("get", 200), ("patch", 200)]
    assert annotations(on) == {ABORT: f"{REVISION}@{STAMP}"}


def test_conflicts_without_end_are_given_up(on, capsys):
    on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", code=409, count=-1))
    code, out, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert (code, out) == (2, "")
    assert err == (
        "flagger abort: podinfo.test was changed by somebody else between reading and writing, 5 times in a row; "
        "nothing was written, try again\n"
    )
    assert requests(on, Verb.ABORT) == [("get", 200), ("patch", 409)] * command.TRIES
    assert annotations(on) == {}


def test_state_is_looked_at_again_after_a_conflict(capsys, tmp_path):
    (obj,) = objects("rollouts/podinfo")
    obj["metadata"].update(resourceVersion="7", uid="u", creationTimestamp="2026-11-25T07:00:00Z")
    with FakeApi() as api:
        api.answers = [says({**obj, "status": PROGRESSING}), refuses(409, "Conflict"), says({**obj, "status": FAILED})]
        code, _, err = ask(capsys, api.kubeconfig(tmp_path), Verb.ABORT)
    assert code == 1
    assert f"revision {REVISION} has failed" in err
    assert [r.method for r in api.requests] == ["GET", "PATCH", "GET"]


def test_version_that_was_read_is_the_precondition(on, capsys, monkeypatch):
    def overtaken(*arguments, **more):
        decision = decide(*arguments, **more)
        if annotations(on) == {}:
            put(on, PROGRESSING, annotations={"other": "just written"})
        return decision

    decide = command.decide
    monkeypatch.setattr(command, "decide", overtaken)
    assert ask(capsys, on.kubeconfig, Verb.PROMOTE, "-n", "test")[0] == 0
    assert [code for verb, code in requests(on, Verb.PROMOTE) if verb == "patch"] == [409, 200]
    assert annotations(on) == {"other": "just written", PROMOTE: f"{REVISION}@{STAMP}"}


def test_namespace_is_that_of_the_context(capsys, tmp_path):
    (obj,) = objects("rollouts/podinfo")
    obj["metadata"].update(resourceVersion="7", uid="u", creationTimestamp="2026-11-25T07:00:00Z")
    with FakeApi() as api:
        api.default = says({**obj, "status": PROGRESSING})
        assert ask(capsys, api.kubeconfig(tmp_path), Verb.HOLD)[0] == 0
    assert {r.path for r in api.requests} == {"/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo"}
    assert api.requests[1].headers["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ({"metadata": META}, "KeyError: 'creationTimestamp'"),
        ({"metadata": {**META, "creationTimestamp": 5}}, "TypeError: "),
        ({"metadata": META, "status": ["running"]}, "AttributeError: "),
    ],
    ids=["no time", "no time but a number", "no object as status"],
)
@pytest.mark.parametrize("verb", Verb)
def test_object_that_makes_no_sense_is_one_line_and_nothing_is_written(capsys, tmp_path, verb, answer, what):
    with FakeApi() as api:
        api.default = says(answer)
        code, out, err = ask(capsys, api.kubeconfig(tmp_path), verb, "-n", "test")
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"flagger {verb}: canary podinfo cannot be read, so nothing was written: {what}")
    assert len(api.requests) == 1


@pytest.mark.parametrize("verb", Verb)
def test_answer_that_is_no_object_is_one_line_and_nothing_is_written(capsys, tmp_path, verb):
    with FakeApi() as api:
        api.default = says({"kind": "Status", "status": "Success"})
        code, out, err = ask(capsys, api.kubeconfig(tmp_path), verb, "-n", "test")
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"flagger {verb}: get canaries podinfo: {api.url} answered what is no object: metadata must")
    assert len(api.requests) == 1


@pytest.mark.parametrize("verb", Verb)
def test_object_that_is_being_deleted_is_left_alone(on, capsys, verb):
    put(on, PROGRESSING, annotations={HOLD: STAMP}, deletionTimestamp="2026-11-25T08:00:00Z")
    code, _, err = ask(capsys, on.kubeconfig, verb, "-n", "test")
    assert code == 1
    assert "podinfo.test: it is being deleted" in err
    assert requests(on, verb) == [("get", 200)]


def test_object_that_is_not_there(on, capsys):
    code, out, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "elsewhere")
    assert (code, out) == (2, "")
    assert err == (
        "flagger abort: there is no canary podinfo in namespace elsewhere; "
        "kubectl get canaries -A lists what there is\n"
    )


def test_cluster_without_the_kind(tmp_path, capsys):
    with stage(tmp_path, crds=()) as bare:
        code, _, err = ask(capsys, bare.kubeconfig, Verb.ABORT, "-n", "test")
    assert code == 2
    assert err == (
        "flagger abort: canaries.flagger.app is not served by the API server: "
        "install the CustomResourceDefinition of Canary\n"
    )


@pytest.mark.parametrize("denied", ["get", "patch"])
def test_who_is_not_allowed_is_told_what_it_takes(on, capsys, denied):
    on.cluster.api.faults.add(Fault(verb=denied, resource="canaries", code=403, count=-1))
    code, out, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert (code, out) == (2, "")
    assert err.startswith(
        "flagger abort: not allowed, you need the permissions get and patch on canaries.flagger.app in namespace test "
    )
    assert f"({denied} canaries podinfo: 403 " in err
    assert err.count("\n") == 1


def test_nobody_is_told_to_log_in(capsys, tmp_path):
    with FakeApi() as api:
        api.default = refuses(401, "Unauthorized")
        code, _, err = ask(capsys, api.kubeconfig(tmp_path), Verb.ABORT)
    assert code == 2
    assert err.startswith("flagger abort: the API server does not accept the credentials, log in again (")


def test_server_that_fails_or_is_away(on, capsys):
    on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", code=500, count=-1))
    code, _, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert code == 2
    assert err.startswith("flagger abort: patch canaries podinfo: 500 ")
    code, _, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test", "--master=http://127.0.0.1:1")
    assert code == 2
    assert "http://127.0.0.1:1 cannot be reached, is the address right and the server up?" in err


@pytest.mark.parametrize("when", ["before", "after"])
def test_answer_that_is_lost_leaves_it_open_whether_it_was_written(on, capsys, when):
    on.cluster.api.faults.add(Fault(verb="patch", resource="canaries", drop=when))
    code, _, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert code == 2
    assert err.endswith("It is unknown whether it was written; it is safe to run the command again\n")
    assert len([verb for verb, _ in requests(on, Verb.ABORT) if verb in WRITES]) == 1
    assert (ABORT in annotations(on)) is (when == "after")


def test_server_that_hangs_is_given_up(on, capsys, monkeypatch):
    monkeypatch.setattr(command, "_REQUEST_SECONDS", 0.2)
    on.cluster.api.faults.add(Fault(verb="get", resource="canaries", hang=True, count=-1))
    code, _, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    on.cluster.api.faults.clear()
    assert (code, err.count("\n")) == (2, 1)


def test_interrupted(on, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "decide", interrupted)
    assert ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test") == (130, "", "")


def test_wall_clock_of_the_process_is_what_is_written(on):
    before = utc_now()
    process("hold", "podinfo", "-n", "test", "--kubeconfig", on.kubeconfig)
    assert before <= datetime.fromisoformat(annotations(on)[HOLD]) <= utc_now()


def test_what_somebody_wrote_into_the_cluster_does_nothing_to_the_terminal(on, capsys):
    put(on, PROGRESSING, annotations={HOLD: "\x1b[2J\u202e"})
    code, out, err = ask(capsys, on.kubeconfig, Verb.HOLD, "-n", "test")
    assert (code, err) == (0, "")
    assert out.startswith("podinfo.test is held already (\\x1b[2J\\u202e): ")
    put(on, {**PROGRESSING, "stage": "\x1b[2J\n"})
    code, out, err = ask(capsys, on.kubeconfig, Verb.ABORT, "-n", "test")
    assert (code, out) == (1, "")
    assert "\\x1b[2J\\n" in err
    assert err.rstrip("\n").isprintable()
