"""The page of commands and flags: from what ``flagger --help`` prints to Markdown. Pure.

It is made from the text that users see, and not from argparse's objects, which are private to ``controller.flags``.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

HEAD = """\
# Flags and environment

<!-- Made by `python -m hack.docs` from `flagger --help` and hack/docs/flags.py. Do not edit. -->

Without a command `flagger` is the controller. Commands come first:

"""

CONTROLLER = """\

## The controller

A flag wins over its environment variable, and that over the default; a variable beside its flag is not even read. One
dash or two: `-metrics-server=…` and `--metrics-server …` are the same. A wrong value ends the process with code 2 and
one line that says what would be right. An empty variable counts as not set, an empty flag as wrong: in particular,
`--namespace=` does not mean all namespaces.

"""

VERBS = """\

## abort, promote, retry, hold, resume

`flagger abort NAME -n NAMESPACE`, and likewise the others, ask something of one Canary object
([which one when](abort-retry-promote.md)). They annotate it, say what will happen, and write nothing else; the
controller obeys. The annotations are `flagger.app/abort`,
`flagger.app/promote` and `flagger.app/retry` with the value `REVISION@TIME`, where the revision is that of
`status.canaryRevision`, and `flagger.app/hold` with any value. `kubectl annotate` does the same, but says nothing if
the controller ignores it, as it does in the wrong state. Each value acts once, so put something new behind the `@`:

```sh
revision=$(kubectl -n test get canary podinfo -o jsonpath='{.status.canaryRevision}')
kubectl -n test annotate canary podinfo --overwrite flagger.app/abort="$revision@$(date +%s)"
```

`resume` removes the annotation `flagger.app/hold`. Who asks needs the permissions `get` and `patch` on
`canaries.flagger.app` in the namespace.

"""

VERBS_TAIL = """\

`--reason` is for `hold` only. Other environment variables of the controller make no difference to these commands.

| exit code | |
|---|---|
| 0 | asked, or there was nothing to do |
| 1 | refused: the rollout is in another state, or the object is being deleted. The message says what would be right |
| 2 | not asked: no such object, not allowed, no answer, a wrong flag or kubeconfig |
"""

TAIL = """\

A list in the environment is separated by commas: `FLAGGER_NAMESPACE=test,prod`. Durations are written as in Go and
Kubernetes: `30s`, `1m`, `1h30m`. Kubernetes sets `FLAGGER_PORT=tcp://…` itself in pods beside a Service named
`flagger`. A value of this form is ignored, and the manifests and the chart switch these variables off
(`enableServiceLinks: false`).

## Credentials for Prometheus

They belong in the environment, from a Secret, and are never logged. The first that is set is taken:

| variable | sent as |
|---|---|
| `PROMETHEUS_TOKEN` | `Authorization: Bearer …` |
| `PROMETHEUS_TOKEN_FILE` | likewise, from a file that is read again every 10 s and when the token is refused |
| `PROMETHEUS_USERNAME` and `PROMETHEUS_PASSWORD` | basic authentication |
| user info in `--metrics-server` | basic authentication; it is cut from every message, but `ps` shows it |

