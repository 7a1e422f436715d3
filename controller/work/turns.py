"""Who is next: keys in the order in which they came, and the namespaces take turns."""

from collections import deque


class Turns:
    """One line of keys for each namespace; the one that was served goes to the end of the round. Not thread-safe.

    A tenant with thousands of keys in line makes another wait for one of them, and not for all.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}  # in the order of their turns; none is empty
        self._count = 0

    def __len__(self) -> int:
        """Return how many keys are in line."""
        return self._count

    def append(self, key: str) -> None:
        """Put a key (``namespace/name``) at the end of its namespace's line."""
        self._lines.setdefault(_namespace(key), deque()).append(key)
        self._count += 1

    def popleft(self) -> str:
        """Take the first key of the namespace whose turn it is.

        Raises:
            StopIteration: nobody is in line: a caller's bug.
        """
        namespace = next(iter(self._lines))
        line = self._lines.pop(namespace)
        key = line.popleft()
        self._count -= 1
        if line:
            self._lines[namespace] = line
        return key


def _namespace(key: str) -> str:
    return key.partition("/")[0]
