"""What people see by command, on the sandbox: pictures, tables, histories, and the end of a wait."""

import io
import json

import pytest
import yaml

from controller.lifecycle import utc_now
from controller.show.command import main
from controller.show.options import Command
from testbed.sandbox.faults import Fault
from tests.system.harness import controller, objects
from tests.system.readings import BAD, Script

IMAGE = "quay.io/stefanprodan/podinfo"


def shown(on, *argv, pause=None):
    """Return exit code and output of a command."""
    command, *rest = argv
    out = io.StringIO()
    flags = {"pause": pause} if pause else {}
    code = main(Command(command), [*rest, "--kubeconfig", on.kubeconfig], utc_now, out=out, **flags)
    return code, out.getvalue()


def patiently(on):
    """Return what waits for the cluster to change instead of the clock."""

    def pause(_seconds):
        store = on.cluster.api.store
        with store.changed:
            store.changed.wait(0.05)

    return pause


@pytest.fixture
def promoted(on):
    on.add_canary(stepWeight=50)
    with controller(on):
        on.until_state("finished")
        yield on


def test_promotion_can_be_waited_for_seen_and_looked_up(on):
    on.add_canary(stepWeight=25, maxWeight=50)
    with controller(on):
        code, told = shown(on, "wait", "podinfo", "-n", "test", pause=patiently(on))
        assert (code, told.splitlines()[-1]) == (0, "podinfo.test 1.2.1 was promoted")
        assert shown(on, "wait", "podinfo", "-n", "test")[0] == 0
        on.until(lambda: not on.canary_object()["metadata"].get("finalizers"))
    _, picture = shown(on, "get", "podinfo", "-n", "test")
    assert "state     finished\nversion   1.2.1\nreason    Promoted: Revision " in picture
    assert "success rate" in picture
    assert "Promotion completed! Scaling down podinfo-canary.test" in picture
    _, table = shown(on, "get", "-A")
    assert table.splitlines()[1].split()[:5] == ["test", "podinfo", "finished", "0", "1.2.1"]
    _, history = shown(on, "history", "podinfo", "-n", "test")
    assert history.splitlines()[1].startswith("1.2.0 → 1.2.1   finished   Promoted")
    _, as_json = shown(on, "history", "podinfo", "-n", "test", "-o", "json")
    assert [past["outcome"] for past in json.loads(as_json)] == ["finished"]


def test_rollback_ends_a_wait_with_1_and_a_repeat_with_the_same_image_too(promoted):
    on = promoted
    on.cluster.prometheus.faults.script = Script([BAD])
    on.push(f"{IMAGE}:1.3.0")
    code, told = shown(on, "wait", "podinfo", "-n", "test", pause=patiently(on))
    assert code == 1
    assert told.splitlines()[-1] == ("podinfo.test 1.2.1 → 1.3.0 was rolled back: failed checks threshold reached 10")
    assert shown(on, "wait", "podinfo", "-n", "test")[0] == 1
    status = on.canary_status()
    assert (status["version"], status["reason"]) == ("1.2.1 → 1.3.0", "FailedChecks")
    newest, before = status["history"]
    assert (newest["outcome"], before["outcome"]) == ("failed", "finished")
    assert newest["worst"][0]["name"] == "istio_requests_total"


def test_timeout_ends_a_wait_with_2_and_says_how_it_stands(on):
    on.add_canary()
    times = iter([utc_now(), *[utc_now().replace(year=2100)] * 9])
    out = io.StringIO()
    argv = ["podinfo", "-n", "test", "--kubeconfig", on.kubeconfig, "--timeout", "1s"]
    assert main(Command.WAIT, argv, lambda: next(times), out=out, pause=lambda _: None) == 2
    assert out.getvalue().splitlines()[-1] == "podinfo.test has not ended within 1 s, it is not seen yet"


