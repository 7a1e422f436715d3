"""What is left on a terminal."""

import pytest

from hack.demo.screen import Screen
from hack.docs.screen import final_screen, until
from tests.hack.test_demo import Terminal, event, seen


@pytest.fixture
def typed():
    out = Terminal()
    screen = Screen(out, {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80", "LINES": "50"})
    for weight in (15, 20, 25):
        screen.show([event(f"Advance {weight}")], seen(weight))
    screen.keep()
    screen.say("the end")
    return out.getvalue()


def test_only_the_last_picture_is_left(typed):
    text = "\n".join(final_screen(f"Script started on a day\n{typed}"))
    assert text.count("podinfo.test") == 1
    assert [line.split()[-1] for line in text.splitlines() if "Advance" in line] == ["15", "20", "25"]
    assert " 75 %" in text
    assert text.endswith("the end\n")
    assert "Script" not in text


def test_screen_as_it_was_after_a_text(typed):
    text = "\n".join(final_screen(until(typed, "Advance 20")))
    assert " 80 %" in text
    assert "Advance 25" not in text


def test_text_that_never_came_is_an_error(typed):
    with pytest.raises(ValueError, match="substring not found"):
        until(typed, "Advance 100")
