"""Findings as text for people and as JSON for programs. Pure.

Whatever is printed for people goes through ``printable``: most of it comes from the cluster. JSON escapes by itself.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from controller import __version__
from controller.check.facts import Api, Facts, Unknown
from controller.check.findings import Finding, Level, Reason
from controller.printable import printable
from controller.resources import CANARIES

_WORDS = {Level.OK: "OK", Level.WARNING: "WARNING", Level.PROBLEM: "PROBLEM"}
_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.PROBLEM: "31"}
_WIDTH = len("PROBLEM")
_SERVICE_ACCOUNT = "system:serviceaccount:"


def as_text(facts: Facts, findings: Sequence[Finding], *, colours: bool) -> str:
    """Return what a person reads: what was looked at, what is to be fixed or known, and a line that sums it up."""
    printed = [finding for finding in findings if finding.reason != Reason.PASSED]
    lines = [f"{name:<12} {printable(text)}" for name, text in _looked_at(facts)]
    for finding in printed:
        lines += ["", *_paragraph(finding, colours=colours)]
    return "\n".join([*lines, "", _sum(findings)]) + "\n"


def as_json(facts: Facts, findings: Sequence[Finding]) -> str:
    """Return what a program reads; the fields are described in docs/check.md."""
    api = facts.api if isinstance(facts.api, Api) else None
    document: dict[str, Any] = {
        "version": __version__,
        "apiServer": {
            "url": facts.api_server,
            "version": api.version.text if api and not isinstance(api.version, Unknown) else None,
            "user": api.user if api and not isinstance(api.user, Unknown) else None,
        },
        "metricsServer": {"url": facts.metrics_server},
        "namespaces": list(facts.namespaces),
        "summary": {level.value: _count(findings, level) for level in Level},
        "findings": [
            {
                "level": finding.level.value,
                "check": finding.check,
                "reason": str(finding.reason),
                "canary": finding.about or None,
                "what": finding.what,
                "fix": finding.fix or None,
                **({"query": finding.query} if finding.query else {}),
            }
            for finding in findings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _looked_at(facts: Facts) -> Iterator[tuple[str, str]]:
    api = facts.api
    version = (
        f", Kubernetes {api.version.text}" if isinstance(api, Api) and not isinstance(api.version, Unknown) else ""
    )
    yield "API server", f"{facts.api_server}{version}"
    if isinstance(api, Api):
        yield "User", _user(api.user)
    yield "Prometheus", facts.metrics_server
    yield "Namespaces", ", ".join(facts.namespaces) or "all"
    if isinstance(api, Api):
        listed = all(unlisted.kind != CANARIES.kind for unlisted in api.objects.unlisted)
        yield "Canaries", str(len(api.objects.looks)) if listed else "could not be listed"


def _user(user: str | Unknown) -> str:
    """Return who asked; rights that are not a service account's may not be those of the controller."""
    if isinstance(user, Unknown):
        return f"unknown ({user.why})"
    return user if user.startswith(_SERVICE_ACCOUNT) else f"{user} (its rights are checked, not the controller's)"


def _paragraph(finding: Finding, *, colours: bool) -> Iterator[str]:
    word = f"{_WORDS[finding.level]:<{_WIDTH}}"
    if colours:
        word = f"\x1b[{_COLOURS[finding.level]};1m{word}\x1b[0m"
    namespace, _, name = finding.about.partition("/")
    about = f"canary {name}.{namespace}: " if name else ""
    yield f"{word}  {printable(about + finding.what)}"
    if finding.fix:
        yield f"{'fix':>{_WIDTH}}  {printable(finding.fix)}"


def _sum(findings: Sequence[Finding]) -> str:
    ok = _count(findings, Level.OK)
    problems, warnings = (_count(findings, level) for level in (Level.PROBLEM, Level.WARNING))
    if not problems and not warnings:
        return f"Nothing to fix: all {ok} checks passed."
    return f"{_number(problems, 'problem')}, {_number(warnings, 'warning')}, {_number(ok, 'check')} passed."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _count(findings: Sequence[Finding], level: Level) -> int:
    return sum(finding.level is level for finding in findings)