def test_object_that_cannot_begin_has_a_state_and_a_reason(on):
    on.delete(("networking.istio.io", "virtualservices"), "podinfo")
    on.add_canary()
    with controller(on):
        on.until_state("blocked")
    status = on.canary_status()
    assert (status["reason"], status["version"]) == ("RouteNotFound", "1.2.0")
    _, picture = shown(on, "get", "podinfo", "-n", "test")
    assert "state     blocked" in picture
    assert "RouteNotFound: virtual service podinfo.test not found" in picture


def test_documents_are_the_objects(promoted):
    on = promoted
    _, one = shown(on, "get", "podinfo", "-n", "test", "-o", "yaml")
    assert yaml.safe_load(one)["status"]["version"] == "1.2.1"
    _, all_of_it = shown(on, "get", "-n", "test", "-o", "json")
    (item,) = json.loads(all_of_it)["items"]
    assert (item["kind"], item["metadata"]["name"]) == ("Canary", "podinfo")
    _, wide = shown(on, "get", "-n", "test", "-o", "wide")
    assert wide.splitlines()[0].endswith("MESSAGE")


def test_watch_prints_a_line_for_each_change_and_ends_with_the_object(on):
    on.add_canary(stepWeight=50, maxWeight=50)
    left = [200]

    def pause(_seconds):
        left[0] -= 1
        if on.canary_status().get("state") == "finished" and on.canary_object():
            on.change(("flagger.app", "canaries"), "podinfo", lambda obj: obj["metadata"].pop("finalizers", None))
            on.delete(("flagger.app", "canaries"), "podinfo")
        patiently(on)(_seconds)

    with controller(on):
        code, told = shown(on, "watch", "podinfo", "-n", "test", pause=pause)
    assert code == 0
    assert told.splitlines()[-1] == "canary podinfo was deleted"
    assert "Starting canary deployment for podinfo.test" in told
    assert "running  progressing  50 %  1.2.0 → 1.2.1" in told


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["get", "other", "-n", "test"], "flagger get: there is no canary other in namespace test"),
        (["watch", "other", "-n", "test"], "flagger watch: there is no canary other in namespace test"),
        (["wait", "other", "-n", "test"], "flagger wait: there is no canary other in namespace test"),
        (["history", "other", "-n", "test"], "flagger history: there is no canary other in namespace test"),
        (["get", "--context", "other"], "flagger get: kubeconfig"),
        (["get", "-o", "xml"], "flagger get: argument -o/--output"),
    ],
    ids=lambda argv: " ".join(argv) if isinstance(argv, list) else "",
)
def test_what_cannot_be_asked_is_one_sentence_and_exit_3(on, capsys, argv, problem):
    assert shown(on, *argv) == (3, "")
    told = capsys.readouterr().err
    assert told.startswith(problem)
    assert told.count("\n") == 1


def test_namespace_without_canaries_says_so(on, capsys):
    assert shown(on, "get", "-n", "other") == (0, "")
    assert shown(on, "get", "-A") == (0, "")
    assert capsys.readouterr().err == "There is no canary in namespace other.\nThere is no canary in any namespace.\n"


def test_declared_kind_is_named_where_its_objects_are_not_known(on):
    (canary,) = objects("rollouts/podinfo")
    canary["spec"]["targetKind"] = "Widget"
    on.add(canary)
    _, picture = shown(on, "get", "podinfo", "-n", "test")
    assert "unread    kind Widget is declared to the controller alone" in picture
    assert "podinfo           unread" in picture
    assert shown(on, "wait", "podinfo", "-n", "test")[0] == 3


def test_login_that_may_only_list_gets_the_list_and_no_picture(on, capsys):
    """Such as the controller's own, by kubectl exec."""
    on.add_canary()
    on.cluster.api.faults.add(Fault(verb="get", resource="canaries", code=403, count=-1))
    code, out = shown(on, "get", "-n", "test")
    assert (code, out.splitlines()[1].split()[0]) == (0, "podinfo")
    assert shown(on, "get", "podinfo", "-n", "test") == (3, "")
    assert shown(on, "wait", "podinfo", "-n", "test") == (3, "")
    assert "you need the permission get on canaries.flagger.app" in capsys.readouterr().err
