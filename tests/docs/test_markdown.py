"""Markdown as far as the documentation is checked."""

from hack.docs.markdown import anchors, blocks, links

PAGE = """\
# A page: `x`, & more

[here](a.md#b) and ![picture](p.svg), `[not](this.md)`

```sh
# not a heading
[nor](that.md)
```

  ```yaml
  a: 1
  ```
"""


def test_links_outside_of_code():
    assert list(links(PAGE)) == ["a.md#b", "p.svg"]


def test_anchors_are_those_of_github():
    assert anchors(PAGE) == {"a-page-x--more"}


def test_blocks_of_a_language():
    assert [block.text for block in blocks(PAGE, "sh")] == ["# not a heading\n[nor](that.md)\n"]
    assert [block.language for block in blocks(PAGE)] == ["sh", "yaml"]
