# ruff: noqa: A001, INP001  # names and place are Sphinx's
"""The site: ``make docs``. The sources are the pages as they stand in the repository, README and changelog included.

There is no table of contents beside the pages: the navigation is made of the lists of links in ``docs/index.md`` and
``docs/adr/index.md``, which read well on GitHub too.
"""

import re

from sphinx.application import Sphinx

from controller import __version__

project = "flagger-py"
author = "the flagger-py authors"
copyright = "the flagger-py authors, Apache 2.0"
release = version = __version__
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**.md"]
exclude_patterns = [".*", "build", "mutants", "tests", "*.egg-info", "hack", "controller", "informers", "artifacts"]
highlight_language = "none"
myst_heading_anchors = 4
smartquotes = False
templates_path = ["_templates"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"flagger-py {release}"
html_additional_pages = {"index": "to-the-start.html"}
html_copy_source = False
html_show_sphinx = False

_LISTS = ("docs/index", "docs/adr/index")
_SECTION = re.compile(r"^## (?P<title>.+)\n(?P<body>(?:(?!^## ).*\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<page>[^)#:]+)\.md\)", re.MULTILINE)


def _add_toctree(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Append to a page of lists a hidden table of contents with the same entries."""
    if docname not in _LISTS:
        return
    sections = [(m["title"], m["body"]) for m in _SECTION.finditer(source[0])] or [("", source[0])]
    for title, body in sections:
        entries = "".join(f"{entry['title']} <{entry['page']}>\n" for entry in _ENTRY.finditer(body))
        caption = f":caption: {title}\n" if title else ""
        source[0] += f"\n```{{toctree}}\n:hidden:\n{caption}\n{entries}```\n"


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", _add_toctree)
