"""How threads and locks may be used, read from the code of the product."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("controller", "deploy", "informers", "metrics", "router")
LOCKS = frozenset({"Lock", "RLock", "Condition", "Semaphore"})
BLOCKING = frozenset({"get_path", "join", "merge_patch", "json_patch", "open", "read", "recv", "sleep", "urlopen"})


def trees():
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in files}


def calls(tree):
    """Yield the name and the node of each call of something in ``threading``."""
    for node in ast.walk(tree):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "threading":
            yield function.attr, node


def unnamed_threads(tree):
    """Yield the lines that start a thread without a name, or a daemon."""
    for name, call in calls(tree):
        words = {word.arg for word in call.keywords}
        if name == "Thread" and ("name" not in words or "daemon" in words):
            yield call.lineno


def public_locks(tree):
    """Yield the lines that give an object a lock which others may take."""
    locks = {id(call) for name, call in calls(tree) if name in LOCKS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and id(node.value) in locks:
            names = [getattr(target, "attr", getattr(target, "id", "")) for target in node.targets]
            if not all(name.startswith("_") for name in names):
                yield node.lineno


def blocked_under_a_lock(tree):
    """Yield the lines that do I/O or wait for a thread while a lock is held."""
    for node in ast.walk(tree):
        held = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
        if not any(getattr(lock, "attr", "") in {"_lock", "_ready", "_changed"} for lock in held):
            continue
        functions = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
        for function in functions:
            waits = getattr(function, "attr", "") in BLOCKING
            if waits and not isinstance(function.value, ast.Constant):  # ", ".join(...)
                yield function.lineno


def found(rule):
    return [f"{path}:{line}" for path, tree in trees().items() for line in rule(tree)]


DIALS = "metrics/connections.py"
"""Nothing ends the look-up of a host's name, and the process must end all the same."""


def test_every_thread_has_a_name_and_none_is_a_daemon():  # contract T1
    assert [place for place in found(unnamed_threads) if not place.startswith(DIALS)] == []


def test_locks_are_private():  # contract T3
    assert found(public_locks) == []


def test_no_lock_is_held_while_something_blocks():  # contract T3
    assert found(blocked_under_a_lock) == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (unnamed_threads, "threading.Thread(target=print)"),
        (unnamed_threads, "threading.Thread(target=print, name='a', daemon=True)"),
        (public_locks, "self.lock = threading.Lock()"),
        (blocked_under_a_lock, "with self._lock:\n    x = pool.urlopen()"),
        (blocked_under_a_lock, "with self._lock:\n    thread.join()"),
    ],
)
def test_rule_finds_what_breaks_it(rule, code):
    assert list(rule(ast.parse(code))) == [code.count("\n") + 1]
