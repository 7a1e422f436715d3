"""How lines are drawn: live where a terminal can, as text anywhere else."""

import io
import os

import pytest

from controller.show.lines import Span, line
from controller.show.screen import PLAIN_WIDTH, Screen

RED = line("state ", Span("failed", "bad"))
UP, CLEAR = "\x1b[1A", "\x1b[2J"


class Terminal(io.StringIO):
    """A terminal that keeps what was typed."""

    def isatty(self):
        return True


@pytest.fixture
def columns(monkeypatch):
    size = [80]
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((size[0], 24)))
    return size


def typed(environ, lines=(RED,)):
    out = Terminal()
    Screen(out, environ).say(lines)
    return out.getvalue()


def test_terminal_has_colours(columns):
    assert typed({"TERM": "xterm-256color"}) == "state \x1b[31mfailed\x1b[0m\n"


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        pytest.param({"NO_COLOR": "1"}, False, id="set"),
        pytest.param({"NO_COLOR": ""}, True, id="empty, as the convention has it"),
        pytest.param({"TERM": "dumb"}, False, id="a terminal that cannot"),
    ],
)
def test_colours_are_left_out_where_nobody_wants_them(environ, coloured, columns):
    assert ("\x1b[31m" in typed({"TERM": "xterm", **environ})) is coloured


@pytest.mark.parametrize("make", [io.StringIO, Terminal], ids=["no terminal", "TERM=dumb"])
def test_where_nothing_can_be_redrawn_each_picture_stands_below_the_one_before(make, columns):
    out = make()
    screen = Screen(out, {"TERM": "dumb"})
    for text in ("one", "two"):
        screen.show(lambda width, text=text: [line(f"{text} {width}")])
    screen.say([line("done")])
    screen.keep()
    assert out.getvalue() == f"one {PLAIN_WIDTH}\ntwo {PLAIN_WIDTH}\ndone\n"


def test_picture_is_drawn_in_the_place_of_the_one_before(columns):
    out = Terminal()
    screen = Screen(out, {"TERM": "xterm"})
    screen.show(lambda _: [line("one"), line("first")])
    assert UP not in out.getvalue()
    screen.show(lambda _: [line("two"), line("second")])
    assert out.getvalue().count(UP) == 1  # back to the first of two lines
    screen.say([line("above")])
    screen.keep()
    screen.keep()
    drawn = out.getvalue()
    assert drawn.index("second") < drawn.index("above")
    assert drawn.rstrip("\x1b[?25h\n").endswith("second")


def test_resized_terminal_is_drawn_afresh_at_its_width(columns):
    out = Terminal()
    screen = Screen(out, {"TERM": "xterm"})
    screen.show(lambda width: [line(f"at {width}")])
    columns[0] = 40
    screen.show(lambda width: [line(f"at {width}")])
    screen.keep()
    drawn = out.getvalue()
    assert drawn.index("at 80") < drawn.index(CLEAR) < drawn.index("at 40")
