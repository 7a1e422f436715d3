"""A directory belongs to one run at a time: what two of them write there would mislead both, or be deleted under one.

The claim is a lock on a file beside the directory. The kernel lets go of it when the process ends, however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from hack.processes import ProcessError


@contextmanager
def claimed(directory: Path, who: str) -> Iterator[Path]:
    """Hold a directory until the block ends; ``ProcessError`` with one sentence if another run holds it.

    Args:
        directory: what is to be held. It need not be there yet.
        who: what the others are told: the command.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another run"
            raise ProcessError(f"{directory} is in use by {holder}: end it first, or use --directory") from None
        file.truncate(0)
        file.write(f"{who} (process {os.getpid()})")
        file.flush()
        yield directory


def claim_first_free(stack: ExitStack, directory: Path, who: str) -> Path:
    """Hold a directory as long as the stack, or the first free one of those beside it: NAME-2, NAME-3 and so on."""
    for number in count(1):
        candidate = directory if number == 1 else directory.with_name(f"{directory.name}-{number}")
        try:
            return stack.enter_context(claimed(candidate, who))
        except ProcessError:
            continue
    raise AssertionError("there is always another number")
