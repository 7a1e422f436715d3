"""``python -m hack.docs``: write the pages that are made from the code.

``python -m hack.docs links`` lists the addresses outside of the repository that the pages lead to; nothing is fetched.
``python -m hack.docs terminal TYPED SVG`` draws what a terminal showed, recorded as ``hack/docs/terminal.py`` says.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from controller.core import gates as core
from hack.docs import api, contracts, flags, gates
from hack.docs.markdown import links
from hack.docs.screen import final_screen, until

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = ("artifacts", "charts", "controller", "deploy", "docs", "hack", "informers", "metrics", "router", "tests")
MARKDOWN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
SINGLE = (*MARKDOWN, "Dockerfile", "Makefile", "ruff.toml", "setup.cfg")
EXAMPLES = frozenset(
    {  # they show what citations look like
        "hack/docs/contracts.py",
        "tests/docs/test_contracts.py",
        "tests/docs/test_markdown.py",
        "tests/docs/test_mentions.py",
    }
)
TEXT = frozenset({".md", ".py", ".txt", ".yaml", ".yml", ".tpl"})


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m hack.docs", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("links", help="list the addresses outside of the repository")
    terminal = commands.add_parser("terminal", help="draw what a terminal showed")
    terminal.add_argument("typed", type=Path)
    terminal.add_argument("svg", type=Path)
    terminal.add_argument("--title", default="make run")
    terminal.add_argument("--until", metavar="TEXT", default="", help="as it was when this had just been printed")
    options = parser.parse_args()
    if options.command == "links":
        print("\n".join(external_links()))
    elif options.command == "terminal":
        from hack.docs.terminal import svg  # noqa: PLC0415  # Rich is only in the extra "docs"

        typed = options.typed.read_text()
        lines = final_screen(until(typed, options.until) if options.until else typed)
        options.svg.write_text(svg(lines, options.title))
    else:
        for path, text in generated().items():
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in MARKDOWN)]


def generated() -> Mapping[Path, str]:
    """Return the pages that are made from the code, by their paths."""
    crd = yaml.safe_load((ROOT / "artifacts" / "flagger" / "crd.yaml").read_text())
    example = (ROOT / "artifacts" / "rollouts" / "podinfo.yaml").read_text()
    return {
        DOCS / "api.md": api.reference(crd, example),
        DOCS / "flags.md": flags.page(help_text(), help_text("hold")),
        DOCS / "proofs.md": contracts.page(book(), citations()),
        DOCS / "gates.md": gates.page(core.GATES, core.TO_START, core.AT_REST),
    }


@cache
def sources() -> Mapping[str, str]:
    """Return the texts that may cite something, by their paths: code, tests, manifests and pages."""
    files = (file for top in SOURCES for file in sorted((ROOT / top).rglob("*")) if file.suffix in TEXT)
    return {str(file.relative_to(ROOT)): file.read_text() for file in (*files, *map(ROOT.joinpath, SINGLE))}


def book() -> contracts.Book:
    """Return what is promised."""
    return contracts.book(*((ROOT / path).read_text() for path in contracts.PAGES.values()))


def citations() -> Sequence[contracts.Citation]:
    """Return every citation of a promise."""
    texts = {path: text for path, text in sources().items() if path not in EXAMPLES}
    return [found for path, text in texts.items() for found in contracts.citations(path, text)]


def help_text(*command: str) -> str:
    """Return what ``flagger --help``, or that of a command, prints where no line is wrapped."""
    command_line = [sys.executable, "-m", "controller", *command, "--help"]
    environment = {**os.environ, "COLUMNS": "1000", "NO_COLOR": "1"}
    return subprocess.run(command_line, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def external_links() -> list[str]:
    """Return the addresses outside of the repository, sorted."""
    found = {link for page in pages() for link in links(page.read_text()) if "://" in link}
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main())
