"""Links within the repository lead somewhere, headings included. Those that lead out are listed, not followed."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from hack.docs.__main__ import DOCS, ROOT, external_links, pages
from hack.docs.markdown import anchors, links

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def broken(page: Path):
    for link in links(page.read_text()):
        target, _, anchor = unquote(link).partition("#")
        path = (page.parent / target).resolve() if target else page
        if "://" in link:
            continue
        if not path.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(path.read_text()):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert list(broken(page)) == []


def test_every_page_is_in_the_navigation():
    listed = set()
    for index in (DOCS / "index.md", DOCS / "adr" / "index.md"):
        listed |= {(index.parent / link).resolve() for link in links(index.read_text()) if ".md" in link}
    assert {page for page in pages() if page not in listed} == {DOCS / "index.md"}


def test_links_out_are_https():
    assert [link for link in external_links() if not link.startswith("https://")] == []
