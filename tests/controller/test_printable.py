"""What comes from a cluster does nothing to a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.printable import printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("virtual service podinfo.test: 5 % - ä € 漢", "virtual service podinfo.test: 5 % - ä € 漢"),
        ("\x1b[2J\x1b[1;1HNothing to fix", "\\x1b[2J\\x1b[1;1HNothing to fix"),
        ("a\nPROBLEM\r\tb", "a\\nPROBLEM\\r\\tb"),
        ("\u202eto tes si", "\\u202eto tes si"),
        ("\x9b31m\u2028\x00", "\\x9b31m\\u2028\\x00"),
        ("\ud800", "\\ud800"),
    ],
    ids=["text", "escapes", "lines", "direction", "other controls", "half a character"],
)
def test_what_is_not_printable_is_escaped(printed, text):
    assert printable(text) == printed


@given(st.text(st.characters()))
def test_everything_that_is_printed_is_printable(text):
    assert printable(text).isprintable()
