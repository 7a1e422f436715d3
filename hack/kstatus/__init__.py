"""What Flux makes of an object: kstatus itself, from its Go module, built once and kept outside the checkout."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hack.cluster.binaries import cache_of, fill, run_tool

HERE = Path(__file__).parent
PROGRAM = "kstatus"
_SOURCES = ("main.go", "go.mod", "go.sum")


def place() -> Path:
    """Return where the program is, once it is built."""
    return cache_of(b"".join((HERE / name).read_bytes() for name in _SOURCES)) / PROGRAM


def find(say: Callable[[str], None]) -> Path:
    """Return the program, after building it if need be; ``BuildError`` if that fails.

    Args:
        say: told what is being built.
    """
    fill(place().parent, (PROGRAM,), _make, say, "a minute")
    return place()


def words(program: Path, objects: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the word of kstatus for each object (``InProgress``, ``Failed``, ``Current``), and why."""
    lines = "".join(f"{json.dumps(obj)}\n" for obj in objects)
    printed = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout
    said = (line.partition(" ") for line in printed.splitlines())
    return [(word, why) for word, _, why in said]


def _make(go: str, name: str, directory: Path) -> None:
    run_tool([go, "build", "-trimpath", "-o", str(directory / name), "."], name, cwd=HERE, CGO_ENABLED="0")
