"""Foreign texts on their way into events, logs and the status."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.texts import MOST_CHARACTERS, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("parse error", "parse error"),
        ("Fehler: größer", "Fehler: größer"),
        ("  two\nlines\r\n\tand more ", "two lines and more"),
        ("\ud800 alone", "alone"),
        ("red \x1b[31m", "red [31m"),
        ("a\x00b\u2028c\u202ed\ufeffe", "a b c d e"),
        ("", ""),
        ("x" * MOST_CHARACTERS, "x" * MOST_CHARACTERS),
        ("x" * (MOST_CHARACTERS + 1), "x" * (MOST_CHARACTERS - 1) + "…"),
    ],
)
def test_text_is_one_printable_line_and_cut(text, shown):
    assert safe(text) == shown


def test_length_is_what_is_asked_for():
    assert safe("unavailable", 5) == "unav…"


@given(st.text(st.characters(), max_size=2000))
def test_any_text_can_be_encoded_and_is_short(text):
    shown = safe(text)
    assert len(shown) <= MOST_CHARACTERS
    assert shown.isprintable()
    assert json.loads(json.dumps(shown).encode()) == shown.encode().decode()


@given(st.text(st.characters(codec="ascii", min_codepoint=0x21, max_codepoint=0x7E), max_size=MOST_CHARACTERS))
def test_plain_words_stay_as_they_are(text):
    assert safe(text) == text
