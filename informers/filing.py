"""One index of a store: which keys are filed under a value.

Nearly every value of nearly every index has a single key. It is kept as it is: a set takes 200 bytes more, ten times
for each canary.
"""

from collections.abc import Collection


class Filing:
    """Keys by value. Not thread-safe: a store guards it."""

    def __init__(self) -> None:
        """Begin with nothing filed."""
        self._keys: dict[str, str | set[str]] = {}

    def __contains__(self, value: str) -> bool:
        """Whether anything is filed under a value."""
        return value in self._keys

    def keys(self, value: str) -> Collection[str]:
        """Return what is filed under a value, in no order."""
        found = self._keys.get(value, ())
        return (found,) if isinstance(found, str) else found

    def add(self, value: str, key: str) -> None:
        """File a key, if it is not filed there yet."""
        found = self._keys.get(value)
        if found is None:
            self._keys[value] = key
        elif isinstance(found, set):
            found.add(key)
        elif found != key:
            self._keys[value] = {found, key}

    def remove(self, value: str, key: str) -> None:
        """Take a key away that is filed there; a value that holds nothing any more vanishes (contract S16)."""
        found = self._keys[value]
        if isinstance(found, set):
            found.discard(key)
            if len(found) == 1:
                self._keys[value] = found.pop()
        elif found == key:
            del self._keys[value]
