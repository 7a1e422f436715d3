"""What is printed."""

import json
import re
from pathlib import Path

import pytest

from controller import __version__
from controller.check.facts import NoApi, Objects, Unknown, Unlisted, Version
from controller.check.findings import Finding, Level, Reason, passed, problem, told, warning
from controller.check.judge_canaries import FIXES
from controller.check.report import as_json, as_text
from tests.controller.check.facts_builders import USER, api, facts

DOC = (Path(__file__).parents[3] / "docs" / "check.md").read_text()
FINE = [passed("kinds", "Canary is served"), passed("prometheus", "Prometheus answers")]
BAD = problem("canaries", "RouteNotFound", "virtual service podinfo.test not found", "Create it.", "test/podinfo")
TOLD = told("canaries", Reason.WINDOW_LONGER_THAN_ROUND, "Rounds last 10s", "test/podinfo")
SO_SO = warning("prometheus", Reason.NO_DURATIONS, "Prometheus has no durations", "kubectl apply -f x")


def test_what_is_fine_is_not_printed():
    assert as_text(facts(), FINE, colours=False) == (
        "API server   https://10.0.0.1, Kubernetes v1.32.0\n"
        f"User         {USER}\n"
        "Prometheus   http://prometheus:9090\n"
        "Namespaces   all\n"
        "Canaries     1\n"
        "\n"
        "Nothing to fix: all 2 checks passed.\n"
    )


def test_what_is_to_be_fixed_is_printed_with_how():
    text = as_text(facts(namespaces=("test", "shop")), [*FINE, SO_SO, BAD], colours=False)
    assert "Namespaces   test, shop\n" in text
    assert text.endswith(
        "\n"
        "WARNING  Prometheus has no durations\n"
        "    fix  kubectl apply -f x\n"
        "\n"
        "PROBLEM  canary podinfo.test: virtual service podinfo.test not found\n"
        "    fix  Create it.\n"
        "\n"
        "1 problem, 1 warning, 2 checks passed.\n"
    )


def test_what_is_worth_knowing_is_printed_and_nothing_is_to_be_fixed():
    text = as_text(facts(), [*FINE, TOLD], colours=False)
    assert text.endswith(
        "Canaries     1\n\nOK       canary podinfo.test: Rounds last 10s\n\nNothing to fix: all 3 checks passed.\n"
    )


def test_colours_mark_the_word_only():
    text = as_text(facts(), [BAD, SO_SO, TOLD], colours=True)
    marked = [(colour, word.strip()) for colour, word in re.findall("\x1b\\[(.*?)m(.*?)\x1b\\[0m", text)]
    assert marked == [("31;1", "PROBLEM"), ("33;1", "WARNING"), ("32;1", "OK")]
    assert "\x1b" not in as_text(facts(), [BAD, SO_SO], colours=False)


def test_what_comes_from_the_cluster_does_nothing_to_a_terminal():
    evil = "x\x1b[2J\nPROBLEM  y\u202e"
    found = [problem("canaries", "RouteNotFound", evil, evil, f"{evil}/{evil}")]
    there = facts(
        api=api(user=evil, version=Version(1, 32, evil)), api_server=evil, metrics_server=evil, namespaces=(evil,)
    )
    lines = as_text(there, found, colours=False).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == len(as_text(facts(), [BAD], colours=False).split("\n"))
    assert as_json(there, found).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("user", "line"),
    [
        (USER, USER),
        ("jane", "jane (its rights are checked, not the controller's)"),
        (Unknown("not served"), "unknown (not served)"),
    ],
)
def test_rights_of_a_person_are_called_so(user, line):
    assert f"\nUser         {line}\n" in as_text(facts(api=api(user=user)), FINE, colours=False)


@pytest.mark.parametrize("the_api", [NoApi("away", refused=False), api(version=Unknown("403"))])
def test_what_is_not_known_is_left_out(the_api):
    assert as_text(facts(api=the_api), FINE, colours=False).startswith("API server   https://10.0.0.1\n")


def test_canaries_that_could_not_be_listed_are_not_called_none():
    objects = Objects((), (Unlisted("Canary", "canaries", "test", ""),))
    assert "\nCanaries     could not be listed\n" in as_text(facts(api=api(objects=objects)), FINE, colours=False)


def test_json_has_every_finding():
    document = json.loads(as_json(facts(namespaces=("test",)), [*FINE, BAD]))
    assert document == {
        "version": __version__,
        "apiServer": {"url": "https://10.0.0.1", "version": "v1.32.0", "user": USER},
        "metricsServer": {"url": "http://prometheus:9090"},
        "namespaces": ["test"],
        "summary": {"ok": 2, "warning": 0, "problem": 1},
        "findings": [
            {
                "level": "ok",
                "check": "kinds",
                "reason": "Passed",
                "canary": None,
                "what": "Canary is served",
                "fix": None,
            },
            {
                "level": "ok",
                "check": "prometheus",
                "reason": "Passed",
                "canary": None,
                "what": "Prometheus answers",
                "fix": None,
            },
            {
                "level": "problem",
                "check": "canaries",
                "reason": "RouteNotFound",
                "canary": "test/podinfo",
                "what": "virtual service podinfo.test not found",
                "fix": "Create it.",
            },
        ],
    }


@pytest.mark.parametrize("the_api", [NoApi("away", refused=True), api(version=Unknown(""), user=Unknown(""))])
def test_json_says_null_where_it_is_not_known(the_api):
    server = json.loads(as_json(facts(api=the_api), []))["apiServer"]
    assert (server["version"], server["user"]) == (None, None)


def test_every_reason_is_documented():
    documented = set(re.findall(r"^\| `([A-Z]\w+)` \|", DOC, re.MULTILINE))
    assert documented == {str(reason) for reason in Reason} | set(FIXES)


def test_every_field_is_documented():
    document = json.loads(as_json(facts(), [Finding(Level.OK, "kinds", "Passed", "x")]))
    fields = {*document, *document["apiServer"], *document["findings"][0], *document["summary"]}
    assert [field for field in fields if f"`{field}`" not in DOC and f'"{field}"' not in DOC] == []
