"""One copy of each text that stands in many views: namespaces, names, labels, words. Pure, as far as anybody can see.

Ten thousand canaries with what they name hold a million texts, most of them twice or more. What is unlike all others
(a uid, a version) is not worth an entry in the table.
"""

import sys


def interned(text: str) -> str:
    """Return the one copy of a text, which lives as long as somebody holds it; the word of an enumeration as it is."""
    return sys.intern(text) if type(text) is str else text
