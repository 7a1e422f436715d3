"""Queries that users write, with variables for what is known only when they are asked. Pure.

A value is escaped for where its variable stands. Names are those of Kubernetes objects, of which a regular expression
misreads only the dot; no string needs them escaped. Of PromQL only strings, comments and the operator before a string
matter here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metrics.types import Target

VARIABLES = ("namespace", "workload", "interval")
MOST_CHARACTERS = 4096
_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#[^\n]*)|[^"'`\#]+|["'`]""",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_REGEX_FOLLOWS = re.compile(r"[=!]~\s*$")


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    in_string: bool
    in_regex: bool


def template_problem(query: str) -> str | None:
    """Return what is wrong with a query and what would be right, or None. Whether it is PromQL, Prometheus knows."""
    if not query.strip():
        return "query is empty"
    if len(query) > MOST_CHARACTERS:
        return f"query has {len(query)} characters, at most {MOST_CHARACTERS} are allowed"
    for part in _parts(query):
        if not isinstance(part, _Variable):
            continue
        if part.name not in VARIABLES:
            known = ", ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
            return f"query has the unknown variable {{{{ {part.name} }}}}, use {known}"
        if not part.in_string and part.name != "interval":
            return f'query has {{{{ {part.name} }}}} outside of a string, write "{{{{ {part.name} }}}}"'
    return None


def rendered(query: str, target: Target, interval: str) -> str:
    """Return a query with its variables filled in.

    Args:
        query: one that ``template_problem`` finds nothing wrong with.
        target: the canary workload.
        interval: the window, a Prometheus duration.
    """
    values = {"namespace": target.namespace, "workload": target.workload, "interval": interval}
    return "".join(
        part if isinstance(part, str) else values[part.name].replace(".", "[.]" if part.in_regex else ".")
        for part in _parts(query)
    )


def _parts(query: str) -> Iterator[str | _Variable]:
    """Yield the texts and the variables of a query, in their order; a comment is a text, whatever it holds."""
    before = ""
    for token in _TOKEN.finditer(query):
        text = token.group()
        if token["comment"]:
            yield text
            continue
        in_string = bool(token["string"])
        in_regex = in_string and bool(_REGEX_FOLLOWS.search(before))
        if not text.isspace():
            before = text
        for index, piece in enumerate(_VARIABLE.split(text)):
            yield _Variable(piece.strip(), in_string, in_regex) if index % 2 else piece
