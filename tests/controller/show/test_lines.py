"""Lines of text: as wide as the terminal, and safe to print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.show.lines import EMPTY, Span, cells, line, padded, plain, table, wrapped


@pytest.mark.parametrize(
    ("text", "width", "pieces"),
    [
        pytest.param("one two three", 24, ["label one two three"], id="it fits"),
        pytest.param("one two three four", 20, ["label one two three", "      four"], id="words stay whole"),
        pytest.param("x" * 16, 20, ["label " + "x" * 14, "      xx"], id="a word that is too long is cut"),
        pytest.param("a " + "x" * 16, 20, ["label a", "      " + "x" * 14, "      xx"], id="on a line of its own"),
        pytest.param("ab" + "漢" * 7, 20, ["label ab漢漢漢漢漢漢", "      漢"], id="wide characters take two columns"),
        pytest.param("", 20, ["label"], id="nothing"),
        pytest.param("one two three", 5, ["label one two three"], id="a terminal narrower than anything"),
    ],
)
def test_paragraph(text, width, pieces):
    assert plain(wrapped(line("label "), text, width)).splitlines() == pieces


def test_label_that_leaves_no_room_stands_alone():
    assert plain(wrapped(line("a label that is long"), "one two", 24)).splitlines() == [
        "a label that is long",
        "  one two",
    ]


@given(st.text(), st.integers(20, 100))
def test_paragraph_loses_nothing_and_is_never_too_wide(text, width):
    drawn = list(wrapped(EMPTY, text, width))
    assert all(sum(cells(span.text) for span in row) <= width for row in drawn)
    assert "".join(plain(drawn).split()) == "".join(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text).split()
    )


def test_columns_are_aligned_whatever_is_in_them():
    assert list(table([["NAME", "V"], ["漢字", "1"], ["a\x1b", "22"]])) == ["NAME    V", "漢字    1", "a\\x1b   22"]
    assert padded("é", 3) == "é  "
    assert cells("e\u0301") == 1


def test_line_is_safe_to_print():
    assert line("a\n", Span("\x1b", "bad")) == (Span("a\\n"), Span("\\x1b", "bad"))
