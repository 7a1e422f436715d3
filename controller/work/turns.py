"""Who is next: keys in the order in which they came, and the namespaces take turns. Pure."""

from collections import Counter, deque


class Turns:
    """One line of keys for each namespace; the one that was served goes to the end of the round. Not thread-safe.

    A tenant with thousands of keys in line makes another wait for one of them, and not for all. If those of one tenant
    take long, it makes another wait for none: so many are served at once, and no namespace has all of the places.
    """

    def __init__(self, most_of_one: int | None = None) -> None:
        """Take how many keys of one namespace may be served at once; None: any number."""
        self._most = most_of_one
        self._lines: dict[str, deque[str]] = {}  # in the order of their turns; none is empty
        self._served: Counter[str] = Counter()  # by namespace; none is 0
        self._count = 0

    def __len__(self) -> int:
        """Return how many keys are in line."""
        return self._count

    @property
    def anybody(self) -> bool:
        """Whether somebody is in line who may be served now."""
        return self._next() is not None

    def append(self, key: str) -> None:
        """Put a key (``namespace/name``) at the end of its namespace's line."""
        self._lines.setdefault(_namespace(key), deque()).append(key)
        self._count += 1

    def popleft(self) -> str:
        """Take the first key of the namespace whose turn it is; it is served until ``done``.

        Raises:
            LookupError: nobody is in line who may be served: a caller's bug.
        """
        namespace = self._next()
        if namespace is None:
            raise LookupError("nobody is in line")
        line = self._lines.pop(namespace)
        key = line.popleft()
        self._count -= 1
        self._served[namespace] += 1
        if line:
            self._lines[namespace] = line
        return key

    def done(self, key: str) -> None:
        """Give the place of a key to somebody else."""
        namespace = _namespace(key)
        self._served[namespace] -= 1
        if not self._served[namespace]:
            del self._served[namespace]

    def _next(self) -> str | None:
        most = float("inf") if self._most is None else self._most
        return next((namespace for namespace in self._lines if self._served[namespace] < most), None)


def most_of_one(places: int) -> int:
    """Return how many of some places one namespace may have: one is left to others, if there are two."""
    return max(places - 1, 1)


def _namespace(key: str) -> str:
    return key.partition("/")[0]
