# ruff: noqa: A001, INP001  # names and place are Sphinx's
"""The site: ``make docs``. The sources are the pages as they stand in the repository, README and changelog included.

There is no table of contents beside the pages: the navigation is made of the lists of links in ``docs/index.md`` and
``docs/adr/index.md``, which read well on GitHub too.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from controller import __version__

project = "flagger-py"
author = "the flagger-py authors"
copyright = "the flagger-py authors, Apache 2.0"
release = version = __version__
extensions = ["myst_parser", "sphinx_copybutton"]
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
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "_static/icon.svg"
html_title = f"flagger-py {release}"
html_additional_pages = {"index": "to-the-start.html"}
html_copy_source = False
html_show_sphinx = False
# What is copied of a terminal: the commands, without the prompt and without what they printed.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_here_doc_delimiter = "END"

_LONGEST = 160  # characters of a description; search engines show no more
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


def _describe(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the first paragraph of a page as its description, which search engines and previews show."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if first is not None:
        text = " ".join(first.astext().split())
        text = text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
        context["metatags"] = f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}">'


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", _add_toctree)
    app.connect("html-page-context", _describe)
