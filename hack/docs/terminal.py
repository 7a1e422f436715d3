"""Pictures of a terminal, from what a program printed there.

``script -qec 'make run' typed.txt`` and then ``python -m hack.docs terminal typed.txt docs/images/terminal-run.svg``;
with ``--until TEXT`` as it was when TEXT had just been printed.
The drawing is Rich's, which is installed by ``make docs`` only.
"""

import io

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 108
_THEME = TerminalTheme(
    (27, 31, 39),
    (217, 221, 228),
    [(57, 63, 75), (233, 105, 113), (126, 193, 120), (222, 183, 93), (97, 165, 240), (196, 128, 221), (86, 182, 194),
     (217, 221, 228)],
)  # fmt: skip
# Rich's own frame loads fonts from the network; a page of documentation should not.
_FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def svg(lines: list[str], title: str) -> str:
    """Return a picture of lines with colours in ANSI codes."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    picture: str = console.export_svg(title=title, theme=_THEME, code_format=_FRAME, unique_id="terminal")
    return picture
