"""Which reconcile a thread is at, so that all log lines of one can be found by its id."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str] = ContextVar("reconcile_id", default="")


@contextmanager
def new_reconcile() -> Iterator[None]:
    """Give what this thread does in the block an id of its own."""
    token = _CURRENT.set(str(uuid.uuid4()))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def reconcile_id() -> str:
    """Return the id of the reconcile that this thread is at, or "" if it is at none."""
    return _CURRENT.get()
