"""Which modules are pure: read from the contract of that name in ``setup.cfg``, the one place where they are listed."""

import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def settings() -> configparser.ConfigParser:
    """Return what ``setup.cfg`` says."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def patterns() -> Iterator[str]:
    """Yield for each pure module its file, and for a package its files as a pattern, relative to the repository."""
    for module in settings()["importlinter:contract:pure"]["source_modules"].split():
        path = Path(*module.split("."))
        yield f"{path}/*.py" if (ROOT / path).is_dir() else f"{path}.py"


if __name__ == "__main__":
    sys.stdout.write(",".join(patterns()) + "\n")
