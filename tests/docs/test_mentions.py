"""Nothing cites a document, a file or a decision that is not in the repository."""

import re

import pytest

from hack.docs.__main__ import DOCS, EXAMPLES, ROOT, sources
from hack.docs.mentions import decisions, files, sections

CITING = {path: text for path, text in sources().items() if path not in EXAMPLES}
NOBODY_HAS = re.compile(r"\b[Tt]he seed\b|\bseed's\b|(?<!\()\b(?:CONTRACTS|DESIGN|SEED|STYLE|JUDGE)\b(?![-_=]|`)")


def test_files_that_are_mentioned_are_there():
    missing = [
        f"{path}:{line}: {name}"
        for path, text in CITING.items()
        for line, name in files(text)
        if not any((place / name).exists() for place in (ROOT, (ROOT / path).parent, DOCS))
    ]
    assert missing == []


def test_no_section_of_a_document_elsewhere_is_cited():
    cited = [f"{path}:{line}: {name}" for path, text in CITING.items() for line, name in sections(text)]
    assert cited == []


def test_decisions_that_are_cited_are_recorded():
    recorded = {int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md")}
    cited = {number for text in CITING.values() for _, number in decisions(text)}
    assert cited <= recorded
    assert cited


def test_no_text_cites_a_document_that_nobody_has():
    cited = [f"{path}: {found[0]}" for path, text in CITING.items() for found in NOBODY_HAS.finditer(text)]
    assert cited == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("see docs/design.md, and FAQ.md.", ["docs/design.md", "FAQ.md"], id="pages"),
        pytest.param("``../shared/CONTRACTS.md``", ["../shared/CONTRACTS.md"], id="beside the repository"),
        pytest.param("tests/a_b.py::test_c and hack/x.yaml", ["tests/a_b.py", "hack/x.yaml"], id="files"),
        pytest.param("https://example.org/docs/a.md", [], id="an address"),
        pytest.param("pkg/tools/cache/reflector.go", [], id="a file of another project"),
        pytest.param("docs/*.md docs/adr", [], id="patterns and directories"),
    ],
)
def test_mentions_of_files_are_found(text, found):
    assert [name for _, name in files(text)] == found


@pytest.mark.parametrize("text", ["DESIGN §4.3", "Design § 8", "§3", "CONTRACTS S20"])
def test_sections_are_found(text):
    assert [name for _, name in sections(f"a\n({text})")] == [text]


def test_decisions_are_found():
    assert list(decisions("a\n[ADR 9](adr/0009-leader-election.md)")) == [(2, 9)]
