"""What is left of lists that are read in pages: all of one moment, until the history is compacted."""

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from testbed.sandbox.api import errors
from testbed.sandbox.api.store import Store

Json = dict[str, Any]

_MOST = 1000  # lists under way


class Pages:
    """Continue tokens and what they stand for. Used under the store's lock, or by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, tuple[Sequence[Json], int]] = OrderedDict()

    def keep(self, items: Sequence[Json], version: int) -> str:
        """Return a token for the rest of a list."""
        token = uuid.uuid4().hex
        with self._store.changed:
            self._kept[token] = (items, version)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return token

    def turn(self, token: str) -> tuple[Sequence[Json], int]:
        """Return what a token stands for, and its version; ApiError 410 after a compaction, 400 if it is no token."""
        with self._store.changed:
            found = self._kept.get(token)
        if found is None:
            raise errors.bad_request("continue key is not valid")
        try:
            self._store.since(found[1], ("", ""))
        except errors.ApiError as error:
            text = "The provided continue parameter is too old to display a consistent list result."
            raise errors.expired(text) from error
        return found
