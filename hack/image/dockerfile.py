"""Reads a Dockerfile: the few instructions that ours has, and nothing that would have to be guessed.

A stage is what lies between one FROM and the next. What is not known here is refused, so that nobody believes that an
instruction was carried out which was not.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_IGNORED = frozenset({"ARG", "LABEL", "EXPOSE"})  # say something about the image and do nothing to its files


class DockerfileError(Exception):
    """An instruction is not one of those that are understood here."""


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY of one file or directory."""

    stage: str | None  # None: from the build context
    source: str
    target: str  # absolute


@dataclass(frozen=True, slots=True)
class Run:
    """RUN of a line of shell."""

    command: str
    directory: str


@dataclass(slots=True)
class Stage:
    """One stage, ready to be carried out."""

    name: str
    steps: list[Copy | Run] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "0:0"
    entrypoint: Sequence[str] = ()


def read(text: str) -> Mapping[str, Stage]:
    """Return the stages by name; the last one's is "" unless it has one. DockerfileError if one is not understood."""
    stages: dict[str, Stage] = {}
    for word, rest in _instructions(text):
        if word == "FROM":
            _, _, name = rest.partition(" AS ")
            stage = stages[name] = Stage(name)
        elif word not in _IGNORED:
            _add(stage, word, rest)
    return stages


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in re.sub(r"\\\n", "", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def _add(stage: Stage, word: str, rest: str) -> None:
    match word:
        case "WORKDIR":
            stage.directory = rest
        case "USER":
            stage.user = rest
        case "ENV":
            stage.environ.update(dict(pair.split("=", 1) for pair in shlex.split(rest)))
        case "ENTRYPOINT":
            stage.entrypoint = tuple(json.loads(rest))
        case "RUN":
            stage.steps.append(Run(rest, stage.directory))
        case "COPY":
            stage.steps.append(_copy(rest))
        case _:
            raise DockerfileError(f"{word} {rest}: not understood here")


def _copy(rest: str) -> Copy:
    parts = rest.split()
    source_stage = parts.pop(0).removeprefix("--from=") if parts[0].startswith("--from=") else None
    if len(parts) != 2 or not parts[1].startswith("/"):  # noqa: PLR2004  # a source and a target
        raise DockerfileError(f"COPY {rest}: not understood here, one source and an absolute target would be")
    return Copy(source_stage, *parts)
