"""Queries that users write, with variables for what is known only when they are asked. Pure.

A value is escaped for where its variable stands. Names are those of Kubernetes objects, of which a regular expression
misreads only the dot; no string needs them escaped. What a canary sets for a template (``variables.x``) may be any
text: in a string its quotes are escaped and nothing else, for it may be meant as a regular expression. Of PromQL only
strings, comments and the operator before a string matter here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from metrics.types import Target

VARIABLES = ("namespace", "name", "target", "workload", "interval")
GENERATED = frozenset({"service", "ingress", "route"})
"""Variables of Flagger that name objects which it generates: here they are the user's own, under names of their own."""

MOST_CHARACTERS = 4096
_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#[^\n]*)|[^"'`\#]+|["'`]""",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_REGEX_FOLLOWS = re.compile(r"[=!]~\s*$")
_OF_THE_CANARY = "variables."
_WORD = re.compile(r"[A-Za-z0-9_:.]+", re.ASCII)  # a metric, a label, a number, a duration: no syntax
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    quote: str  # of the string that it stands in; "" outside of strings
    in_regex: bool

    @property
    def shown(self) -> str:
        return f"{{{{ {self.name} }}}}"

    @property
    def of_the_canary(self) -> str:
        """Return the key among the canary's own variables, or ""."""
        return self.name.removeprefix(_OF_THE_CANARY) if self.name.startswith(_OF_THE_CANARY) else ""


def template_problem(query: str, given: Mapping[str, str] = _NOTHING) -> str | None:
    """Return what is wrong with a query and what would be right, or None. Whether it is PromQL, Prometheus knows.

    Args:
        query: with variables.
        given: what the canary sets for a template, without the prefix ``variables.``.
    """
    if not query.strip():
        return "query is empty"
    if len(query) > MOST_CHARACTERS:
        return f"query has {len(query)} characters, at most {MOST_CHARACTERS} are allowed"
    problems = (_variable_problem(part, given) for part in _parts(query) if isinstance(part, _Variable))
    return next((problem for problem in problems if problem), None)


def rendered(query: str, target: Target, interval: str, given: Mapping[str, str] = _NOTHING) -> str:
    """Return a query with its variables filled in.

    Args:
        query: one that ``template_problem`` finds nothing wrong with.
        target: the canary workload.
        interval: the window, a Prometheus duration.
        given: what the canary sets for a template.
    """
    values = {
        "namespace": target.namespace,
        "name": target.canary,
        "target": target.workload,
        "workload": target.workload,
        "interval": interval,
    }
    return "".join(part if isinstance(part, str) else _filled_in(part, values, given) for part in _parts(query))


def _variable_problem(variable: _Variable, given: Mapping[str, str]) -> str | None:
    name, shown = variable.name, variable.shown
    if variable.of_the_canary:
        return _given_problem(variable, given)
    if name in GENERATED:
        return f"query has {shown}, which only Flagger generates: write the name, or {{{{ variables.{name} }}}}"
    if name not in VARIABLES:
        known = ", ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
        return f"query has the unknown variable {shown}, use {known}"
    if not variable.quote and name != "interval":
        return f'query has {shown} outside of a string, write "{shown}"'
    return None


def _given_problem(variable: _Variable, given: Mapping[str, str]) -> str | None:
    key, shown = variable.of_the_canary, variable.shown
    value = given.get(key)
    if value is None:
        return f"query has {shown}, and templateVariables has no {key}"
    if not variable.quote and not _WORD.fullmatch(value):
        return f'query has {shown} outside of a string, where only a word or a number can stand: write "{shown}"'
    if variable.quote == "`" and ("`" in value or value.endswith("\\")):  # not every parser takes that one for itself
        return f"query has {shown} within backticks, where its value cannot stand: use other quotes"
    return None


def _filled_in(variable: _Variable, values: Mapping[str, str], given: Mapping[str, str]) -> str:
    if not variable.of_the_canary:
        return values[variable.name].replace(".", "[.]" if variable.in_regex else ".")
    value, quote = given[variable.of_the_canary], variable.quote
    if not quote or quote == "`":
        return value
    return value.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")


def _parts(query: str) -> Iterator[str | _Variable]:
    """Yield the texts and the variables of a query, in their order; a comment is a text, whatever it holds."""
    before = ""
    for token in _TOKEN.finditer(query):
        text = token.group()
        if token["comment"]:
            yield text
            continue
        quote = text[0] if token["string"] else ""
        in_regex = bool(quote) and bool(_REGEX_FOLLOWS.search(before))
        if not text.isspace():
            before = text
        for index, piece in enumerate(_VARIABLE.split(text)):
            yield _Variable(piece.strip(), quote, in_regex) if index % 2 else piece
