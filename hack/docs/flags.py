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

A flag wins over its environment variable, and the variable over the default. If the flag is given, the variable is not
read. One dash or two mean the same: `-metrics-server=…` and `--metrics-server …`. A wrong value ends the process with
code 2 and one line that says what would be right. An empty variable counts as not set, and an empty flag as wrong:
`--namespace=` does not mean all namespaces.

"""

VERBS = """\

## abort, promote, retry, hold, resume

`flagger abort NAME -n NAMESPACE` and the others act on one Canary object
([which one to use when](abort-retry-promote.md)). They write an annotation to the object, print what will happen, and
write nothing else; the controller does the rest. The annotations are `flagger.app/abort`, `flagger.app/promote` and
`flagger.app/retry` with the value `REVISION@TIME`, where `REVISION` is `status.canaryRevision`, and `flagger.app/hold`
with any value. `kubectl annotate` does the same, but it cannot say when the controller ignores an annotation because of
the state of the rollout. Each value acts once, so write something new after the `@`:

```sh
revision=$(kubectl -n test get canary podinfo -o jsonpath='{.status.canaryRevision}')
kubectl -n test annotate canary podinfo --overwrite flagger.app/abort="$revision@$(date +%s)"
```

`resume` removes the annotation `flagger.app/hold`. You need the permissions `get` and `patch` on
`canaries.flagger.app` in the namespace.

"""

VERBS_TAIL = """\

`--reason` is for `hold` only. These commands ignore the other environment variables of the controller.

| exit code | meaning |
|---|---|
| 0 | the annotation was written, or there was nothing to do |
| 1 | refused: the rollout is in another state, or the object is being deleted. The message says what would be right |
| 2 | not written: no such object, not allowed, no answer, a wrong flag or kubeconfig |
"""

TAIL = """\

Separate a list in the environment by commas: `FLAGGER_NAMESPACE=test,prod`. Write durations as in Go and
Kubernetes: `30s`, `1m`, `1h30m`. If there is a Service named `flagger`, Kubernetes sets `FLAGGER_PORT=tcp://…` in the
pods of its namespace. The controller ignores a value of this form, and the manifests and the chart switch these
variables off (`enableServiceLinks: false`).

## Credentials for Prometheus

Set them in the environment, from a Secret. They are never logged. The first one that is set is used:

| variable | sent as |
|---|---|
| `PROMETHEUS_TOKEN` | `Authorization: Bearer …` |
| `PROMETHEUS_TOKEN_FILE` | the same, from a file that is read again every 10 s and when the token is refused |
| `PROMETHEUS_USERNAME` and `PROMETHEUS_PASSWORD` | basic authentication |
| user info in `--metrics-server` | basic authentication; it is removed from every message, but `ps` shows it |

`PROMETHEUS_HEADERS` contains more headers, one `Name: value` per line: `X-Scope-OrgID: team-a` names the tenant of a
Mimir. All of these are sent to `--metrics-server` only, like the
[parameters below](#thanos-mimir-victoriametrics-grafana-cloud). Proxies and certificate authorities are set
[as for the API server](#proxies-and-certificate-authorities). White space and line breaks around a token, and a line
break after a password, are removed. If a value cannot be sent, or a file cannot be read, the controller does not start:
it exits with code 2 and one line that says which.

## Thanos, Mimir, VictoriaMetrics, Grafana Cloud

You can use any server with the HTTP API of Prometheus. `--metrics-server` is the address in front of `/api/v1/query`:

| | `--metrics-server` | also set |
|---|---|---|
| Thanos | `http://thanos-query:9090` | `PROMETHEUS_PARAMETERS`: `dedup=true`, `partial_response=false` |
| Mimir | `http://mimir:8080/prometheus` | `PROMETHEUS_HEADERS`: `X-Scope-OrgID: team-a` |
| VictoriaMetrics | `http://victoriametrics:8428` | |
| its cluster | `http://vmselect:8481/select/0/prometheus` | `PROMETHEUS_PARAMETERS`: `deny_partial_response=1` |
| Grafana Cloud | its address up to `/api/prom` | `PROMETHEUS_USERNAME`: instance ID, `PROMETHEUS_PASSWORD`: token |

| variable | meaning |
|---|---|
| `PROMETHEUS_PARAMETERS` | more parameters of each query, one `name=value` per line. Not for secrets: they are shown |
| `PROMETHEUS_METHOD` | `POST` (the default) or `GET`, for a proxy that allows only `GET` (it may refuse long queries) |

An answer that covers only part of the data (`warnings`, `isPartial`) is never judged: the round is inconclusive. With
`partial_response=false` Thanos answers with an error instead. We have not run these products: in the tests a server
answers as their documentation says.

## Which cluster

`--kubeconfig` is used if it is given. Otherwise, without `--master`, the service account of the pod is used. Otherwise
the kubeconfig of `kubectl` is used (`KUBECONFIG`, `~/.kube/config`). `--master` replaces the address in the kubeconfig;
without a kubeconfig it is used alone.

Several files in `KUBECONFIG` are merged as `kubectl` merges them: the first file that sets a value wins, and missing
files are skipped. The context that is current at the start is kept until the end. Tokens and certificates in files are
read again every 30 s. An exec plugin runs again when its token expires or is refused; while it fails, the old token
stays in use and the plugin is retried every 10 s.

## Proxies and certificate authorities

These are the same for the API server and for Prometheus:

| variable | meaning |
|---|---|
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` | the proxy for `https://`, `http://`, both. An `http://` proxy, not SOCKS |
| `NO_PROXY` | exceptions: names (and their subdomains), addresses, networks such as `10.0.0.0/8`, `*` |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | the certificate authorities to trust; those in a kubeconfig or service account win |

A proxy is never used for `localhost`. `proxy-url` in a kubeconfig wins over these variables, as with `kubectl`.

## Pages

| path | answer |
|---|---|
| `/healthz` | 200 `ok`, or 503 and the thread that has died or has been stuck for ten minutes. For the liveness probe |
| `/readyz` | 200 `ok`, or 503 and what is missing: a thread, a cache, a definition. For the readiness probe |
| `/metrics` | [metrics](metrics.md) in Prometheus' format |

They are served on IPv6 and IPv4, for at most 32 connections of 10 seconds each. For a new connection the oldest one is
closed, preferably one that has not sent its request.

## Exit codes of the controller

| code | when |
|---|---|
| 0 | ended by SIGTERM or SIGINT, within five seconds |
| 1 | a thread has died of a bug, or is stuck; the last lines of the log say which. Kubernetes restarts the pod |
| 2 | a wrong flag or variable, an unusable kubeconfig or setting of Prometheus, a port that is in use |
| 3 | the shutdown was interrupted: by a second signal, or because it was not done 4.5 s after the first |
| 4 | the lease was lost to another replica; Kubernetes restarts the pod |

Standard error always has one JSON object per line. Requests that the API server does not answer are cancelled 2.5 s
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
