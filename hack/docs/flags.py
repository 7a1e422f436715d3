"""The page of flags: from what ``flagger --help`` prints to Markdown. Pure.

It is made from the text that users see, and not from argparse's objects, which are private to ``controller.flags``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = """\
# Flags and environment

<!-- Made by `python -m hack.docs` from `flagger --help` and hack/docs/flags.py. Do not edit. -->

A flag wins over its environment variable, and that over the default. One dash or two: `-metrics-server=…` and
`--metrics-server …` are the same. A wrong value ends the process with code 2 and a line that says what would be right.

"""

TAIL = """\

A list in the environment is separated by commas: `FLAGGER_NAMESPACE=test,prod`. Durations are written as in Go and
Kubernetes: `30s`, `1m`, `1h30m`.

## Credentials for Prometheus

They belong in the environment, from a Secret, and are never logged. The first that is set is taken:

| variable | sent as |
|---|---|
| `PROMETHEUS_TOKEN` | `Authorization: Bearer …` |
| `PROMETHEUS_USERNAME` and `PROMETHEUS_PASSWORD` | basic authentication |
| user info in `--metrics-server` | basic authentication; it is cut from every message, but `ps` shows it |

## Which cluster

`--kubeconfig` if given; else, without `--master`, the service account of the pod; else the kubeconfig that `kubectl`
takes (`KUBECONFIG`, `~/.kube/config`). `--master` replaces the address in it; without any kubeconfig it is used alone.

## Pages

| path | answers |
|---|---|
| `/healthz` | 200 `ok`; 503 and which thread has died. For the liveness probe |
| `/readyz` | 200 `ok`; 503 and what is missing, a line each: a cache, a definition. For the readiness probe |
| `/metrics` | [metrics](metrics.md) in Prometheus' format |

## Exit codes

| code | when |
|---|---|
| 0 | ended by SIGTERM or SIGINT |
| 2 | a wrong flag, an unusable kubeconfig, a port that is taken |
| 3 | cut off: a second signal, or not done 4.5 s after the first |
| 4 | the lease was lost to another replica; Kubernetes restarts the pod |
"""

_OPTION = re.compile(r"^  (?P<names>-.+?)(?:  +(?P<text>\S.*))?$")
_DEFAULT = re.compile(r"\s*\(?default: (?P<default>[^)]+)\)?$")


@dataclass(frozen=True, slots=True)
class Flag:
    """One option as ``--help`` shows it."""

    name: str  # --port
    value: str  # PORT; "" for a switch
    text: str
    default: str  # "" if it says none

    @property
    def variable(self) -> str:
        """The environment variable beside it."""
        return "FLAGGER_" + self.name.removeprefix("--").replace("-", "_").upper()


def flags(help_text: str) -> Sequence[Flag]:
    """Return the options of a help text that was not wrapped, in their order."""
    entries: list[list[str]] = []
    for line in help_text.splitlines():
        found = _OPTION.match(line)
        if found:
            entries.append([found["names"], found["text"] or ""])
        elif entries and line.startswith("      "):
            entries[-1][1] = f"{entries[-1][1]} {line.strip()}".strip()
    return [_flag(names, text) for names, text in entries]


def page(help_text: str) -> str:
    """Return the page of flags.

    Args:
        help_text: what ``flagger --help`` prints on a very wide terminal.
    """
    lines = ["| flag | environment | |", "|---|---|---|"]
    for flag in flags(help_text):
        shown = f"`{flag.name} {flag.value}`" if flag.value else f"`{flag.name}`"
        variable = f"`{flag.variable}`" if flag.name not in {"--help", "--version"} else ""
        value = f"`{flag.default}`" if " " not in flag.default else flag.default
        default = f"by default {value}" if flag.default else ""
        said = "; ".join(filter(None, [flag.text, default])).replace("|", "\\|")
        lines.append(f"| {shown} | {variable} | {said} |")
    return HEAD + "\n".join(lines) + "\n" + TAIL


def _flag(names: str, text: str) -> Flag:
    name, _, value = names.rpartition(", ")[2].partition(" ")
    default = _DEFAULT.search(text)
    said = _DEFAULT.sub("", text).rstrip("; ") if default else text
    return Flag(name, value, said, default["default"] if default else "")
