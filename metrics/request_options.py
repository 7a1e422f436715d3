"""How a server that speaks Prometheus' API wants to be asked: the method, and parameters of its own. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from metrics.address import MetricsServerError

METHODS = ("POST", "GET")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(\[\])?", re.ASCII)
_OURS = frozenset({"query", "time", "start", "end", "step"})


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Settings of one server."""

    method: str = METHODS[0]
    parameters: Sequence[tuple[str, str]] = ()

    def form(self, query: str) -> bytes:
        """Return what is asked, encoded: the body of a POST, or behind the question mark of a GET."""
        return urlencode([("query", query), *self.parameters]).encode()


def request_options(environ: Mapping[str, str]) -> RequestOptions:
    """Return how to ask.

    Args:
        environ: PROMETHEUS_METHOD, and PROMETHEUS_PARAMETERS, a ``name=value`` a line.

    Raises:
        MetricsServerError: one of them cannot be sent; what is wrong, but never the value.
    """
    method = environ.get("PROMETHEUS_METHOD", "").strip() or METHODS[0]
    if method not in METHODS:
        raise MetricsServerError(f"PROMETHEUS_METHOD must be {' or '.join(METHODS)}")
    return RequestOptions(method, tuple(_parameters(environ.get("PROMETHEUS_PARAMETERS", ""))))


def _parameters(lines: str) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(lines.splitlines(), start=1):
        if not line.strip():
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _PARAMETER.fullmatch(name) or not value.isprintable():
            raise MetricsServerError(
                f"PROMETHEUS_PARAMETERS, line {number}, is not a parameter such as partial_response=false"
            )
        if name in _OURS:
            raise MetricsServerError(f"PROMETHEUS_PARAMETERS, line {number}: {name} cannot be set")
        found.append((name, value))
    return found
