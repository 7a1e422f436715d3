"""Which program stands for which image: nothing is pulled, and a container sees the machine's files."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_EXECUTABLE = 0o755


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of an image runs."""

    directory: Path  # where it starts, and where its programs are found first
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()  # unless the pod gives some


class Images:
    """The images that there are."""

    def __init__(self, directory: Path, programs: Path) -> None:
        """Lay out their directories.

        Args:
            directory: to put them in.
            programs: the directory with the programs.
        """
        for name in ("podinfo", "flagger", "curl"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "podinfo" / "podinfo").symlink_to(programs / "podinfo")
        script = directory / "flagger" / "flagger"
        script.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {sys.executable} -m controller "$@"\n')
        script.chmod(_EXECUTABLE)
        self._images = {
            "podinfo": Image(directory / "podinfo", (), ("./podinfo",)),
            "flagger-py": Image(directory / "flagger", ("flagger",)),
            "curl": Image(directory / "curl", ("curl",)),
        }

    def find(self, reference: str) -> Image | None:
        """Return what stands for an image, whatever its registry and tag; None if nothing does."""
        name = reference.rpartition("/")[2].partition("@")[0].partition(":")[0]
        return self._images.get(name)


def path_of(image: Image) -> str:
    """Return PATH of its containers."""
    return f"{image.directory}{os.pathsep}{os.environ['PATH']}"


def command_of(image: Image, command: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return what a container runs, by Kubernetes' rules for ``command`` and ``args``."""
    if command:
        return [*command, *arguments]
    return [*image.entrypoint, *(arguments or image.arguments)]


def missing_programs() -> list[str]:
    """Return which of the machine's programs are missing."""
    return [name for name in ("ip", "nsenter", "mount", "curl") if shutil.which(name) is None]
