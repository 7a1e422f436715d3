"""What is left on a terminal after a program has printed there. Pure.

Only the movements that ``controller.show.screen`` makes are understood: up and clear line by line, and its cursor.
"""

import re

_CLEARED = re.compile(r"\r?\x1b\[2K((?:\x1b\[1A\x1b\[2K)*)")  # this line, and so many above it
_CURSOR = re.compile(r"\x1b\[\?25[hl]")
_HEADER = re.compile(r"\AScript started.*\n")  # of script(1), with which it is recorded


def final_screen(typed: str) -> list[str]:
    """Return the lines that are left on the screen, colours included."""
    lines = [""]
    rest = _CURSOR.sub("", _HEADER.sub("", typed.replace("\r\n", "\n")))
    while rest:
        moved = _CLEARED.search(rest)
        lines = _written(lines, rest[: moved.start()] if moved else rest)
        if moved is None:
            break
        up = moved[1].count("A")
        lines = [*lines[: len(lines) - 1 - up], ""]
        rest = rest[moved.end() :]
    return lines


def until(typed: str, text: str) -> str:
    """Return what was printed up to the first change of the picture after a text; ValueError if it never came."""
    after = typed.index(text)
    drawn = _CLEARED.search(typed, after)  # the picture is drawn anew below the text
    moved = drawn and _CLEARED.search(typed, drawn.end())
    return typed[: moved.start()] if moved else typed


def _written(lines: list[str], text: str) -> list[str]:
    first, *others = text.split("\n")
    return [*lines[:-1], lines[-1] + first, *others]
