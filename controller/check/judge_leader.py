"""Whether a controller is at work, and asks the Prometheus that was looked at. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from controller.check.facts import Api, Facts, Leader, NoLease, Unknown
from controller.check.findings import Finding, Reason, cannot_tell, passed, warning

_CHECK = "controller"
_SILENT = timedelta(minutes=1)
"""A leader renews every 2 s. The time in its Lease is by another clock, which may well be half a minute off."""


def leader(facts: Facts) -> Iterator[Finding]:
    """One controller leads."""
    if not isinstance(facts.api, Api):
        return
    match facts.api.leader:
        case None:
            return
        case Unknown(why):
            yield cannot_tell(_CHECK, f"Whether a controller leads cannot be told: {why}", "Try again.")
        case NoLease(namespace):
            said = f"No controller has led yet: there is no Lease in namespace {namespace}"
            yield warning(_CHECK, Reason.NO_LEADER, said, _pods(namespace))
        case Leader(namespace, holder, silent) if not holder or silent is None or silent > _SILENT:
            last = f"; the last one was {holder}" if holder else ""
            said = f"No controller leads: the Lease in namespace {namespace} is not renewed{last}"
            yield warning(_CHECK, Reason.NO_LEADER, said, _pods(namespace))
        case Leader() as found:
            yield _asks(found, facts.metrics_server)
        case _:
            assert_never(facts.api.leader)


def _asks(found: Leader, ours: str) -> Finding:
    if not found.metrics_server or found.metrics_server == ours:
        return passed(_CHECK, f"{found.holder} leads")
    said = f"The controller that leads asks Prometheus at {found.metrics_server}; this check has asked {ours}"
    fix = f"Repeat it with --metrics-server {found.metrics_server}, where that can be reached: in the controller's pod"
    return warning(_CHECK, Reason.OTHER_METRICS_SERVER, said, fix)


def _pods(namespace: str) -> str:
    return (
        f"kubectl -n {namespace} get pods; /readyz of a controller says what it waits for. "
        "Name the Lease's namespace with --leader-election-namespace if it is another one"
    )
