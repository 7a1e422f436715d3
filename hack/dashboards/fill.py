"""Fill a query's variables in, as Grafana does before it asks Prometheus."""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with every ``$name`` and ``${name}`` replaced; LookupError if one has no value.

    Args:
        text: a query, a legend or a link.
        values: of the dashboard's variables, and of ``__rate_interval``, ``__interval`` and ``__range``.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise LookupError(f"the variable ${name} has no value in {text}")
        return values[name]

    return _VARIABLE.sub(value, text)
