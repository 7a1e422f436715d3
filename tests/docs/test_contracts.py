"""Every promise and every rule of behaviour has a test that cites it, and every citation a promise."""

import pytest

from hack.docs.__main__ import EXAMPLES, book, citations, sources
from hack.docs.contracts import BEHAVIOUR, CONTRACT, Book, Promise, bare, page, problems
from hack.docs.contracts import book as read
from hack.docs.contracts import citations as found

CODE = ("controller/", "deploy/", "informers/", "metrics/", "router/", "hack/", "tests/")


def S(number: int) -> Promise:  # noqa: N802  # as it is written
    return Promise(CONTRACT, "S", number)


def test_every_promise_has_a_test_and_every_citation_a_promise():
    assert list(problems(book(), citations())) == []


def test_no_number_stands_without_its_word():
    code = {path: text for path, text in sources().items() if path.startswith(CODE) and path not in EXAMPLES}
    wrong = [problem for path, text in code.items() for problem in bare(path, text, book())]
    assert wrong == []


def test_promises_are_numbered_without_a_gap():
    for title in (*book().areas, Promise(BEHAVIOUR, "", 0)):
        numbers = [p.number for p in book().promises if (p.kind, p.area) == (title.kind, title.area)]
        assert numbers == list(range(1, len(numbers) + 1)), title
        assert numbers


CONTRACTS = "## S. Store\n\n| S1 | keys | |\n| S2 | adds | |\n| S3 | order | |\n"
RULES = "### 1. Route gate\n\n### 2. Service gate\n"
BOOK = read(CONTRACTS, RULES)


def test_promises_are_rows_and_rules_are_headings():
    rules = [Promise(BEHAVIOUR, "", 1), Promise(BEHAVIOUR, "", 2)]
    assert Book([S(1), S(2), S(3), *rules], {S(0): "Store", rules[0]: "Route gate", rules[1]: "Service gate"}) == BOOK


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        pytest.param("(contract S2)", [2], id="one"),
        pytest.param("Contracts S1, S3.", [1, 3], id="several"),
        pytest.param("contracts S1\n    and S3 hold", [1, 3], id="across the end of a line"),
        pytest.param("contracts S1 to S3", [1, 2, 3], id="a range"),
        pytest.param("contracts S, client-go's", [0], id="an area"),
        pytest.param("tests/contracts/test_S1.py", [], id="a path"),
        pytest.param("a contract Signed by all", [], id="prose"),
    ],
)
def test_citations_of_contracts_are_found(text, cited):
    assert [citation.promise for citation in found("a.py", text)] == [S(number) for number in cited]


def test_citations_of_behaviour_are_found():
    text = "# behaviour 1, 3 to 5, and 7; behaviour of 2 sides"
    assert [citation.promise.number for citation in found("a.py", text)] == [1, 3, 4, 5, 7]


TEST = '''"""The store (contracts S)."""
@pytest.mark.parametrize("a", [pytest.param(1, id="contract S1")])
def test_a(a):  # contract S2
    pass
# contract S3
'''


def test_citation_belongs_to_the_test_around_it():
    cited = [(c.promise, c.line, c.test) for c in found("tests/test_a.py", TEST)]
    assert cited == [(S(0), 1, None), (S(1), 2, "test_a"), (S(2), 3, "test_a"), (S(3), 5, None)]
    assert {citation.test for citation in found("informers/test_a.py", TEST)} == {None}


def test_promise_without_a_test_and_citation_without_a_promise_are_problems():
    cited = [*found("tests/test_a.py", TEST), *found("informers/store.py", "\n# contracts S3, S4 and behaviour 3")]
    assert list(problems(BOOK, cited)) == [
        "informers/store.py:2: cites contract S4, which is not in docs/contracts.md",
        "informers/store.py:2: cites behaviour 3, which is not in docs/behaviour.md",
        "docs/contracts.md: no test cites contract S3",
        "docs/behaviour.md: no test cites behaviour 1",
        "docs/behaviour.md: no test cites behaviour 2",
    ]


def test_number_without_its_word_is_a_problem():
    text = "contracts S1, S2\n# S3 S99 PS1 S1-b\n"
    assert list(bare("a.py", text, BOOK)) == ["a.py:2: write contract S3, not S3"]


def test_page_names_the_tests_of_each_promise_by_file():
    another = TEST + "def test_c(): ...  # contract S1"
    text = page(BOOK, [*found("tests/test_b.py", TEST), *found("tests/test_a.py", another)])
    assert "### S. Store" in text
    assert "| S1 | `tests/test_a.py`: `test_a`, `test_c`<br>`tests/test_b.py`: `test_a` |" in text
    assert "| 2. Service gate |  |" in text
