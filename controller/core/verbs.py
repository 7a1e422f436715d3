"""What people can ask of a rollout by annotating the Canary object. Pure; who obeys is ``decide``.

``abort``, ``promote`` and ``retry`` name the revision they speak of, so that nothing stale ever acts on a later one.
Their values are ``REVISION`` or ``REVISION@ANYTHING``, and each distinct value acts at most once.
"""

ABORT = "flagger.app/abort"
PROMOTE = "flagger.app/promote"
RETRY = "flagger.app/retry"
HOLD = "flagger.app/hold"  # no revision: the weight stays until the annotation is removed


def revision_of(value: str) -> str:
    """Return the revision that the value of an annotation speaks of."""
    return value.partition("@")[0]
