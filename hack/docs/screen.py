"""What is left on a terminal after a program has printed there. Pure.

Only the one movement that ``hack.demo.screen`` makes, up and clear, is understood.
"""

import re

_UP_AND_CLEAR = re.compile(r"\x1b\[(\d+)F\x1b\[J")
_HEADER = re.compile(r"\AScript started.*\n")  # of script(1), with which it is recorded


def final_screen(typed: str) -> list[str]:
    """Return the lines that are left on the screen, colours included."""
    lines = [""]
    rest = _HEADER.sub("", typed.replace("\r\n", "\n"))
    while rest:
        moved = _UP_AND_CLEAR.search(rest)
        lines = _written(lines, rest[: moved.start()] if moved else rest)
        if moved is None:
            break
        lines = [*lines[: len(lines) - 1 - int(moved[1])], ""]
        rest = rest[moved.end() :]
    return lines


def until(typed: str, text: str) -> str:
    """Return what was printed up to the first change of the picture after a text; ValueError if it never came."""
    after = typed.index(text)
    moved = _UP_AND_CLEAR.search(typed, after)
    return typed[: moved.start()] if moved else typed


def _written(lines: list[str], text: str) -> list[str]:
    first, *others = text.split("\n")
    return [*lines[:-1], lines[-1] + first, *others]
