"""Which promise is proven by which test: from citations to a page, and what is wrong with them. Pure.

Promises are rows of tables in ``docs/contracts.md``, rules are headings in ``docs/behaviour.md``. Code cites them by
"contract" or "behaviour" and a number. A citation within a test says that this test proves it.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CONTRACT = "contract"
BEHAVIOUR = "behaviour"
PAGES: Mapping[str, str] = {CONTRACT: "docs/contracts.md", BEHAVIOUR: "docs/behaviour.md"}

_ROW = re.compile(r"^\| (?P<number>[A-Z]\d{1,2}) \|", re.MULTILINE)
_AREA = re.compile(r"^## (?P<area>[A-Z])\. (?P<title>.+)$", re.MULTILINE)
_RULE = re.compile(r"^### (?P<number>\d{1,2})\. (?P<title>.+)$", re.MULTILINE)
_NEXT = r"(?:,\s+(?:and\s+)?|\s+to\s+|\s+and\s+)"
_CITED = re.compile(
    r"\b(?:(?P<contract>[Cc]ontracts?)\s+(?P<numbers>[A-Z]\d{0,2}(?:" + _NEXT + r"[A-Z]\d{0,2})*)"
    r"|[Bb]ehaviour\s+(?P<rules>\d{1,2}(?:" + _NEXT + r"\d{1,2})*))\b"
)
_ONE = re.compile(r"(?P<to>\bto\s+)?(?P<area>[A-Z]?)(?P<digits>\d*)")
_BARE = re.compile(r"(?<![\w.-])[A-Z]\d{1,2}(?![\w.-])")


@dataclass(frozen=True, slots=True, order=True)
class Promise:
    """What can be cited."""

    kind: str  # CONTRACT or BEHAVIOUR
    area: str  # a letter; "" for behaviour
    number: int  # 0: the area as a whole

    def __str__(self) -> str:
        digits = self.number or ""
        return f"{self.kind} {self.area}{digits}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A place that cites a promise."""

    promise: Promise
    path: str
    line: int
    test: str | None  # within which it stands


@dataclass(frozen=True, slots=True)
class Book:
    """What is promised, and under which titles."""

    promises: Sequence[Promise]
    titles: Mapping[Promise, str]  # of areas and rules

    @property
    def areas(self) -> Sequence[Promise]:
        """The areas of the contracts."""
        return [promise for promise in self.titles if promise.kind == CONTRACT]


def book(contracts: str, behaviour: str) -> Book:
    """Read the two pages."""
    rows = [_promise(CONTRACT, found["number"]) for found in _ROW.finditer(contracts)]
    titles = {_promise(CONTRACT, found["area"]): found["title"] for found in _AREA.finditer(contracts)}
    rules = {_promise(BEHAVIOUR, found["number"]): found["title"] for found in _RULE.finditer(behaviour)}
    return Book([*rows, *rules], titles | rules)


def citations(path: str, text: str) -> Iterator[Citation]:
    """Yield every citation in a file; one of a range counts for each number in it."""
    tests = _tests(path, text)
    for found in _CITED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        test = next((name for first, last, name in tests if first <= line <= last), None)
        for promise in _cited(found):
            yield Citation(promise, path, line, test)


def bare(path: str, text: str, promises: Book) -> Iterator[str]:
    """Yield what is wrong with numbers of contracts that stand without the word "contract"."""
    known = {f"{promise.area}{promise.number}" for promise in promises.promises if promise.kind == CONTRACT}
    rest = _CITED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in _BARE.finditer(rest):
        if found[0] in known:
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}: write contract {found[0]}, not {found[0]}"


def problems(promises: Book, cited: Sequence[Citation]) -> Iterator[str]:
    """Yield each citation without a promise, and each promise without a test."""
    known = {*promises.promises, *promises.areas}
    for citation in cited:
        if citation.promise not in known:
            page = PAGES[citation.promise.kind]
            yield f"{citation.path}:{citation.line}: cites {citation.promise}, which is not in {page}"
    proven = {citation.promise for citation in cited if citation.test}
    for promise in promises.promises:
        if promise not in proven:
            yield f"{PAGES[promise.kind]}: no test cites {promise}"


HEAD = """\
# Proofs

<!-- Made by `python -m hack.docs` from the citations in tests/. Do not edit. -->

Which tests prove which promise. A test is listed because it cites the number
([how](../CONTRIBUTING.md#cite-what-you-rely-on)); run one with `python -m pytest FILE -k NAME`.

"""


def page(promises: Book, cited: Sequence[Citation]) -> str:
    """Return the page of proofs."""
    proofs: dict[Promise, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for citation in cited:
        names = proofs[citation.promise][citation.path]
        if citation.test and citation.test not in names:
            names.append(citation.test)
    parts = ["## [Contracts](contracts.md)", ""]
    for area in promises.areas:
        parts += [f"### {area.area}. {promises.titles[area]}", "", *_TABLE]
        rows = [promise for promise in promises.promises if (promise.kind, promise.area) == (CONTRACT, area.area)]
        parts += [f"| {row.area}{row.number} | {_files(proofs[row])} |" for row in rows]
        parts.append("")
    parts += ["## [What the controller does](behaviour.md)", "", *_TABLE]
    rules = [promise for promise in promises.promises if promise.kind == BEHAVIOUR]
    parts += [f"| {rule.number}. {promises.titles[rule]} | {_files(proofs[rule])} |" for rule in rules]
    return HEAD + "\n".join(parts) + "\n"


_TABLE = ("| number | proven by |", "|---|---|")


def _files(tests: Mapping[str, Sequence[str]]) -> str:
    shown = (f"`{path}`: {', '.join(f'`{name}`' for name in names)}" for path, names in sorted(tests.items()) if names)
    return "<br>".join(shown)


def _promise(kind: str, number: str) -> Promise:
    area = number[:1] if kind == CONTRACT else ""
    return Promise(kind, area, int(number[len(area) :] or 0))


def _cited(found: re.Match[str]) -> Iterator[Promise]:
    kind = CONTRACT if found["contract"] else BEHAVIOUR
    last: Promise | None = None
    for one in _ONE.finditer(found["numbers"] or found["rules"]):
        if not one["area"] and not one["digits"]:
            continue
        promise = _promise(kind, one["area"] + one["digits"])
        if one["to"] and last is not None:
            yield from (Promise(kind, last.area, number) for number in range(last.number + 1, promise.number))
        yield promise
        last = promise


def _tests(path: str, text: str) -> Sequence[tuple[int, int, str]]:
    """Return the first and last line and the name of each test, decorators included."""
    if not path.startswith("tests/") or not path.endswith(".py"):
        return ()
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    return [
        (min([test.lineno, *(d.lineno for d in test.decorator_list)]), test.end_lineno or test.lineno, test.name)
        for test in functions
        if test.name.startswith("test_")
    ]