`PROMETHEUS_HEADERS` holds more headers, one `Name: value` a line: `X-Scope-OrgID: team-a` names the tenant of a Mimir.
All of these are for `--metrics-server` alone, and so is [how it is asked](#thanos-mimir-victoriametrics-grafana-cloud).
`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are heeded; the proxy must be an `http://` one. `SSL_CERT_FILE`
or `SSL_CERT_DIR` names the certificate authorities. White space and line breaks around a token, and a line break behind
a password, are cut off. What cannot be sent, or a file that cannot be read, ends the start with code 2 and a line that
says which.

## Thanos, Mimir, VictoriaMetrics, Grafana Cloud

What speaks Prometheus' HTTP API can be asked in its place. `--metrics-server` is the address that `/api/v1/query`
follows:

| | `--metrics-server` | what else |
|---|---|---|
| Thanos | `http://thanos-query:9090` | `PROMETHEUS_PARAMETERS`: `dedup=true`, `partial_response=false` |
| Mimir | `http://mimir:8080/prometheus` | `PROMETHEUS_HEADERS`: `X-Scope-OrgID: team-a` |
| VictoriaMetrics | `http://victoriametrics:8428` | |
| its cluster | `http://vmselect:8481/select/0/prometheus` | `PROMETHEUS_PARAMETERS`: `deny_partial_response=1` |
| Grafana Cloud | its address up to `/api/prom` | `PROMETHEUS_USERNAME`: instance ID, `PROMETHEUS_PASSWORD`: token |

| variable | |
|---|---|
| `PROMETHEUS_PARAMETERS` | more parameters of each query, one `name=value` a line. They are not hidden, so no secrets |
| `PROMETHEUS_METHOD` | `POST` (the default) or `GET`, for a proxy that lets nothing else pass (nor long queries) |

An answer that covers a part of the data (`warnings`, `isPartial`) is never judged: the round is inconclusive. With
`partial_response=false` Thanos answers with an error instead. We have not run the products themselves: the tests
answer as their documentation says.

## Which cluster

`--kubeconfig` if given; else, without `--master`, the service account of the pod; else the kubeconfig that `kubectl`
takes (`KUBECONFIG`, `~/.kube/config`). `--master` replaces the address in it; without any kubeconfig it is used alone.

Several files in `KUBECONFIG` are merged as `kubectl` merges them: the first file that sets a value wins, and missing
files are skipped. The context that is current at the start is kept until the end. Tokens and certificates in files are
read again every 30 s. An exec plugin runs again when its token expires or is refused; while it fails, the old token
stays in use and the plugin is retried every 10 s.

## Proxies and certificate authorities

The API server and Prometheus are reached the same way:

| variable | |
|---|---|
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` | the proxy for `https://`, for `http://`, for both; not SOCKS |
| `NO_PROXY` | what is reached without: names (and what is below them), addresses, networks such as `10.0.0.0/8`, `*` |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | whom to trust; authorities in a kubeconfig or service account win |

`localhost` is always reached without a proxy. `proxy-url` in a kubeconfig wins over all of these variables, as with
`kubectl`.

## Pages

| path | answers |
|---|---|
| `/healthz` | 200 `ok`; 503 and which thread has died, or is stuck for ten minutes. For the liveness probe |
| `/readyz` | 200 `ok`; 503 and what is missing, a line each: a thread, a cache, a definition. For the readiness probe |
| `/metrics` | [metrics](metrics.md) in Prometheus' format |

They are served on IPv6 and IPv4, to at most 32 connections of 10 seconds each. The oldest is closed for a new one,
first of all one that has not sent its request.

## Exit codes of the controller

| code | when |
|---|---|
| 0 | ended by SIGTERM or SIGINT, within five seconds |
| 1 | a thread has died of a bug, or is stuck; the last lines of the log say which. Kubernetes restarts the pod |
| 2 | a wrong flag or variable, an unusable kubeconfig or setting of Prometheus, a port that is taken |
| 3 | cut off: a second signal, or not done 4.5 s after the first |
| 4 | the lease was lost to another replica; Kubernetes restarts the pod |

Standard error is one JSON object a line, whatever happens. Requests that the API server does not answer are ended 2.5 s
after the signal, and the lease is released.
"""

_OPTION = re.compile(r"^  (?P<names>-.+?)(?:  +(?P<text>\S.*))?$")
_COMMAND = re.compile(r"^  (?P<name>[a-z]+) +(?P<text>\S.*)$")
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


def commands(help_text: str) -> Mapping[str, str]:
    """Return the commands of a help text and what each is for, in their order."""
    listed = help_text.partition("\ncommands:\n")[2].partition("\n\n")[0]
    return {found["name"]: found["text"] for found in map(_COMMAND.match, listed.splitlines()) if found}


_PAGES = {
    "check": "check.md",
    **dict.fromkeys(("get", "watch", "history", "wait"), "reading-a-rollout.md#the-commands"),
}
"""Where a command is explained, but for those that ask something."""


def page(help_text: str, hold_help_text: str) -> str:
    """Return the page of commands and flags.

    Args:
        help_text: what ``flagger --help`` prints on a very wide terminal.
        hold_help_text: likewise ``flagger hold --help``, which has every flag of the verbs.
    """
    lines = ["| command | |", "|---|---|"]
    for name, text in commands(help_text).items():
        lines.append(f"| [`{name}`]({_PAGES.get(name, '#abort-promote-retry-hold-resume')}) | {text} |")
    listed = "\n".join(lines) + "\n"
    controller = _table(help_text, without_variable={"--help", "--version"})
    verbs = _table(hold_help_text, without_variable={"--help", "--namespace", "--reason", "--context"})
    return HEAD + listed + CONTROLLER + controller + TAIL + VERBS + verbs + VERBS_TAIL


def _table(help_text: str, *, without_variable: Collection[str]) -> str:
    lines = ["| flag | environment | |", "|---|---|---|"]
    for flag in flags(help_text):
        shown = f"`{flag.name} {flag.value}`" if flag.value else f"`{flag.name}`"
        variable = "" if flag.name in without_variable else f"`{flag.variable}`"
        value = f"`{flag.default}`" if " " not in flag.default else flag.default
        default = f"by default {value}" if flag.default else ""
        said = "; ".join(filter(None, [flag.text, default])).replace("|", "\\|")
        lines.append(f"| {shown} | {variable} | {said} |")
    return "\n".join(lines) + "\n"


def _flag(names: str, text: str) -> Flag:
    name, _, value = names.rpartition(", ")[2].partition(" ")
    default = _DEFAULT.search(text)
    said = _DEFAULT.sub("", text).rstrip("; ") if default else text
    return Flag(name, value, said, default["default"] if default else "")
