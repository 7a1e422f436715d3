"""Foreign texts, made fit for events, logs and the status of an object. Pure.

What a server says ends up in etcd, which refuses what is too long, and in terminals, which obey control characters.
"""

MOST_CHARACTERS = 200


def safe(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text on one line, without what cannot be printed (control characters, lone surrogates), and cut."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    line = " ".join(printable.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
