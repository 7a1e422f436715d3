"""The live picture: from a snapshot to lines of text. Pure."""

from collections.abc import Callable
from typing import Any

from hack.demo.user import Snapshot
from metrics.checks import CHECKS
from metrics.durations import go_duration

Json = dict[str, Any]
Paint = Callable[[str, str], str]
"""Takes a text and a colour: green, yellow, red or dim."""

_BAR = 40
_STATE_COLOURS = {"running": "yellow", "finished": "green", "failed": "red"}
_VERDICT_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


def picture(snapshot: Snapshot, paint: Paint) -> list[str]:
    """Return the picture: state, weights as bars, each check against its limit, failed checks."""
    status = snapshot.status
    state = status.get("state", "not seen yet")
    stage = f" ({status['stage']})" if status.get("stage") else ""
    lines = ["", f"  canary podinfo.test  {paint(state + stage, _STATE_COLOURS.get(state, 'dim'))}", ""]
    for name, deployment, weight in (
        ("primary", snapshot.primary, snapshot.weights[0]),
        ("canary", snapshot.workload, snapshot.weights[1]),
    ):
        lines.append(
            f"  {name:<8} {_version(deployment):<8} {_pods(deployment):<9} {_bar(weight, paint)} {weight:>3} %"
        )
    lines += ["", *[f"  {line}" for line in _checks(snapshot, paint)]]
    failed, most = status.get("failedChecks", 0), snapshot.analysis["threshold"]
    boxes = paint("■" * failed, "red") + paint("□" * max(0, most - failed), "dim")
    return [*lines, f"  {'failed checks':<18} {boxes} {failed} of {most}", ""]


def line(snapshot: Snapshot) -> str:
    """Return the picture as one line, for outputs that are no terminal."""
    status = snapshot.status
    readings = [_reading(snapshot, metric) for metric in snapshot.analysis["metrics"]]
    shown = "  ".join(f"{label} {value} ({limit})" for label, value, limit, _ in readings)
    failed = f"failed checks {status.get('failedChecks', 0)} of {snapshot.analysis['threshold']}"
    primary, canary = snapshot.weights
    return f"{status.get('state', 'not seen yet'):<8} weights {primary}/{canary}  {shown}  {failed}"


def _checks(snapshot: Snapshot, paint: Paint) -> list[str]:
    lines = []
    for metric in snapshot.analysis["metrics"]:
        label, value, limit, verdict = _reading(snapshot, metric)
        mark = paint(f"{verdict:<12}", _VERDICT_COLOURS.get(verdict, "dim"))
        lines.append(f"{label:<18} {value:>9}  {limit:<8}  {mark}")
    return lines


def _reading(snapshot: Snapshot, metric: Json) -> tuple[str, str, str, str]:
    """Return label, last value, limit and verdict of one metric as people read them."""
    kind = CHECKS[metric["name"]]
    last: Json = next((c for c in snapshot.status.get("checks", ()) if c["name"] == metric["name"]), {})
    threshold = metric["threshold"]
    limit = f">= {threshold:g}%" if kind.unit == "percent" else f"<= {go_duration(round(threshold))}"
    return kind.label, _shown(last.get("value"), kind.unit), limit, last.get("verdict", "")


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}%" if unit == "percent" else go_duration(round(value))


def _version(deployment: Json) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def _pods(deployment: Json) -> str:
    ready = (deployment.get("status") or {}).get("availableReplicas", 0)
    return f"{ready}/{deployment['spec'].get('replicas', 1)} pods"


def _bar(weight: int, paint: Paint) -> str:
    full = round(_BAR * weight / 100)
    return paint("█" * full, "green") + paint("░" * (_BAR - full), "dim")
