"""How most stories begin."""

from tests.e2e.stage import QUICK, Json, Stage

CANARY = "podinfo-canary"
AT_ONCE = {"stepWeight": 50, "maxWeight": 50, "interval": "2s"}  # one step


def promoted(on: Stage, **analysis: object) -> str:
    """Let the first version be promoted: the canary is at 0 then, as before every release but the first."""
    on.add_canary(**{**AT_ONCE, **analysis})
    on.until_state("finished")
    revision: str = on.status()["canaryRevision"]
    return revision


def at_25(on: Stage, **analysis: object) -> str:
    """Let the first version get to its first step of two; return its revision."""
    on.add_canary(**{**QUICK, "interval": "2s", **analysis})
    on.until_said("Advance podinfo.test canary weight 25")
    revision: str = on.status()["canaryRevision"]
    return revision


def windows(canary: Json, window: str) -> None:
    """Give every metric of a canary object this window."""
    for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
        metric["interval"] = window
