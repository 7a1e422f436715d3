"""What people read on a terminal, made safe to print. Pure.

Names, messages and answers come from a cluster in which others may write too: a value that moves the cursor, colours
the line or turns its direction could make a check look as if it had said something else.
"""


def printable(text: str) -> str:
    """Return the text in one line, with whatever is not printable written as Python escapes it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
