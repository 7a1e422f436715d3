"""The page of events has every sentence that the code can say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPOKEN = (
    "controller/asking/asker.py",
    "controller/core/conditions.py",
    "controller/core/ending.py",
    "controller/core/events.py",
    "controller/core/obstacles.py",
    "controller/core/rounds.py",
    "controller/core/waits.py",
    "deploy/kstatus.py",
    "deploy/rollout.py",
    "metrics/answers.py",
    "metrics/connections.py",
    "metrics/metric_template.py",
    "metrics/prometheus.py",
    "metrics/verdicts.py",
    "metrics/wire.py",
    "router/istio.py",
    "router/services.py",
    "router/virtualservice.py",
)
NOT_FOR_OWNERS = re.compile(
    # for the log, for the memory of a process, or for nobody
    r"Query failed unexpectedly"
    r"|Asked Prometheus|is not an address such as|must not have a query|Bearer |is gone or cannot be read|correcting to"
    # for `flagger check`
    r"|at least \0|at most \0|Install |kubectl apply "
    # refused at the start
    r"|cannot be used|no certificates"
)
SPANS = re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "events.md").read_text())


def sentences(path: str) -> list[str]:
    """Return the texts in a module's code, values replaced by NUL; docstrings and single words are left out.

    So is what a gate asks: that stands on the page of gates, which is made from it.
    """
    tree = ast.parse((ROOT / path).read_text())
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    documented |= {id(call.args[1]) for call in calls if call.func.id == "Gate"}
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (documented | within):
            text = node.value
        else:
            continue
        if re.search(r"[A-Za-z]{2,},? \0?,? ?[A-Za-z]{2,}", text) and not NOT_FOR_OWNERS.search(text):
            found.append(text)
    return found


def is_documented(sentence: str) -> bool:
    pattern = ".+?".join(re.escape(part) for part in sentence.strip("\0").split("\0"))
    return any(re.search(pattern, span) for span in SPANS)


@pytest.mark.parametrize("path", SPOKEN)
def test_every_sentence_is_on_the_page_of_events(path):
    missing = [sentence.replace("\0", "{}") for sentence in sentences(path) if not is_documented(sentence)]
    assert missing == []


def test_sentences_are_found_at_all():
    assert sum(len(sentences(path)) for path in SPOKEN) > 50
    assert not is_documented("Retreat \0 canary weight \0")
